//! The connection that listens: frames for this process, and cancels.

use crate::backoff::Backoff;
use crate::dial::Dialer;
use crate::frame;
use crate::keys::Keys;
use crate::link::TIMEOUT;
use crate::watchers::Watchers;
use async_trait::async_trait;
use contracts::TurnId;
use futures_util::StreamExt;
use ports::signals::Cancels;
use redis::{Msg, RedisResult};
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

/// The link's heartbeats come every second: a subscription that hears none for this long is dead.
const SILENCE: Duration = Duration::from_secs(5);

pub(crate) struct Subscription {
    /// Where the server is.
    pub dialer: Dialer,
    /// Names.
    pub keys: Keys,
    /// Who listens here.
    pub watchers: Arc<Watchers>,
    /// Cancels go here.
    pub cancels: broadcast::Sender<TurnId>,
    /// Whether the server has subscribed us; `None` before the first try.
    pub subscribed: watch::Sender<Option<bool>>,
}

impl Subscription {
    /// Listens for ever.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            let started = Instant::now();
            if let Err(error) = self.listen().await {
                tracing::debug!(%error, "the subscription ended and is made again");
            }
            self.subscribed.send_replace(Some(false));
            backoff.ended_after(started.elapsed());
            backoff.pause().await;
        }
    }

    async fn listen(&self) -> RedisResult<()> {
        let mut pubsub = in_time(TIMEOUT, self.dialer.client().get_async_pubsub()).await??;
        let channels = [self.keys.node_channel(), self.keys.cancels()];
        in_time(TIMEOUT, pubsub.subscribe(&channels[..])).await??;
        self.watchers.missed();
        self.subscribed.send_replace(Some(true));
        let mut messages = pubsub.into_on_message();
        // The driver's own queue has no bound: it is emptied here without ever waiting for a listener.
        while let Some(message) = in_time(SILENCE, messages.next()).await? {
            self.take(&message);
        }
        Ok(())
    }

    fn take(&self, message: &Msg) {
        let Ok(payload) = message.get_payload::<String>() else { return };
        if message.get_channel_name() == self.keys.cancels() {
            // An error says that nobody listens.
            self.cancels.send(TurnId::new(payload)).ok();
        } else if let Some(frame) = frame::decode(&payload) {
            self.watchers.hear(frame);
        }
    }
}

async fn in_time<T>(patience: Duration, future: impl Future<Output = T>) -> RedisResult<T> {
    Ok(tokio::time::timeout(patience, future).await.map_err(|_| Error::from(ErrorKind::TimedOut))?)
}

/// Cancels for one listener.
pub(crate) struct RedisCancels(pub broadcast::Receiver<TurnId>);

#[async_trait]
impl Cancels for RedisCancels {
    async fn next(&mut self) -> Option<TurnId> {
        loop {
            match self.0.recv().await {
                Ok(turn) => return Some(turn),
                Err(broadcast::error::RecvError::Closed) => return None,
                Err(broadcast::error::RecvError::Lagged(count)) => {
                    tracing::warn!(count, "cancels came faster than they were taken: some were skipped");
                }
            }
        }
    }
}
