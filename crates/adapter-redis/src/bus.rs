//! The adapter itself.

use crate::dial::Dialer;
use crate::error::{SYSTEM, unavailable};
use crate::frame::SEPARATOR;
use crate::interest::{self, Interest, Register};
use crate::keys::Keys;
use crate::limiter::RedisLimiter;
use crate::link::Link;
use crate::subscription::{RedisCancels, Subscription};
use crate::watchers::Watchers;
use async_trait::async_trait;
use contracts::{LoggedEvent, TurnId};
use ports::PortError;
use ports::event_log::{Append, AppendError, EventLog, Position, Watch};
use ports::flights::Flights;
use ports::limiter::{Limiter, Permit};
use ports::signals::{Cancels, Signals};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tls::Files;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

const APPEND: &str = include_str!("append.lua");
const LEAD: &str = include_str!("lead.lua");
/// Cancels that wait for a slow listener.
const CANCELS: usize = 1_024;
/// Keys that one step of a removal looks at.
const SCANNED_AT_ONCE: usize = 1_000;
/// How long a new process waits to be subscribed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the server is, and how long it keeps events.
#[derive(Clone)]
pub struct RedisConfig {
    /// `redis://user:password@host:6379/0` or `rediss://…`.
    pub url: String,
    /// Others that may take its place, `host:port`: replicas that something promotes. They are tried in turn when the one
    /// before cannot be reached or takes no writes; login, database and TLS are those of `url`.
    pub nodes: Vec<String>,
    /// Put before every key and channel.
    pub prefix: String,
    /// The events of a response are kept this long after the last of them.
    pub retention: Duration,
    /// For `rediss://`: whom to trust, and what to show.
    pub tls: Files,
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, nodes, prefix, retention, tls: _ } = self;
        f.debug_struct("RedisConfig")
            .field("nodes", nodes)
            .field("prefix", prefix)
            .field("retention", retention)
            .finish()
    }
}

/// Event log and signals on Redis. Its connections and watches end when it is dropped.
pub struct RedisBus {
    keys: Keys,
    link: Link,
    watchers: Arc<Watchers>,
    coming: mpsc::Sender<Register>,
    going: mpsc::UnboundedSender<TurnId>,
    cancels: broadcast::Sender<TurnId>,
    limiter: RedisLimiter,
    ttl_ms: u64,
    _stop: DropGuard,
}

impl RedisBus {
    /// Connects. Fails only when the URL, or a file for TLS, cannot be read: a server that cannot be reached is tried again in the
    /// background, and `ping` says what is wrong.
    pub async fn connect(config: RedisConfig) -> Result<Self, PortError> {
        let RedisConfig { url, nodes, prefix, retention, tls } = config;
        let dialer = Dialer::new(url, &nodes, &tls)?;
        let retention = retention.max(Duration::from_secs(1));
        let (keys, stop) = (Keys::new(&prefix), CancellationToken::new());
        let (watchers, reset) = (Arc::new(Watchers::default()), Arc::new(Notify::new()));
        let link = Link::open(dialer.clone(), keys.clone(), APPEND, Arc::clone(&reset), stop.clone());
        let (coming, to_register) = mpsc::channel(interest::WAITING);
        // Bounded by the watches that there were.
        let (going, to_forget) = mpsc::unbounded_channel();
        let interest = Interest { link: link.clone(), keys: keys.clone(), watchers: Arc::clone(&watchers), retention };
        let (cancels, _) = broadcast::channel(CANCELS);
        let (subscribed, subscription_tried) = watch::channel(None);
        let subscription = Subscription {
            dialer,
            keys: keys.clone(),
            watchers: Arc::clone(&watchers),
            cancels: cancels.clone(),
            subscribed,
        };
        run_until(&stop, interest.run(to_register, to_forget, reset));
        run_until(&stop, closing(Arc::clone(&watchers), subscription.run()));
        first_tries(&link, subscription_tried).await;
        let ttl_ms = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
        let limiter = RedisLimiter::start(link.clone(), keys.clone());
        Ok(Self { keys, link, watchers, coming, going, cancels, limiter, ttl_ms, _stop: stop.drop_guard() })
    }

    /// Turns that somebody listens to in this process.
    pub fn watched(&self) -> usize {
        self.watchers.turns().len()
    }

