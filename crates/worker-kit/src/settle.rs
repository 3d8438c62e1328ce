use crate::protocol;
use contracts::HopId;
use ports::broker::{
    Delivery, Destination, HEADER_ATTEMPT, HEADER_ERROR, HEADER_PAUSED, HEADER_WAITS, Message, Queue, RUNGS_MS, Receipt,
};
use ports::{Broker, PortError};
use std::sync::Arc;
use std::time::Duration;

/// A job that could not be parked is held for so long before it goes back.
const BEFORE_REQUEUE: Duration = Duration::from_secs(1);
/// Who waits for a server of ours climbs no higher: answers come soon after it is back.
const HIGHEST_OF_WAITS: usize = 2;
const LONGEST_REASON: usize = 1_000;
/// Dead-lettered bodies are kept whole up to this: a stranger may have sent them.
const LONGEST_DEAD_BODY: usize = 256 * 1_024;

/// How a delivery is settled.
#[derive(Debug)]
pub(crate) enum Settled {
    /// Done now.
    Done,
    /// Done before.
    Repeated,
    /// Its turn has ended, or is past this piece of work.
    Over,
    /// Again later, an attempt spent.
    Retry { reason: String },
    /// Again later, longer each time; no attempt spent.
    Wait { reason: String },
    /// Again later, no attempt spent.
    Snooze(Duration),
    /// Again later; the next run goes on where this attempt ended.
    Pause { after: Duration, attempt: u32 },
    /// Again at once, by anybody.
    Requeue,
    /// Not again until a person looks at it.
    Dead { reason: String },
}

impl Settled {
    /// Why the job goes to the dead queue, when it does.
    pub(crate) fn dead_because(&self) -> Option<String> {
        match self {
            Self::Dead { reason } => Some(reason.clone()),
            _ => None,
        }
    }

    /// Whether a copy of the job goes elsewhere.
    pub(crate) fn moves_the_job(&self) -> bool {
        !matches!(self, Self::Done | Self::Repeated | Self::Over | Self::Requeue)
    }

    /// What the protocol calls it.
    fn step(&self) -> &'static str {
        match self {
            Self::Done | Self::Repeated | Self::Over => "acked",
            Self::Retry { .. } | Self::Wait { .. } | Self::Snooze(_) | Self::Pause { .. } => "parked",
            Self::Requeue => "requeued",
            Self::Dead { .. } => "buried",
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Repeated => "repeated",
            Self::Over => "over",
            Self::Retry { .. } => "retry",
            Self::Wait { .. } => "wait",
            Self::Snooze(_) | Self::Pause { .. } => "snooze",
            Self::Requeue => "requeue",
            Self::Dead { .. } => "dead",
        }
    }
}

/// Settles one delivery. A copy is confirmed before the original is acked, so nothing is lost in between.
pub(crate) struct Settle {
    broker: Arc<dyn Broker>,
    queue: Queue,
    message: Message,
    receipt: Box<dyn Receipt>,
}

impl Settle {
    pub(crate) fn new(broker: Arc<dyn Broker>, queue: Queue, delivery: Delivery) -> Self {
        Self { broker, queue, message: delivery.message, receipt: delivery.receipt }
    }

    pub(crate) fn message(&self) -> &Message {
        &self.message
    }

    /// From now on it is about another job, of which the broker has no copy: a run went on with it. The delivery stays the
    /// one that it was.
    pub(crate) fn turn_to(&mut self, queue: Queue, message: Message) {
        self.queue = queue;
        self.message = message;
    }

