//! The audit of the fake store: what a test puts in.

use super::store::FakeStore;
use async_trait::async_trait;
use contracts::{BusinessId, TurnId};
use ports::PortError;
use ports::audit::{
    AuditChain, AuditEntry, AuditFilter, AuditHead, AuditLink, AuditLog, AuditPhase, AuditRow, StoredAudit,
};

/// The `seq`th row of a business's chain.
pub fn entry(business: &str, turn: &str, seq: u64) -> AuditEntry {
    let row = AuditRow {
        id: format!("aud_{business}_{seq}"),
        business: business.into(),
        user: "usr_1".into(),
        turn: turn.into(),
        hop: format!("{turn}/classify.0/generate_sql.0/execute_sql.0").as_str().into(),
        attempt: 1,
        connection: "con_1".into(),
        phase: AuditPhase::Intent,
        intent: None,
        question: Some("How many?".to_owned()),
        sql: "SELECT 1".to_owned(),
        tables: vec!["orders".to_owned()],
        verdict: "execute".to_owned(),
        rows: None,
        duration_ms: None,
        at_ms: i64::try_from(seq).unwrap(),
    };
    AuditEntry { row, link: AuditLink { seq, previous: "0".repeat(64), hash: "a".repeat(64) } }
}

fn fits(entry: &AuditEntry, filter: &AuditFilter) -> bool {
    let AuditEntry { row, link } = entry;
    filter.turn.as_ref().is_none_or(|turn| *turn == row.turn)
        && filter.user.as_ref().is_none_or(|user| *user == row.user)
        && filter.connection.as_ref().is_none_or(|connection| *connection == row.connection)
        && filter.since_ms.is_none_or(|since| row.at_ms >= since)
        && filter.until_ms.is_none_or(|until| row.at_ms < until)
        && filter.before.is_none_or(|before| link.seq < before)
}

#[async_trait]
impl AuditLog for FakeStore {
    async fn audit(&self, _: &AuditRow) -> Result<(), PortError> {
        panic!("the API executes nothing")
    }
    async fn audit_of(&self, _: &BusinessId, _: &TurnId) -> Result<Vec<AuditRow>, PortError> {
        panic!("the API lists by a filter")
    }
    async fn audit_list(
        &self,
        business: &BusinessId,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, PortError> {
        let audit = self.audit.lock().unwrap();
        let ours = audit.iter().filter(|entry| entry.row.business == *business && fits(entry, filter));
        let mut ours: Vec<_> = ours.cloned().collect();
        ours.sort_by_key(|entry| std::cmp::Reverse(entry.link.seq));
        ours.truncate(limit as usize);
        Ok(ours)
    }
    async fn audit_heads(&self, _: Option<&BusinessId>) -> Result<Vec<AuditHead>, PortError> {
        panic!("heads are the operator's")
    }
    async fn audit_chains(&self) -> Result<Vec<AuditChain>, PortError> {
        panic!("chains are the operator's")
    }
    async fn audit_page(&self, _: &BusinessId, _: Option<(i64, &str)>, _: u32) -> Result<Vec<StoredAudit>, PortError> {
        panic!("chains are the operator's")
    }
}
