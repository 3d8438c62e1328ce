//! The keys that credentials are sealed with are changed while the application runs.

use app::{Overrides, Roles, rotate_keys};
use ports::Ports;
use ports::vault::write_slot;
use settings::{Secret, Settings};
use testkit::World;

async fn url_of_the_demo(ports: &Ports) -> Option<String> {
    let connections = ports.store.connections(&"biz_demo".into()).await.unwrap();
    let one = connections.first().unwrap();
    ports.vault.open(&one.business, &one.id, &one.sealed_url).await.ok()
}

/// The demo's connection gets a URL for changes.
async fn allow_changes(ports: &Ports) {
    let (business, id) = ("biz_demo".into(), "con_sample_shop".into());
    let sealed = ports.vault.seal(&business, &write_slot(&id), "sqlite:/shop.db").await.unwrap();
    assert!(ports.store.set_write_url(&business, &id, Some(&sealed)).await.unwrap());
}

async fn url_for_changes(ports: &Ports) -> Option<String> {
    let connections = ports.store.connections(&"biz_demo".into()).await.unwrap();
    let one = connections.first().unwrap();
    let sealed = one.sealed_write_url.as_ref().unwrap();
    assert!(ports.vault.open(&one.business, &one.id, sealed).await.is_err(), "it is no URL for reading");
    ports.vault.open(&one.business, &write_slot(&one.id), sealed).await.ok()
}

async fn ports_with(settings: &Settings) -> Ports {
    app::compose(&mut settings.clone(), &Roles::all(), Overrides::default()).await.unwrap().ports
}

#[tokio::test(flavor = "multi_thread")]
async fn both_keys_are_read_during_the_change_and_the_new_one_alone_after_it() {
    let world = World::distributed(&[]).await;
    allow_changes(&world.ports).await;
    let old = world.settings.clone();
    let (public, private) = app::generate_vault_keys().unwrap();
    let mut both = old.clone();
    both.secrets.vault_previous_private_key = old.secrets.vault_private_key.clone();
    both.secrets.vault_public_key = Secret::new(public);
    both.secrets.vault_private_key = Secret::new(private);
    let mut new = both.clone();
    new.secrets.vault_previous_private_key = Secret::default();

    assert!(url_of_the_demo(&ports_with(&both).await).await.is_some());
    assert!(url_of_the_demo(&ports_with(&new).await).await.is_none());
    assert!(rotate_keys(&mut new.clone()).await.is_err(), "it takes the old key too");
    let said = rotate_keys(&mut both).await.unwrap();
    assert!(said.starts_with("1 connections"), "{said}");
    assert!(url_of_the_demo(&ports_with(&new).await).await.is_some());
    assert_eq!(url_for_changes(&ports_with(&new).await).await.as_deref(), Some("sqlite:/shop.db"));
    assert!(url_of_the_demo(&world.ports).await.is_none());
    assert!(url_for_changes(&world.ports).await.is_none());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_server_goes_on_and_takes_the_new_keys_at_its_next_start() {
    let world = World::embedded(&[]).await;
    let folder = world.folder.path().join("kept");
    std::fs::create_dir(&folder).unwrap();
    let before = std::fs::read_to_string(world.folder.path().join("keys.json")).unwrap();
    let said = rotate_keys(&mut world.settings.clone()).await.unwrap();
    assert!(said.contains("started next"), "{said}");
    assert!(rotate_keys(&mut world.settings.clone()).await.is_err(), "the first change has not ended");
    let answered = world.client().ask("How many customers do we have?").await;
    assert_eq!(answered.check().status(), "completed", "{:#?}", answered.terminal());
    // What the next start does, on a copy of the folder.
    for file in std::fs::read_dir(world.folder.path()).unwrap().map(Result::unwrap) {
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
    }
    let mut restarted = world.settings.clone();
    restarted.embedded.data_dir = folder.clone();
    restarted.secrets = settings::Secrets::default();
    assert!(url_of_the_demo(&ports_with(&restarted).await).await.is_some());
    let after = std::fs::read_to_string(folder.join("keys.json")).unwrap();
    assert!(!after.contains("previous") && after != before);
    world.stop().await;
}
