//! Slots, counted over all processes.
//!
//! A slot that is given back stays with its process for a moment: the next one to ask here gets it without a word to
//! the server. One task renews the leases and returns what nobody asked for. Without the server each process counts
//! alone.

use crate::error::SYSTEM;
use crate::keys::Keys;
use crate::link::Link;
use async_trait::async_trait;
use ports::PortError;
use ports::limiter::{Limiter, Permit};
use redis::{Cmd, Pipeline};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

const ACQUIRE: &str = include_str!("acquire.lua");
/// A process that dies holds its slots for so long.
const LEASE: Duration = Duration::from_secs(10);
const RENEWED_EVERY: Duration = Duration::from_secs(3);
/// A slot that nobody asked for in this process goes back after this.
const IDLE: Duration = Duration::from_millis(500);
const LOOKED_EVERY: Duration = Duration::from_millis(250);
/// A server that does not say whether there is a slot within this is taken for unreachable.
const PATIENCE: Duration = Duration::from_millis(250);

/// Counts on the server.
pub(crate) struct RedisLimiter {
    slots: Arc<Slots>,
    _stop: DropGuard,
}

struct Slots {
    link: Link,
    keys: Keys,
    next: AtomicU64,
    held: Mutex<HashMap<String, Held>>,
}

/// What this process holds of one key.
#[derive(Default)]
struct Held {
    most: u32,
    /// In use.
    busy: Vec<String>,
    /// Given back, and when.
    idle: Vec<(String, Instant)>,
}

struct Slot {
    slots: Arc<Slots>,
    key: String,
    member: String,
}

impl RedisLimiter {
    pub(crate) fn start(link: Link, keys: Keys) -> Self {
        let slots = Arc::new(Slots { link, keys, next: AtomicU64::new(0), held: Mutex::default() });
        let stop = CancellationToken::new();
        let (keeper, ended) = (Arc::clone(&slots), stop.clone());
        tokio::spawn(async move { ended.run_until_cancelled(keeper.keep()).await });
        Self { slots, _stop: stop.drop_guard() }
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    async fn acquire(&self, key: &str, most: u32) -> Result<Option<Permit>, PortError> {
        let slots = &self.slots;
        if let Some(member) = slots.reuse(key, most) {
            return Ok(Some(slots.permit(key, member)));
        }
        let member = format!("{}:{}", slots.keys.node, slots.next.fetch_add(1, Ordering::Relaxed));
        let command = slots.command(key, most, &member);
        match timeout(PATIENCE, slots.link.query::<u8>("acquire", &command)).await {
            Ok(Ok(0)) => Ok(None),
            Ok(Ok(_)) => {
                slots.lock().entry(key.to_owned()).or_default().take(most, member.clone());
                Ok(Some(slots.permit(key, member)))
            }
            Ok(Err(error)) if !error.is_transient() => Err(error),
            // The member is renewed like any other once the server is back, and so counted again.
            Ok(Err(_)) | Err(_) => {
                tracing::debug!(system = SYSTEM, key, "slots are counted in this process alone");
                Ok(slots.alone(key, most, member).map(|member| slots.permit(key, member)))
            }
        }
    }
}

impl Held {
    fn take(&mut self, most: u32, member: String) {
        self.most = most;
        self.busy.push(member);
    }
}

impl Slots {
    fn permit(self: &Arc<Self>, key: &str, member: String) -> Permit {
        Permit::new(Slot { slots: Arc::clone(self), key: key.to_owned(), member })
    }

    /// A slot that was given back a moment ago.
    fn reuse(&self, key: &str, most: u32) -> Option<String> {
        let mut held = self.lock();
        let slots = held.get_mut(key)?;
        let (member, _) = slots.idle.pop()?;
        slots.take(most, member.clone());
        Some(member)
    }

    fn alone(&self, key: &str, most: u32, member: String) -> Option<String> {
        let mut held = self.lock();
        let slots = held.entry(key.to_owned()).or_default();
        if slots.busy.len() >= most as usize {
            return None;
        }
        slots.take(most, member.clone());
        Some(member)
    }

    fn command(&self, key: &str, most: u32, member: &str) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(ACQUIRE).arg(1).arg(self.keys.slots(key)).arg(most).arg(lease_ms()).arg(member);
        command
    }

    async fn keep(self: Arc<Self>) {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(LOOKED_EVERY).await;
            let mut commands = self.give_back();
            if renewed.elapsed() >= RENEWED_EVERY {
                renewed = Instant::now();
                self.renew(&mut commands);
            }
            if !commands.is_empty()
                && let Err(error) = self.link.send("keep slots", &commands).await
            {
                tracing::debug!(%error, "slots were not renewed: their leases will end");
            }
        }
    }

    /// Returns what nobody asked for.
    fn give_back(&self) -> Pipeline {
        let mut commands = redis::pipe();
        self.lock().retain(|key, slots| {
            let (old, fresh) =
                std::mem::take(&mut slots.idle).into_iter().partition(|(_, since)| since.elapsed() >= IDLE);
            slots.idle = fresh;
            let old: Vec<(String, Instant)> = old;
            for (member, _) in old {
                commands.cmd("ZREM").arg(self.keys.slots(key)).arg(member).ignore();
            }
            !(slots.busy.is_empty() && slots.idle.is_empty())
        });
        commands
    }

    fn renew(&self, commands: &mut Pipeline) {
        for (key, slots) in &*self.lock() {
            let members = slots.busy.iter().chain(slots.idle.iter().map(|(member, _)| member));
            for member in members {
                commands.add_command(self.command(key, slots.most, member)).ignore();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut held = self.slots.lock();
        let Some(slots) = held.get_mut(&self.key) else { return };
        slots.busy.retain(|member| *member != self.member);
        slots.idle.push((std::mem::take(&mut self.member), Instant::now()));
    }
}

fn lease_ms() -> u64 {
    u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX)
}
