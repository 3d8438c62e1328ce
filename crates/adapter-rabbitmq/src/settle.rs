//! Settling deliveries: acks are sent together where they can be.

use crate::error::call;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// An ack waits at most this long behind a slow job; then it is sent by itself.
const LONGEST_WAIT: Duration = Duration::from_millis(5);
const AT_ONCE: usize = 256;

/// What a worker said about a delivery, by its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settle {
    /// Done with.
    Ack(u64),
    /// To be delivered again.
    Requeue(u64),
}

/// Settles the deliveries of one channel until all of them are settled, or until the channel is `dead`. The inbox is
/// bounded by the prefetch: a delivery is settled once.
pub(crate) async fn run(channel: Channel, mut inbox: UnboundedReceiver<Settle>, dead: CancellationToken) {
    dead.run_until_cancelled(settle_all(&channel, &mut inbox)).await;
}

async fn settle_all(channel: &Channel, inbox: &mut UnboundedReceiver<Settle>) {
    let mut tags = Tags::default();
    let mut said = Vec::new();
    let mut waiting_since = None;
    loop {
        let patience = waiting_since.map(|since: Instant| since + LONGEST_WAIT);
        let overdue = tokio::select! {
            received = inbox.recv_many(&mut said, AT_ONCE) => {
                if received == 0 {
                    break;
                }
                false
            }
            _ = tokio::time::sleep_until(patience.unwrap_or_else(Instant::now)), if patience.is_some() => true,
        };
        for settle in said.drain(..) {
            match settle {
                Settle::Ack(tag) => tags.ack(tag),
                Settle::Requeue(tag) => {
                    tags.sent(tag);
                    requeue(channel, tag).await;
                }
            }
        }
        send_prefix(channel, &mut tags).await;
        if overdue {
            send_singly(channel, &mut tags).await;
        }
        waiting_since = if tags.waiting.is_empty() { None } else { waiting_since.or_else(|| Some(Instant::now())) };
    }
    send_prefix(channel, &mut tags).await;
    send_singly(channel, &mut tags).await;
}

async fn send_prefix(channel: &Channel, tags: &mut Tags) {
    if let Some((tag, multiple)) = tags.take_prefix() {
        ack(channel, tag, multiple).await;
    }
}

async fn send_singly(channel: &Channel, tags: &mut Tags) {
    for tag in tags.take_waiting() {
        ack(channel, tag, false).await;
    }
}

async fn ack(channel: &Channel, tag: u64, multiple: bool) {
    log(call("ack", channel.basic_ack(tag, BasicAckOptions { multiple })).await);
}

async fn requeue(channel: &Channel, tag: u64) {
    log(call("requeue", channel.basic_nack(tag, BasicNackOptions { multiple: false, requeue: true })).await);
}

/// Nothing is lost: what the broker did not hear of, it delivers again.
fn log(outcome: Result<(), ports::PortError>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a delivery was not settled and comes again");
    }
}

/// Which tags of a channel are settled. The broker counts them from 1 without a hole.
#[derive(Debug, Default)]
struct Tags {
    /// Every tag up to here is settled.
    settled_to: u64,
    /// Acked, not yet told to the broker.
    waiting: BTreeSet<u64>,
    /// Told to the broker, beyond a tag that is not.
    sent: BTreeSet<u64>,
}

impl Tags {
    fn ack(&mut self, tag: u64) {
        self.waiting.insert(tag);
    }

    fn sent(&mut self, tag: u64) {
        self.sent.insert(tag);
    }

    /// The tag to ack now, and whether all before it are acked with it.
    fn take_prefix(&mut self) -> Option<(u64, bool)> {
        let mut last = None;
        let mut count = 0;
        loop {
            let next = self.settled_to + 1;
            if self.waiting.remove(&next) {
                last = Some(next);
                count += 1;
            } else if !self.sent.remove(&next) {
                return last.map(|tag| (tag, count > 1));
            }
            self.settled_to = next;
        }
    }

    /// The tags that wait behind a slow job.
    fn take_waiting(&mut self) -> Vec<u64> {
        let waiting: Vec<u64> = std::mem::take(&mut self.waiting).into_iter().collect();
        self.sent.extend(&waiting);
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acked(tags: &[u64]) -> Tags {
        Tags { waiting: tags.iter().copied().collect(), ..Tags::default() }
    }

    #[test]
    fn a_contiguous_prefix_is_acked_at_once() {
        let mut tags = acked(&[1, 2, 3, 5]);
        assert_eq!(tags.take_prefix(), Some((3, true)));
        assert_eq!(tags.take_prefix(), None);
        tags.ack(4);
        assert_eq!(tags.take_prefix(), Some((5, true)));
    }

    #[test]
    fn one_ack_is_sent_as_one() {
        assert_eq!(acked(&[1]).take_prefix(), Some((1, false)));
    }

    #[test]
    fn what_waits_behind_a_slow_job_is_sent_singly_and_never_again() {
        let mut tags = acked(&[2, 3]);
        assert_eq!(tags.take_prefix(), None);
        assert_eq!(tags.take_waiting(), [2, 3]);
        assert_eq!(tags.take_waiting(), Vec::<u64>::new());
        tags.ack(1);
        assert_eq!(tags.take_prefix(), Some((1, false)));
        tags.ack(4);
        assert_eq!(tags.take_prefix(), Some((4, false)));
    }

    #[test]
    fn the_acked_tag_is_one_that_the_broker_still_waits_for() {
        let mut tags = acked(&[1, 2]);
        tags.sent(3);
        assert_eq!(tags.take_prefix(), Some((2, true)));
        tags.sent(5);
        tags.ack(4);
        tags.ack(6);
        assert_eq!(tags.take_prefix(), Some((6, true)));
        assert_eq!(tags.settled_to, 6);
    }
}
