//! Changing the pair of keys that credentials are sealed with.
//!
//! While both private keys are known, every process reads what either key sealed, so that the change needs no pause.

use crate::compose::{Reach, lock, vault};
use crate::{DataKeys, Roles, SystemClock};
use anyhow::{Context, Result, bail};
use contracts::{BusinessId, ConnectionId};
use ports::Vault;
use ports::store::{Connection, Connections};
use ports::vault::write_slot;
use settings::{Mode, Secret, Settings};
use std::sync::Arc;

/// How often a connection that somebody changes meanwhile is read again.
const TRIES: usize = 3;

/// Seals all credentials for a new key. Says what was done and what is left to do.
pub async fn rotate_keys(settings: &mut Settings) -> Result<String> {
    if settings.mode == Mode::Embedded {
        return rotate_folder(settings).await;
    }
    if settings.secrets.vault_previous_private_key.is_empty() {
        bail!(
            "name both keys: the new pair as ASKLINE_SECRETS__VAULT_PUBLIC_KEY and ASKLINE_SECRETS__VAULT_PRIVATE_KEY \
             (`askline keys` makes one), the old private key as ASKLINE_SECRETS__VAULT_PREVIOUS_PRIVATE_KEY"
        );
    }
    let reach = Reach { settings, clock: Arc::new(SystemClock::default()) };
    let sealed = seal_all(settings, &reach.any_store().await?).await?;
    Ok(format!("{sealed} connections are sealed for the new key. Take the previous private key away everywhere."))
}

/// The keys of a data folder. A server that runs on it goes on with the old pair and takes the new one when it starts.
async fn rotate_folder(settings: &mut Settings) -> Result<String> {
    let folder = settings.embedded.data_dir.clone();
    let keys = DataKeys::rotate(&folder)?;
    let Ok(_lock) = lock(&folder) else {
        return Ok("The new keys are there. The server that runs takes them when it is started next.".to_owned());
    };
    keys.fill(&mut settings.secrets);
    let reach = Reach { settings, clock: Arc::new(SystemClock::default()) };
    let store = reach.existing_store().await;
    let sealed = match store {
        Ok(store) => seal_all(settings, &store).await?,
        Err(_) => 0,
    };
    DataKeys::forget_previous(&folder)?;
    Ok(format!("{sealed} connections are sealed for the new key."))
}

/// Ends a change of keys that a running server could not end.
pub(crate) async fn finish(settings: &mut Settings, store: &dyn Connections) -> Result<()> {
    let sealed = seal_all(settings, store).await?;
    DataKeys::forget_previous(&settings.embedded.data_dir)?;
    settings.secrets.vault_previous_private_key = Secret::default();
    tracing::info!(sealed, "credentials are sealed for the new key");
    Ok(())
}

async fn seal_all(settings: &Settings, store: &dyn Connections) -> Result<usize> {
    let vault = vault(settings, &Roles::all())?;
    let mut sealed = 0;
    for connection in store.every_connection().await? {
        let (business, id) = (&connection.business, &connection.id);
        let mut current = Some(connection.clone());
        for _ in 0..TRIES {
            let Some(known) = current else { break };
            if seal_one(&vault, store, &known).await? && seal_for_changes(&vault, store, &known).await? {
                sealed += 1;
                break;
            }
            current = store.connection(business, id).await?;
        }
    }
    Ok(sealed)
}

async fn seal_one(vault: &dyn Vault, store: &dyn Connections, known: &Connection) -> Result<bool> {
    let (business, id) = (&known.business, &known.id);
    let anew = anew(vault, business, id, &known.sealed_url).await?;
    Ok(store.reseal(business, id, &known.sealed_url, &anew).await?)
}

/// True, too, when there is no credential for changes.
async fn seal_for_changes(vault: &dyn Vault, store: &dyn Connections, known: &Connection) -> Result<bool> {
    let Some(sealed) = &known.sealed_write_url else { return Ok(true) };
    let (business, id) = (&known.business, &known.id);
    let anew = anew(vault, business, &write_slot(id), sealed).await?;
    Ok(store.reseal_write_url(business, id, sealed, &anew).await?)
}

async fn anew(vault: &dyn Vault, business: &BusinessId, slot: &ConnectionId, sealed: &str) -> Result<String> {
    let url = vault.open(business, slot, sealed).await;
    let url = url.with_context(|| format!("the credentials of {slot} cannot be opened with either key"))?;
    Ok(vault.seal(business, slot, &url).await?)
}
