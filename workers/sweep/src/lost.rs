//! Jobs that the broker has lost: nobody holds them for a long time, although their queue is empty and nothing is on its
//! way there. A second copy of a job does nothing, so it harms nobody when one was only slow to be taken.

use crate::again;
use contracts::{Envelope, TurnId};
use ports::broker::{Destination, Queue};
use ports::{PortError, Ports};
use std::collections::HashMap;
use std::time::Duration;

/// The oldest so many are looked at; the others are when these have moved.
const AT_A_TIME: u32 = 1_000;
/// Jobs that are read in one look: a long queue makes many wait, and none of them is lost.
const READ_AT_A_TIME: usize = 100;
/// A job that is published again in vain waits twice as long each time, and no longer than this.
const LONGEST: Duration = Duration::from_secs(600);
/// Looks while a job is waited for.
const LOOKS: u64 = 6;

/// Turns that nobody holds, by turn and fence.
pub(crate) struct Lost {
    after: Duration,
    looked_ms: Option<u64>,
    idle: HashMap<(TurnId, u64), Idle>,
}

/// When it is looked for, on the clock of this process, and how long that was and will be put off.
struct Idle {
    due_ms: u64,
    patience_ms: u64,
}

impl Lost {
    /// `after`: how long nobody may hold a job before it is looked for.
    pub(crate) fn new(after: Duration) -> Self {
        Self { after, looked_ms: None, idle: HashMap::new() }
    }

    /// Publishes again what is lost.
    pub(crate) async fn look(&mut self, ports: &Ports) {
        let now_ms = ports.clock.monotonic_ms();
        if self.looked_ms.is_some_and(|last| now_ms.saturating_sub(last) < millis(self.after) / LOOKS) {
            return;
        }
        self.looked_ms = Some(now_ms);
        match ports.ledger.idle(AT_A_TIME).await {
            Ok(idle) => self.note(idle, now_ms),
            Err(error) => return tracing::warn!(%error, "jobs that nobody holds are not looked at"),
        }
        self.publish_due(ports, now_ms).await;
    }

    fn note(&mut self, idle: Vec<(TurnId, u64)>, now_ms: u64) {
        let patience_ms = millis(self.after);
        let mut before = std::mem::take(&mut self.idle);
        let new = || Idle { due_ms: now_ms + patience_ms, patience_ms };
        self.idle = idle.into_iter().map(|one| (one.clone(), before.remove(&one).unwrap_or_else(new))).collect();
    }

    async fn publish_due(&mut self, ports: &Ports, now_ms: u64) {
        let mut vacant = HashMap::new();
        let due = self.idle.iter_mut().filter(|(_, idle)| idle.due_ms <= now_ms);
        for ((turn, _), idle) in due.take(READ_AT_A_TIME) {
            idle.due_ms = now_ms + millis(self.after) / 2;
            let Some(job) = again::awaited(ports, turn).await else { continue };
            let queue = Queue::of(job.kind.clone(), job.meta.lane);
            let is_vacant = match vacant.get(&queue) {
                Some(is_vacant) => *is_vacant,
                None => *vacant.entry(queue.clone()).or_insert(is_vacant(ports, &queue).await),
            };
            if is_vacant && publish(ports, turn, &job).await {
                idle.patience_ms = (idle.patience_ms * 2).min(millis(LONGEST));
                idle.due_ms = now_ms + idle.patience_ms;
            }
        }
    }
}

async fn publish(ports: &Ports, turn: &TurnId, job: &Envelope) -> bool {
    let is_published = again::publish(ports, turn, job).await;
    if is_published {
        tracing::warn!(%turn, hop = %job.hop, "nobody holds a job and no queue has it: it is published again");
    }
    is_published
}

/// Nothing waits in the queue, or for it. False when that is not known.
async fn is_vacant(ports: &Ports, queue: &Queue) -> bool {
    match waiting(ports, queue).await {
        Ok(waiting) => waiting == 0,
        Err(error) => {
            tracing::debug!(kind = queue.kind, %error, "whether a queue is empty is unknown");
            false
        }
    }
}

async fn waiting(ports: &Ports, queue: &Queue) -> Result<u64, PortError> {
    let ready = ports.broker.depth(&Destination::Work(queue.clone())).await?.ready;
    Ok(ready + ports.broker.parked(queue).await?)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
