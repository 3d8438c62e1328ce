//! Publishing with confirms, many at a time on one channel.
//!
//! One task owns the channel. Callers hand it their messages and wait for the answer; dropping a caller's future
//! leaves the message on its way.

use crate::confirms::{Confirms, Settled, Verdict};
use crate::error::{call, port_error, unavailable};
use crate::link::Link;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use ports::PortError;
use ports::broker::PublishError;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A message for the queue of this name.
pub(crate) struct Outgoing {
    /// The queue's name.
    pub queue: ShortString,
    /// Id and headers.
    pub properties: BasicProperties,
    /// The body.
    pub body: Bytes,
}

type Answer = Result<(), PublishError>;

struct Request {
    outgoing: Outgoing,
    answer: oneshot::Sender<Answer>,
}

/// How long a publish waits for a lost connection to come back.
const PATIENCE: Duration = Duration::from_secs(1);
/// Requests that wait for the task.
const WAITING: usize = 256;
/// Messages on their way to the broker.
const IN_FLIGHT: usize = 1_024;
/// Without any confirm for this long, the connection is of no use.
const STALLED_AFTER: u32 = 15;

/// Publishes. Ends, with its connection, when dropped.
pub(crate) struct Publisher {
    requests: mpsc::Sender<Request>,
    link: Link,
}

impl Publisher {
    /// Starts the task that owns the channel.
    pub(crate) fn start(link: Link) -> Self {
        let (requests, inbox) = mpsc::channel(WAITING);
        tokio::spawn(Worker { inbox, link: link.clone(), number: 0 }.run());
        Self { requests, link }
    }

    /// Returns when the broker has answered for the message.
    pub(crate) async fn publish(&self, outgoing: Outgoing) -> Answer {
        self.link.within("publish", PATIENCE).await?;
        if self.link.is_blocked() {
            return Err(PublishError::Full);
        }
        let (answer, answered) = oneshot::channel();
        let request = Request { outgoing, answer };
        self.requests.send(request).await.map_err(|_| unavailable("publish", "the process is stopping"))?;
        answered.await.unwrap_or_else(|_| Err(lost().into()))
    }
}

fn lost() -> PortError {
    unavailable("publish", "the connection was lost before the broker confirmed")
}

fn refuse_all(requests: &mut Vec<Request>) {
    for Request { answer, .. } in requests.drain(..) {
        answer.send(Err(PublishError::Full)).ok();
    }
}

struct Worker {
    inbox: mpsc::Receiver<Request>,
    link: Link,
    number: u64,
}