    /// `hop` is unknown when the job cannot be read.
    pub(crate) async fn finish(mut self, settled: Settled, hop: Option<&HopId>) {
        let step = settled.step();
        let result = match settled {
            Settled::Done | Settled::Repeated | Settled::Over => self.receipt.ack().await,
            Settled::Requeue => self.receipt.requeue().await,
            Settled::Retry { reason } => {
                let attempt = self.message.attempt() + 1;
                self.message.headers.insert(HEADER_ATTEMPT.to_owned(), attempt.to_string());
                self.move_to(rung_of, rung_after(attempt, rand::random()), Some(&reason)).await
            }
            Settled::Wait { reason } => {
                let waits = self.message.waits().saturating_add(1);
                self.message.headers.insert(HEADER_WAITS.to_owned(), waits.to_string());
                let rung = rung_after(waits, rand::random()).min(HIGHEST_OF_WAITS);
                self.move_to(rung_of, rung, Some(&reason)).await
            }
            Settled::Snooze(after) => self.move_to(rung_of, rung_for(after), None).await,
            Settled::Pause { after, attempt } => {
                self.message.headers.insert(HEADER_PAUSED.to_owned(), attempt.to_string());
                self.move_to(rung_of, rung_for(after), None).await
            }
            Settled::Dead { reason } => {
                tracing::error!(queue = %self.queue.kind, job = %self.message.id, reason, "a job is dead");
                self.move_to(|queue, _| Destination::Dead(queue), 0, Some(&reason)).await
            }
        };
        match result {
            Ok(()) => hop.into_iter().for_each(|hop| protocol::step(step, hop.as_str(), None)),
            Err(error) => tracing::warn!(%error, "a delivery was not settled: it comes again"),
        }
    }

    async fn move_to(
        self,
        to: impl Fn(Queue, usize) -> Destination,
        rung: usize,
        reason: Option<&str>,
    ) -> Result<(), PortError> {
        let Self { broker, queue, mut message, receipt } = self;
        let destination = to(queue, rung);
        if let Some(reason) = reason {
            let reason = reason.chars().take(LONGEST_REASON).collect();
            message.headers.insert(HEADER_ERROR.to_owned(), reason);
        }
        if matches!(destination, Destination::Dead(_)) {
            message.body.truncate(LONGEST_DEAD_BODY);
        }
        match broker.publish(&destination, message).await {
            Ok(()) => receipt.ack().await,
            // The broker still has the original.
            Err(error) => {
                tracing::warn!(%error, "a job could not be parked: it goes back to its queue");
                // The broker counts how often it hands a job out, and gives it up in the end.
                tokio::time::sleep(BEFORE_REQUEUE).await;
                receipt.requeue().await
            }
        }
    }
}

fn rung_of(queue: Queue, rung: usize) -> Destination {
    Destination::Retry(queue, rung)
}

/// A rung higher for each failure. Every other job waits one rung longer, so that jobs that failed together do not come
/// back together.
fn rung_after(attempt: u32, longer: bool) -> usize {
    let rung = (attempt as usize).saturating_sub(1) + usize::from(longer);
    rung.min(RUNGS_MS.len() - 1)
}

/// The longest rung that is not longer than the wait, or the shortest: what is left is waited for in smaller steps,
/// so that nobody waits much longer than was asked.
fn rung_for(wait: Duration) -> usize {
    let fits = |rung: &u64| u128::from(*rung) <= wait.as_millis();
    RUNGS_MS.iter().rposition(fits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_fail_together_come_back_apart_and_later_each_time() {
        for attempt in 1..20 {
            let (sooner, later) = (rung_after(attempt, false), rung_after(attempt, true));
            let is_last = sooner == RUNGS_MS.len() - 1;
            assert!(later < RUNGS_MS.len() && (sooner < later || is_last), "attempt {attempt}");
            assert!(rung_after(attempt + 1, false) > sooner || is_last, "attempt {attempt}");
        }
    }

    #[test]
    fn a_wait_takes_the_longest_rung_that_fits() {
        assert_eq!(rung_for(Duration::from_millis(1)), 0);
        assert_eq!(rung_for(Duration::from_millis(901)), 1);
        assert_eq!(rung_for(Duration::from_secs(3_600)), RUNGS_MS.len() - 1);
    }
}
