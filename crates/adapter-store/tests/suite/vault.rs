use adapter_store::HpkeVault;
use ports::PortError;
use ports::conformance::vault::Vaults;
use std::sync::Arc;

async fn make() -> (Vaults, ()) {
    let (public, private) = HpkeVault::generate().unwrap();
    let (other_public, other_private) = HpkeVault::generate().unwrap();
    let vaults = Vaults {
        full: Arc::new(HpkeVault::new(&public, Some(&private)).unwrap().keeping(1)),
        sealing: Arc::new(HpkeVault::new(&public, None).unwrap()),
        stranger: Arc::new(HpkeVault::new(&other_public, Some(&other_private)).unwrap()),
    };
    (vaults, ())
}

ports::vault_conformance!(make);

fn refusal(public: &str, private: Option<&str>) -> String {
    match HpkeVault::new(public, private) {
        Err(error @ PortError::Refused { .. }) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the keys were taken"),
    }
}

#[test]
fn keys_that_cannot_be_read_are_refused_without_being_repeated() {
    let (public, private) = HpkeVault::generate().unwrap();
    let short = &private[4..];
    assert!(refusal("no base64!", None).contains("vault_public_key"));
    let message = refusal(&public, Some(short));
    assert!(message.contains("vault_private_key") && !message.contains(short));
}

#[test]
fn keys_of_two_pairs_are_refused() {
    let (public, _) = HpkeVault::generate().unwrap();
    let (_, private) = HpkeVault::generate().unwrap();
    assert!(refusal(&public, Some(&private)).contains("do not belong together"));
}

#[tokio::test]
async fn a_role_without_the_public_key_cannot_seal_but_open() {
    use ports::Vault;
    let (public, private) = HpkeVault::generate().unwrap();
    let (business, connection) = ("biz_1".into(), "con_1".into());
    let sealed = HpkeVault::new(&public, None).unwrap().seal(&business, &connection, "secret").await.unwrap();
    let opening = HpkeVault::new("", Some(&format!(" {private}\n"))).unwrap();
    assert_eq!(opening.open(&business, &connection, &sealed).await.unwrap(), "secret");
    assert!(opening.seal(&business, &connection, "secret").await.is_err());
}

#[tokio::test]
async fn what_an_earlier_key_sealed_is_opened_while_that_key_is_named() {
    use ports::Vault;
    let (old_public, old_private) = HpkeVault::generate().unwrap();
    let (public, private) = HpkeVault::generate().unwrap();
    let (business, connection) = ("biz_1".into(), "con_1".into());
    let sealed = HpkeVault::new(&old_public, None).unwrap().seal(&business, &connection, "secret").await.unwrap();
    let alone = HpkeVault::new(&public, Some(&private)).unwrap();
    assert!(alone.open(&business, &connection, &sealed).await.is_err());
    let both = alone.with_previous(&old_private).unwrap();
    assert_eq!(both.open(&business, &connection, &sealed).await.unwrap(), "secret");
    let anew = both.seal(&business, &connection, "secret").await.unwrap();
    assert!(HpkeVault::new("", Some(&old_private)).unwrap().open(&business, &connection, &anew).await.is_err());
    assert!(both.with_previous("no key").is_err());
}
