use crate::SystemClock;
use crate::compose::Reach;
use adapter_store::Store;
use anyhow::Result;
use api::AuditList;
use contracts::BusinessId;
use domain::audit_chain::{Checked, Checker, Finding, Head, Row};
use ports::audit::{AuditChain, AuditFilter, AuditHead, AuditLog};
use ports::{AppStore, PortError};
use settings::Settings;
use std::collections::HashSet;
use std::sync::Arc;

/// Rows that are read at a time.
const PAGE: u32 = 1_000;

/// The audit for who runs the installation, in the store that the settings name.
pub struct AuditDesk {
    store: Store,
}

/// A chain that was checked.
#[derive(Clone, Debug)]
pub struct CheckedChain {
    /// Whose chain.
    pub business: BusinessId,
    /// Rows from before there was a chain.
    pub unchained: u64,
    /// What came of it.
    pub checked: Checked,
}

/// What a check of the audit came to.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Every chain that was looked at.
    pub chains: Vec<CheckedChain>,
    /// Hashes that are in none of them.
    pub not_found: Vec<String>,
}

impl Verified {
    /// True when everything is as it was written.
    pub fn is_sound(&self) -> bool {
        self.not_found.is_empty() && self.chains.iter().all(|chain| chain.checked.findings.is_empty())
    }

    /// Every finding, with the business that it is of.
    pub fn findings(&self) -> impl Iterator<Item = (&BusinessId, &Finding)> {
        self.chains.iter().flat_map(|chain| chain.checked.findings.iter().map(|finding| (&chain.business, finding)))
    }
}

impl AuditDesk {
    /// Opens the store. Looking makes none.
    pub async fn open(settings: &Settings) -> Result<Self> {
        let store = Reach { settings, clock: Arc::new(SystemClock::default()) }.existing_store().await?;
        store.check_tables().await?;
        Ok(Self { store })
    }

    /// A page of a business's audit, newest first, as the API shows it.
    pub async fn list(&self, business: &BusinessId, filter: &AuditFilter, limit: u32) -> Result<serde_json::Value> {
        let entries = self.store.audit_list(business, filter, limit).await?;
        Ok(serde_json::to_value(AuditList::page(entries, limit))?)
    }

    /// The ends of the chains.
    pub async fn heads(&self, business: Option<&BusinessId>) -> Result<Vec<AuditHead>> {
        Ok(self.store.audit_heads(business).await?)
    }

    /// Checks the chains: see [`verify_audit`].
    pub async fn verify(
        &self,
        business: Option<&BusinessId>,
        hashes: &[String],
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<Verified> {
        Ok(verify_audit(&self.store, business, hashes, progress).await?)
    }
}

/// Reads the chain of a business, or of all, and finds rows that were changed, removed, put in or moved. Each of the
/// `hashes` must be in one of the chains. `progress` hears how many rows were read, of about how many.
pub async fn verify_audit(
    store: &dyn AppStore,
    business: Option<&BusinessId>,
    hashes: &[String],
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Verified, PortError> {
    let wanted: HashSet<String> = hashes.iter().map(|hash| hash.trim().to_lowercase()).collect();
    let mut chains = store.audit_chains().await?;
    chains.retain(|chain| business.is_none_or(|business| *business == chain.business));
    let heads = chains.iter().filter_map(|chain| chain.head.as_ref());
    let total = heads.fold(0, |sum: u64, (seq, _)| sum.saturating_add(u64::try_from(*seq).unwrap_or(0)));
    let mut read = 0;
    let mut verified = Vec::with_capacity(chains.len());
    for chain in chains {
        let mut count = |rows| {
            read += rows;
            progress(read, total);
        };
        let checked = check(store, &chain, &wanted, &mut count).await?;
        verified.push(CheckedChain { business: chain.business, unchained: chain.unchained, checked });
    }
    let is_found = |hash: &String| verified.iter().any(|chain| chain.checked.found.contains(hash));
    let mut not_found: Vec<String> = wanted.iter().filter(|hash| !is_found(hash)).cloned().collect();
    not_found.sort_unstable();
    Ok(Verified { chains: verified, not_found })
}

/// Rows that came after the head was read are left for the next check.
async fn check(
    store: &dyn AppStore,
    chain: &AuditChain,
    wanted: &HashSet<String>,
    read: &mut (dyn FnMut(u64) + Send),
) -> Result<Checked, PortError> {
    let head = chain.head.as_ref().map(|(seq, hash)| Head { seq: *seq, hash: hash.clone() });
    let until = head.as_ref().map_or(i64::MAX, |head| head.seq);
    let mut checker = Checker::new(chain.business.as_str(), wanted);
    let mut after: Option<(i64, String)> = None;
    loop {
        let place = after.as_ref().map(|(seq, id)| (*seq, id.as_str()));
        let rows = store.audit_page(&chain.business, place, PAGE).await?;
        for row in rows.iter().take_while(|row| row.seq <= until) {
            checker.row(&Row { seq: row.seq, previous: &row.previous, hash: &row.hash, fields: &row.fields });
        }
        read(rows.len() as u64);
        match rows.last() {
            Some(last) if last.seq <= until && rows.len() == PAGE as usize => {
                after = Some((last.seq, last.id().to_owned()));
            }
            _ => return Ok(checker.end(head.as_ref(), chain.beyond)),
        }
    }
}
