//! What a trial on real servers needs beyond the application: their addresses, and a way to leave nothing behind.

use crate::SystemClock;
use crate::compose::{Reach, with_password};
use anyhow::{Context, Result, bail};
use ports::broker::{Queue, all_queues};
use settings::Settings;
use std::path::Path;
use std::sync::Arc;
use url::Url;

/// The servers of distributed mode, with their passwords: for drivers, not for logs.
pub struct ServerUrls {
    /// PostgreSQL.
    pub store: String,
    /// RabbitMQ.
    pub broker: String,
    /// Redis.
    pub events: String,
}

/// Where the settings say that the servers are. Whoever connects by these URLs trusts whom the installation trusts; what a
/// URL cannot say is refused.
pub fn server_urls(settings: &Settings) -> Result<ServerUrls> {
    let secrets = &settings.secrets;
    for (name, file) in [("broker.ca_file", &settings.broker.ca_file), ("events.ca_file", &settings.events.ca_file)] {
        if !file.as_os_str().is_empty() {
            bail!("a measurement cannot use {name}: measure on servers that speak plainly, such as local ones");
        }
    }
    let store = with_password(&settings.store.url, &secrets.store_password, "store.url")?;
    Ok(ServerUrls {
        store: verifying(&store, &settings.store.ca_file)?,
        broker: with_password(&settings.broker.url, &secrets.broker_password, "broker.url")?,
        events: with_password(&settings.events.url, &secrets.events_password, "events.url")?,
    })
}

/// As the app store's own connections: with a file of authorities its server must prove its name.
fn verifying(url: &str, authorities: &Path) -> Result<String> {
    if authorities.as_os_str().is_empty() {
        return Ok(url.to_owned());
    }
    let mut url = Url::parse(url).context("store.url is no URL")?;
    let file = authorities.to_str().context("store.ca_file is no text")?;
    url.query_pairs_mut().append_pair("sslmode", "verify-full").append_pair("sslrootcert", file);
    Ok(url.into())
}

/// Deletes all that an installation left under `broker.prefix` and `events.prefix`, and the other queues named. For
/// trials under prefixes of their own.
pub async fn remove_prefixes(settings: &Settings, others: &[Queue]) -> Result<()> {
    let reach = Reach { settings, clock: Arc::new(SystemClock::default()) };
    let queues = [all_queues(), others.to_vec()].concat();
    reach.open_broker().await?.remove(&queues).await.context("the queues of the trial cannot be removed")?;
    reach.open_bus().await?.remove_all().await.context("the events of the trial cannot be removed")
}
