//! What a trial on real servers needs beyond the application: their addresses, and a way to leave nothing behind.

use crate::SystemClock;
use crate::compose::{Reach, with_password};
use anyhow::{Context, Result};
use ports::broker::{Queue, all_queues};
use settings::Settings;
use std::sync::Arc;

/// The servers of distributed mode, with their passwords: for drivers, not for logs.
pub struct ServerUrls {
    /// PostgreSQL.
    pub store: String,
    /// RabbitMQ.
    pub broker: String,
    /// Redis.
    pub events: String,
}

/// Where the settings say that the servers are.
pub fn server_urls(settings: &Settings) -> Result<ServerUrls> {
    let secrets = &settings.secrets;
    Ok(ServerUrls {
        store: with_password(&settings.store.url, &secrets.store_password, "store.url")?,
        broker: with_password(&settings.broker.url, &secrets.broker_password, "broker.url")?,
        events: with_password(&settings.events.url, &secrets.events_password, "events.url")?,
    })
}

/// Deletes all that an installation left under `broker.prefix` and `events.prefix`, and the other queues named. For
/// trials under prefixes of their own.
pub async fn remove_prefixes(settings: &Settings, others: &[Queue]) -> Result<()> {
    let reach = Reach { settings, clock: Arc::new(SystemClock::default()) };
    let queues = [all_queues(), others.to_vec()].concat();
    reach.open_broker().await?.remove(&queues).await.context("the queues of the trial cannot be removed")?;
    reach.open_bus().await?.remove_all().await.context("the events of the trial cannot be removed")
}
