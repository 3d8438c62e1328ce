//! Jobs that the broker has lost: nobody holds them for a long time, although their queue is empty and nothing is on its
//! way there; or for ten times as long, where a queue never runs empty and is worked on. A second copy of a job does
//! nothing, so it harms nobody when one was only slow to be taken.

use crate::again;
use contracts::{Envelope, TurnId};
use ports::broker::{Depth, Destination, Queue};
use ports::{PortError, Ports};
use std::collections::HashMap;
use std::time::Duration;

/// The oldest so many are looked at; the others are when these have moved.
const AT_A_TIME: u32 = 1_000;
/// Jobs that are read in one look: a long queue makes many wait, and none of them is lost.
const READ_AT_A_TIME: usize = 100;
/// A job that is published again in vain waits twice as long each time, and no longer than this.
const LONGEST: Duration = Duration::from_secs(600);
/// So many times as long a job may wait in a queue that others wait in too.
const LONGER: u64 = 10;
/// Looks while a job is waited for.
const LOOKS: u64 = 6;

/// Turns that nobody holds, by turn and fence.
pub(crate) struct Lost {
    after: Duration,
    looked_ms: Option<u64>,
    idle: HashMap<(TurnId, u64), Idle>,
}

/// Since when it is known of and when it is looked for, on the clock of this process, and how long that was and will be
/// put off.
struct Idle {
    since_ms: u64,
    due_ms: u64,
    patience_ms: u64,
}

/// What can be seen of a queue and its ladder.
#[derive(Clone, Copy)]
enum Place {
    /// Nothing waits there.
    Vacant,
    /// Something waits, and somebody takes it.
    Moving,
    /// Something waits and nobody takes it, or that is not known.
    Standing,
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
        let new = || Idle { since_ms: now_ms, due_ms: now_ms + patience_ms, patience_ms };
        self.idle = idle.into_iter().map(|one| (one.clone(), before.remove(&one).unwrap_or_else(new))).collect();
    }

    async fn publish_due(&mut self, ports: &Ports, now_ms: u64) {
        let mut places = HashMap::new();
        let long_ms = LONGER * millis(self.after);
        let due = self.idle.iter_mut().filter(|(_, idle)| idle.due_ms <= now_ms);
        for ((turn, _), idle) in due.take(READ_AT_A_TIME) {
            idle.due_ms = now_ms + millis(self.after) / 2;
            let Some(job) = again::awaited(ports, turn).await else { continue };
            let queue = Queue::of(job.kind.clone(), job.meta.lane);
            let place = match places.get(&queue) {
                Some(place) => *place,
                None => *places.entry(queue.clone()).or_insert(place_of(ports, &queue).await),
            };
            let patience_ms = match place {
                Place::Vacant => idle.patience_ms,
                Place::Moving if idle.since_ms + long_ms <= now_ms => idle.patience_ms.max(long_ms),
                Place::Moving | Place::Standing => continue,
            };
            if publish(ports, turn, &job, place).await {
                idle.patience_ms = (patience_ms * 2).min(millis(LONGEST));
                idle.due_ms = now_ms + idle.patience_ms;
            }
        }
    }
}

impl Place {
    /// Why a job that belongs there is taken for lost.
    fn why(self) -> &'static str {
        match self {
            Self::Vacant => "no queue has it",
            Self::Moving | Self::Standing => "it has waited for long in a queue that moves",
        }
    }
}

async fn publish(ports: &Ports, turn: &TurnId, job: &Envelope, place: Place) -> bool {
    let is_published = again::publish(ports, turn, job).await;
    if is_published {
        tracing::warn!(%turn, hop = %job.hop, why = place.why(), "nobody holds a job: it is published again");
    }
    is_published
}

async fn place_of(ports: &Ports, queue: &Queue) -> Place {
    look_at(ports, queue).await.unwrap_or_else(|error| {
        tracing::debug!(kind = queue.kind, %error, "whether a queue is empty is unknown");
        Place::Standing
    })
}

async fn look_at(ports: &Ports, queue: &Queue) -> Result<Place, PortError> {
    let Depth { ready, consumers, .. } = ports.broker.depth(&Destination::Work(queue.clone())).await?;
    let waiting = ready + ports.broker.parked(queue).await?;
    Ok(match (waiting, consumers) {
        (0, _) => Place::Vacant,
        (_, 0) => Place::Standing,
        _ => Place::Moving,
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