    /// Deletes everything that was kept under the prefix: the end of a trial.
    pub async fn remove_all(&self) -> Result<(), PortError> {
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(self.keys.all()).arg("COUNT").arg(SCANNED_AT_ONCE);
            let (next, found): (u64, Vec<String>) = self.link.query("remove", &scan).await?;
            if !found.is_empty() {
                let mut unlink = redis::cmd("UNLINK");
                self.link.query::<u64>("remove", unlink.arg(found)).await?;
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// One round trip. A repeated append is skipped by the script, so it may be sent twice.
    async fn run_append(&self, append: &Append) -> Result<(u8, u64, u8), PortError> {
        let Append { turn, fence, batch, floor, events, closes } = append;
        let build = |script: &str| {
            let mut command = redis::cmd("EVALSHA");
            command.arg(script).arg(3).arg(self.keys.log(turn)).arg(self.keys.meta(turn)).arg(self.keys.nodes(turn));
            command.arg(fence).arg(batch).arg(floor).arg(u8::from(*closes)).arg(self.ttl_ms);
            command.arg(turn.as_str()).arg(self.keys.node_channels()).arg(events);
            command
        };
        self.link.run("append", build).await
    }
}

fn run_until(stop: &CancellationToken, task: impl Future<Output = ()> + Send + 'static) {
    let stop = stop.clone();
    tokio::spawn(async move { stop.run_until_cancelled(task).await });
}

/// Ends every watch when the task ends, also when it is cancelled.
async fn closing(watchers: Arc<Watchers>, task: impl Future<Output = ()>) {
    struct Close(Arc<Watchers>);
    impl Drop for Close {
        fn drop(&mut self) {
            self.0.close();
        }
    }
    let _close = Close(watchers);
    task.await;
}

async fn first_tries(link: &Link, mut subscribed: watch::Receiver<Option<bool>>) {
    let tried = async {
        link.tried().await;
        subscribed.wait_for(Option::is_some).await.map(drop)
    };
    if tokio::time::timeout(PATIENCE, tried).await.is_err() {
        tracing::debug!("Redis does not answer yet");
    }
}

#[async_trait]
impl EventLog for RedisBus {
    async fn append(&self, append: Append) -> Result<Position, AppendError> {
        if append.events.is_empty() || append.events.iter().any(|event| event.contains(SEPARATOR)) {
            return Err(PortError::unreadable(SYSTEM, "append", "events must be JSON texts, and at least one").into());
        }
        let (status, next_seq, closed) = self.run_append(&append).await?;
        match status {
            0 => Ok(Position { next_seq, closed: closed == 1 }),
            1 => Err(AppendError::Stale),
            _ => Err(AppendError::Closed),
        }
    }

    async fn position(&self, turn: &TurnId) -> Result<Option<Position>, PortError> {
        let command = redis::cmd("HMGET").arg(self.keys.meta(turn)).arg("next").arg("closed").to_owned();
        let (next_seq, closed): (Option<u64>, Option<u8>) = self.link.query("position", &command).await?;
        Ok(next_seq.map(|next_seq| Position { next_seq, closed: closed == Some(1) }))
    }

    async fn read(&self, turn: &TurnId, from: u64, limit: usize) -> Result<Vec<LoggedEvent>, PortError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let first = format!("{}-0", from.saturating_add(1));
        let mut command = redis::cmd("XRANGE");
        command.arg(self.keys.log(turn)).arg(first).arg("+").arg("COUNT").arg(limit);
        let entries: Vec<(String, (String, String))> = self.link.query("read", &command).await?;
        entries.into_iter().map(|(id, (_, json))| Ok(LoggedEvent { seq: number(&id)?, json })).collect()
    }

    async fn watch(&self, turn: &TurnId) -> Result<Box<dyn Watch>, PortError> {
        let watch = self.watchers.add(turn, self.going.clone());
        let (done, answer) = oneshot::channel();
        let stopping = || unavailable("watch", "the process is stopping");
        self.coming.send(Register { turn: turn.clone(), done }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())??;
        Ok(Box::new(watch))
    }

    async fn ping(&self) -> Result<(), PortError> {
        self.link.query::<String>("ping", &redis::cmd("PING")).await.map(drop)
    }
}

/// The number of the event with this id.
fn number(id: &str) -> Result<u64, PortError> {
    let number = id.split('-').next().and_then(|n| n.parse::<u64>().ok()).and_then(|n| n.checked_sub(1));
    number.ok_or_else(|| PortError::unreadable(SYSTEM, "read", format!("event id {id}")))
}

#[async_trait]
impl Flights for RedisBus {
    async fn lead(
        &self,
        key: &str,
        turn: &TurnId,
        instead_of: Option<&TurnId>,
        lifetime: Duration,
    ) -> Result<TurnId, PortError> {
        let lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = redis::cmd("EVAL");
        command.arg(LEAD).arg(1).arg(self.keys.flight(key));
        command.arg(turn.as_str()).arg(instead_of.map_or("", TurnId::as_str)).arg(lifetime_ms);
        self.link.query::<String>("lead", &command).await.map(TurnId)
    }
}

#[async_trait]
impl Limiter for RedisBus {
    async fn acquire(&self, key: &str, most: u32) -> Result<Option<Permit>, PortError> {
        self.limiter.acquire(key, most).await
    }
}

#[async_trait]
impl Signals for RedisBus {
    async fn cancel(&self, turn: &TurnId) -> Result<(), PortError> {
        let command = redis::cmd("PUBLISH").arg(self.keys.cancels()).arg(turn.as_str()).to_owned();
        self.link.query::<u64>("cancel", &command).await.map(drop)
    }

    async fn cancels(&self) -> Result<Box<dyn Cancels>, PortError> {
        Ok(Box::new(RedisCancels(self.cancels.subscribe())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: String) -> RedisConfig {
        let (prefix, retention) = ("p".to_owned(), Duration::from_secs(1));
        RedisConfig { url, nodes: Vec::new(), prefix, retention, tls: Files::default() }
    }

    #[test]
    fn a_password_does_not_show() {
        let url = "redis://:hidden@host".to_owned();
        let config = config(url);
        assert!(!format!("{config:?}").contains("hidden"));
    }

    #[tokio::test]
    async fn a_url_that_cannot_be_read_is_refused_without_its_password() {
        let url = "http://:hidden@host".to_owned();
        let config = config(url);
        let error = RedisBus::connect(config).await.err().unwrap();
        assert!(matches!(error, PortError::Refused { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hidden"));
    }

    #[test]
    fn an_id_gives_its_number() {
        assert_eq!(number("1-0").unwrap(), 0);
        assert_eq!(number("43-0").unwrap(), 42);
        assert!(number("0-1").is_err());
        assert!(number("x").is_err());
    }
}
