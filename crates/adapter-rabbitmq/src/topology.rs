//! Which queues exist, under which names and with which arguments. Arguments of a queue cannot be changed: a change
//! here needs a new version in the names.

use crate::error::{call, refused, short};
use contracts::Lane;
use lapin::Channel;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use ports::PortError;
use ports::broker::{Destination, Queue, RUNGS_MS};
use std::time::Duration;

/// Of names and arguments.
const VERSION: &str = "v1";
/// A message that was handed out this often without being settled goes to the dead queue. Only a guard against crash
/// loops: every hand-back counts, a drain too. Attempts are counted in a header of our own.
const DELIVERY_LIMIT: i64 = 20;

/// The shape of an installation's queues.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    /// Before every name.
    pub prefix: String,
    /// A queue takes no more messages.
    pub max_length: u64,
    /// Queues from which nobody takes for this long vanish, used or not; `None` keeps them for ever.
    pub unused_for: Option<Duration>,
}

impl Topology {
    /// The name of the queue behind a destination.
    pub(crate) fn name(&self, of: &Destination) -> Result<ShortString, PortError> {
        let name = match of {
            Destination::Work(queue) => self.work(queue),
            Destination::Dead(queue) => self.dead(queue),
            Destination::Retry(queue, rung) => {
                let delay_ms =
                    RUNGS_MS.get(*rung).ok_or_else(|| refused("name", format!("there is no rung {rung}")))?;
                self.retry(queue, *delay_ms)
            }
        };
        short("name", name)
    }

    /// Makes a queue, its ladder and its dead queue. Does nothing to those that exist.
    pub(crate) async fn declare(&self, channel: &Channel, queue: &Queue) -> Result<(), PortError> {
        self.declare_one(channel, self.dead(queue), FieldTable::default()).await?;
        self.declare_one(channel, self.work(queue), self.work_arguments(queue)).await?;
        for delay_ms in RUNGS_MS {
            let arguments = self.retry_arguments(queue, *delay_ms);
            self.declare_one(channel, self.retry(queue, *delay_ms), arguments).await?;
        }
        Ok(())
    }

    /// Deletes a queue, its ladder and its dead queue. Does nothing to those that do not exist.
    pub(crate) async fn remove(&self, channel: &Channel, queue: &Queue) -> Result<(), PortError> {
        let ladder = RUNGS_MS.iter().map(|delay_ms| self.retry(queue, *delay_ms));
        for name in [self.work(queue)].into_iter().chain(ladder).chain([self.dead(queue)]) {
            let name = short("remove", name)?;
            call("remove", channel.queue_delete(name, QueueDeleteOptions::default())).await?;
        }
        Ok(())
    }

    async fn declare_one(&self, channel: &Channel, name: String, mut arguments: FieldTable) -> Result<(), PortError> {
        // Replicated where there are several nodes, and never lossy: what does not fit is refused to the publisher.
        set(&mut arguments, "x-queue-type", text("quorum"));
        set(&mut arguments, "x-overflow", text("reject-publish"));
        set(&mut arguments, "x-max-length", number(self.max_length));
        if let Some(unused_for) = self.unused_for {
            set(&mut arguments, "x-expires", number(unused_for.as_millis()));
        }
        let name = short("declare", name)?;
        let declared = call("declare", channel.queue_declare(name, QueueDeclareOptions::durable(), arguments)).await;
        declared.map(drop).map_err(explained)
    }

    fn work_arguments(&self, queue: &Queue) -> FieldTable {
        let mut arguments = dead_letters_to(self.dead(queue));
        set(&mut arguments, "x-delivery-limit", AMQPValue::LongLongInt(DELIVERY_LIMIT));
        arguments
    }

    fn retry_arguments(&self, queue: &Queue, delay_ms: u64) -> FieldTable {
        let mut arguments = dead_letters_to(self.work(queue));
        set(&mut arguments, "x-message-ttl", number(delay_ms));
        arguments
    }

    fn work(&self, queue: &Queue) -> String {
        format!("{}.{}.{}.{VERSION}", self.prefix, queue.kind, lane(queue.lane))
    }

    fn retry(&self, queue: &Queue, delay_ms: u64) -> String {
        format!("{}.retry.{delay_ms}", self.work(queue))
    }

    fn dead(&self, queue: &Queue) -> String {
        format!("{}.dead", self.work(queue))
    }
}

/// A queue keeps the arguments that it was made with. The only one that a setting decides for good is its length.
fn explained(error: PortError) -> PortError {
    match error {
        PortError::Refused { message, .. } if message.contains("inequivalent arg") => {
            let what_to_do = "The queues were made with other settings and keep them. Set broker.max_queue_length as it \
                              was; or stop asking, let the queues run empty and choose another broker.prefix";
            refused("declare", format!("{message}. {what_to_do}"))
        }
        error => error,
    }
}

/// Through the default exchange to one queue; kept until that queue has confirmed it.
fn dead_letters_to(queue: String) -> FieldTable {
    let mut arguments = FieldTable::default();
    set(&mut arguments, "x-dead-letter-exchange", text(""));
    set(&mut arguments, "x-dead-letter-routing-key", text(&queue));
    set(&mut arguments, "x-dead-letter-strategy", text("at-least-once"));
    arguments
}

fn set(arguments: &mut FieldTable, name: &'static str, value: AMQPValue) {
    arguments.insert(name.into(), value);
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn number(value: impl TryInto<i64>) -> AMQPValue {
    AMQPValue::LongLongInt(value.try_into().unwrap_or(i64::MAX))
}

fn lane(lane: Lane) -> &'static str {
    match lane {
        Lane::Interactive => "interactive",
        Lane::Scheduled => "scheduled",
        Lane::Backfill => "backfill",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology() -> Topology {
        Topology { prefix: "askline".to_owned(), max_length: 10, unused_for: None }
    }

    fn name(of: Destination) -> String {
        topology().name(&of).unwrap().to_string()
    }

    #[test]
    fn names_never_change() {
        let queue = Queue::interactive("generate_sql");
        assert_eq!(name(Destination::Work(queue.clone())), "askline.generate_sql.interactive.v1");
        assert_eq!(name(Destination::Retry(queue.clone(), 2)), "askline.generate_sql.interactive.v1.retry.2700");
        assert_eq!(name(Destination::Dead(queue)), "askline.generate_sql.interactive.v1.dead");
    }

    #[test]
    fn a_rung_beyond_the_ladder_is_refused() {
        assert!(topology().name(&Destination::Retry(Queue::interactive("reply"), RUNGS_MS.len())).is_err());
    }

    #[test]
    fn a_name_that_the_broker_cannot_take_is_refused() {
        let long = Topology { prefix: "p".repeat(250), ..topology() };
        assert!(long.name(&Destination::Work(Queue::interactive("reply"))).is_err());
    }
}
