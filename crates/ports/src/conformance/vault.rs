//! The suite of [`Vault`].

use crate::{PortError, Vault};
use std::sync::Arc;

/// Runs the suite: `ports::vault_conformance!(make);`. `make` gives [`Vaults`].
#[macro_export]
macro_rules! vault_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            vault,
            [
                a_sealed_secret_opens_to_the_same_text,
                a_role_that_may_only_seal_cannot_open,
                a_secret_does_not_open_for_another_business_or_connection,
                a_secret_does_not_open_with_another_key,
                a_changed_text_does_not_open,
                the_same_secret_is_sealed_differently_each_time,
                no_error_repeats_what_was_given,
            ]
        );
    };
}

/// Three roles.
pub struct Vaults {
    /// Seals and opens.
    pub full: Arc<dyn Vault>,
    /// Has only the key that seals for `full`.
    pub sealing: Arc<dyn Vault>,
    /// Has other keys.
    pub stranger: Arc<dyn Vault>,
}

const SECRET: &str = "postgres://reader:päss@db.example:5432/shop";

async fn seal(vault: &Arc<dyn Vault>) -> String {
    vault.seal(&"biz_1".into(), &"con_1".into(), SECRET).await.expect("seal")
}

async fn open(vault: &Arc<dyn Vault>, business: &str, connection: &str, sealed: &str) -> Result<String, PortError> {
    vault.open(&business.into(), &connection.into(), sealed).await
}

fn assert_refused(opened: Result<String, PortError>) {
    assert!(matches!(opened, Err(PortError::Refused { .. })), "{opened:?}");
}

pub async fn a_sealed_secret_opens_to_the_same_text(vaults: Vaults) {
    for sealer in [&vaults.full, &vaults.sealing] {
        let sealed = seal(sealer).await;
        assert!(!sealed.contains("reader") && sealed.is_ascii());
        assert_eq!(open(&vaults.full, "biz_1", "con_1", &sealed).await.unwrap(), SECRET);
    }
}

pub async fn a_role_that_may_only_seal_cannot_open(vaults: Vaults) {
    let sealed = seal(&vaults.sealing).await;
    assert_refused(open(&vaults.sealing, "biz_1", "con_1", &sealed).await);
}

pub async fn a_secret_does_not_open_for_another_business_or_connection(vaults: Vaults) {
    let sealed = seal(&vaults.full).await;
    // Nor after it was opened for its own.
    assert_eq!(open(&vaults.full, "biz_1", "con_1", &sealed).await.unwrap(), SECRET);
    assert_refused(open(&vaults.full, "biz_2", "con_1", &sealed).await);
    assert_refused(open(&vaults.full, "biz_1", "con_2", &sealed).await);
    assert_refused(open(&vaults.full, "biz_1|con", "1", &sealed).await);
}

pub async fn a_secret_does_not_open_with_another_key(vaults: Vaults) {
    assert_refused(open(&vaults.stranger, "biz_1", "con_1", &seal(&vaults.full).await).await);
}

pub async fn a_changed_text_does_not_open(vaults: Vaults) {
    let sealed = seal(&vaults.full).await;
    for at in 0..sealed.len() {
        let mut changed = sealed.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_refused(open(&vaults.full, "biz_1", "con_1", &String::from_utf8(changed).unwrap()).await);
    }
    for cut in ["", "v1", "v1.", "v1..", &sealed[..sealed.len() - 1]] {
        assert_refused(open(&vaults.full, "biz_1", "con_1", cut).await);
    }
}

pub async fn the_same_secret_is_sealed_differently_each_time(vaults: Vaults) {
    assert_ne!(seal(&vaults.full).await, seal(&vaults.full).await);
}

pub async fn no_error_repeats_what_was_given(vaults: Vaults) {
    let sealed = seal(&vaults.full).await;
    for opened in
        [open(&vaults.stranger, "biz_1", "con_1", &sealed).await, open(&vaults.full, "biz_1", "con_1", SECRET).await]
    {
        let message = opened.unwrap_err().to_string();
        assert!(!message.contains(&sealed) && !message.contains("reader"), "{message}");
    }
}