impl Worker {
    async fn run(mut self) {
        while let Some(connection) = self.connected().await {
            match open_channel(&connection).await {
                Ok(channel) => {
                    if self.serve(&connection, &channel).await == End::Stopped {
                        return;
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "no channel to publish on");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            self.link.suspect();
        }
    }

    /// Waits for the connection; what was handed over before it was lost is answered meanwhile.
    async fn connected(&mut self) -> Option<Arc<Connection>> {
        loop {
            tokio::select! {
                biased;
                connection = self.link.connection() => return connection,
                request = self.inbox.recv() => {
                    request?.answer.send(Err(lost().into())).ok();
                }
            }
        }
    }

    /// Publishes on a channel until it is lost.
    async fn serve(&mut self, connection: &Arc<Connection>, channel: &Channel) -> End {
        let mut on_the_way = FuturesUnordered::new();
        let mut flight = Flight::default();
        let mut requests = Vec::new();
        let mut check = tokio::time::interval(Duration::from_secs(1));
        let end = loop {
            let room = IN_FLIGHT.saturating_sub(on_the_way.len());
            tokio::select! {
                biased;
                Some(published) = on_the_way.next() => {
                    if !flight.settle(published, on_the_way.is_empty()) {
                        break End::Lost;
                    }
                }
                received = self.inbox.recv_many(&mut requests, room), if room > 0 => {
                    if received == 0 {
                        break End::Stopped;
                    }
                    // The alarm may have been raised after the caller looked: a blocked broker reads nothing, so
                    // nothing would ever answer for these.
                    if self.link.is_blocked() {
                        refuse_all(&mut requests);
                        continue;
                    }
                    for Request { outgoing, answer } in requests.drain(..) {
                        self.number += 1;
                        flight.waiting.insert(self.number, answer);
                        on_the_way.push(publish(channel, self.number, outgoing));
                    }
                }
                up = self.link.changed() => {
                    if !up || !self.link.is_current(connection) {
                        break End::Lost;
                    }
                    if self.link.is_blocked() {
                        flight.answer_all(|| PublishError::Full);
                    }
                }
                _ = check.tick() => {
                    if flight.is_stalled(on_the_way.len()) {
                        self.link.give_up();
                        break End::Lost;
                    }
                }
            }
        };
        flight.answer_all(|| lost().into());
        end
    }
}

#[derive(PartialEq)]
enum End {
    Lost,
    Stopped,
}

async fn open_channel(connection: &Connection) -> Result<Channel, PortError> {
    let channel = call("open a channel", connection.create_channel()).await?;
    call("select confirms", channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

struct Published {
    number: u64,
    outcome: lapin::Result<Confirmation>,
}

/// One message, until it is settled. The futures of one channel are polled by one task in the order in which lapin
/// wakes them, which is what `Confirms` builds on.
async fn publish(channel: &Channel, number: u64, outgoing: Outgoing) -> Published {
    Published { number, outcome: confirmed(channel, number, outgoing).await }
}

async fn confirmed(channel: &Channel, number: u64, outgoing: Outgoing) -> lapin::Result<Confirmation> {
    let Outgoing { queue, properties, body } = outgoing;
    let properties = properties.with_correlation_id(number.to_string().into());
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    channel.basic_publish(ShortString::default(), queue, options, &body, properties).await?.await
}

/// The callers of what is on the way.
#[derive(Default)]
struct Flight {
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    confirms: Confirms,
    settled: u64,
    settled_before: u64,
    quiet_checks: u32,
}

impl Flight {
    /// False when the channel is lost.
    fn settle(&mut self, published: Published, last: bool) -> bool {
        let Published { number, outcome } = published;
        let (verdict, returned) = match outcome {
            Ok(Confirmation::Ack(returned)) => (Verdict::Confirmed, returned),
            Ok(Confirmation::Nack(returned)) => (Verdict::Rejected, returned),
            Ok(Confirmation::NotRequested) => return false,
            Err(error) => {
                self.answer(number, Err(port_error("publish", error).into()));
                return false;
            }
        };
        self.settled += 1;
        let carried = returned.map(|returned| number_of(&returned.properties).unwrap_or(number));
        let Self { confirms, waiting, .. } = self;
        confirms.settle(Settled { number, verdict, carried, last }, |number, verdict| {
            if let Some(caller) = waiting.remove(&number) {
                caller.send(answer_to(verdict)).ok();
            }
        });
        true
    }

    fn answer(&mut self, number: u64, answer: Answer) {
        if let Some(caller) = self.waiting.remove(&number) {
            caller.send(answer).ok();
        }
    }

    fn answer_all(&mut self, error: impl Fn() -> PublishError) {
        for (_, caller) in self.waiting.drain() {
            caller.send(Err(error())).ok();
        }
    }

    /// True when messages are on the way and none was settled since many checks. Messages that a blocked broker does
    /// not read are no stall: their callers have been answered.
    fn is_stalled(&mut self, on_the_way: usize) -> bool {
        let quiet = on_the_way > 0 && !self.waiting.is_empty() && self.settled == self.settled_before;
        self.settled_before = self.settled;
        self.quiet_checks = if quiet { self.quiet_checks + 1 } else { 0 };
        self.quiet_checks >= STALLED_AFTER
    }
}

fn answer_to(verdict: Verdict) -> Answer {
    match verdict {
        Verdict::Confirmed => Ok(()),
        Verdict::Rejected => Err(PublishError::Full),
        Verdict::Returned => Err(PublishError::Unroutable("no queue of this name is declared".to_owned())),
    }
}

fn number_of(properties: &BasicProperties) -> Option<u64> {
    properties.correlation_id().as_ref()?.as_str().parse().ok()
}
