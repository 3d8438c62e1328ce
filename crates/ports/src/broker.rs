//! Durable queues, one per kind and lane. At least once.

use crate::PortError;
use async_trait::async_trait;
use bytes::Bytes;
use contracts::{Envelope, Lane};
use std::collections::BTreeMap;
use std::time::Duration;

/// Header: failed runs of this job so far, decimal. Absent means 0.
pub const HEADER_ATTEMPT: &str = "x-attempt";
/// Header: how often this job was parked because a server of ours was away, decimal. Absent means 0.
pub const HEADER_WAITS: &str = "x-waits";
/// Header: why the last run failed.
pub const HEADER_ERROR: &str = "x-error";
/// Header: the attempt that was parked in order to go on later, decimal.
pub const HEADER_PAUSED: &str = "x-paused";
/// Header: W3C trace context of the turn, the same on every hop.
pub const HEADER_TRACEPARENT: &str = "traceparent";
/// Header: the context of the span that published the message, which the run links to.
pub const HEADER_PRODUCER: &str = "x-producer-traceparent";

/// The delays of the retry ladder, in milliseconds, shortest first. One queue per rung: a broker fires mixed delays
/// of one queue late.
pub const RUNGS_MS: &[u64] = &[300, 900, 2_700, 8_100, 24_300];

/// A queue of one kind and lane.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Queue {
    /// The job kind.
    pub kind: String,
    /// The lane.
    pub lane: Lane,
}

impl Queue {
    /// The queue of a kind and lane.
    pub fn of(kind: impl Into<String>, lane: Lane) -> Self {
        Self { kind: kind.into(), lane }
    }

    /// The queue of a kind in the interactive lane.
    pub fn interactive(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), lane: Lane::Interactive }
    }
}

/// Every queue that an installation has: one for each kind and lane. The one place that says so.
pub fn all_queues() -> Vec<Queue> {
    let lanes = |kind| contracts::job::lanes_of(kind).iter().map(move |lane| Queue::of(kind, *lane));
    contracts::job::KINDS.iter().copied().flat_map(lanes).collect()
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To be worked on.
    Work(Queue),
    /// To be worked on after `RUNGS_MS[rung]`.
    Retry(Queue, usize),
    /// Not to be worked on until a person looks at it.
    Dead(Queue),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The hop id: the same work has the same id.
    pub id: String,
    /// Text headers. At most 32, values of at most 4 KiB.
    pub headers: BTreeMap<String, String>,
    /// The envelope, JSON. Untrusted when it comes out.
    pub body: Bytes,
}

impl Message {
    /// The message that carries an envelope, not yet tried. `traceparent` ties the run to its cause.
    pub fn carrying(envelope: &Envelope, traceparent: Option<String>) -> Result<Self, PortError> {
        let body = serde_json::to_vec(envelope)
            .map_err(|error| PortError::unreadable("broker", "encode the envelope", error))?;
        let headers = traceparent.map(|value| (HEADER_TRACEPARENT.to_owned(), value)).into_iter().collect();
        Ok(Self { id: envelope.hop.0.clone(), headers, body: Bytes::from(body) })
    }

    /// Failed runs so far; 0 when the header is absent or no number.
    pub fn attempt(&self) -> u32 {
        self.count(HEADER_ATTEMPT)
    }

    /// How often it has waited for a server of ours; 0 when the header is absent or no number.
    pub fn waits(&self) -> u32 {
        self.count(HEADER_WAITS)
    }

    fn count(&self, header: &str) -> u32 {
        self.headers.get(header).and_then(|n| n.parse().ok()).unwrap_or(0)
    }
}

/// Why a message was not published. In every case it may or may not lie in the queue.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The queue is full or the broker has raised an alarm: back-pressure.
    #[error("the queue is full or the broker blocks publishers")]
    Full,
    /// There is no such queue.
    #[error("no queue takes the message: {0}")]
    Unroutable(String),
    /// Anything else.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A message handed out. Dropped without a word it is delivered again.
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// True when it was handed out before.
    pub redelivered: bool,
    /// Settles it.
    pub receipt: Box<dyn Receipt>,
}

/// Settles one delivery.
#[async_trait]
pub trait Receipt: Send + Sync {
    /// It is done with: never deliver it again. After a reconnect this has no effect and the message comes again.
    async fn ack(self: Box<Self>) -> Result<(), PortError>;
    /// Deliver it again, to anyone.
    async fn requeue(self: Box<Self>) -> Result<(), PortError>;
}

/// Messages of one queue. Survives a reconnect: after it, unsettled messages come again.
#[async_trait]
pub trait Consumer: Send {
    /// The next message. `None` after `stop`, when all that was handed over has been taken.
    async fn next(&mut self) -> Option<Delivery>;
    /// Fetch no more. Messages fetched and not yet taken go back to the queue.
    async fn stop(&mut self);
}

/// How full a queue is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages waiting to be handed out.
    pub ready: u64,
    /// Consumers attached, over all processes.
    pub consumers: u64,
    /// Messages handed out and not settled; `None` where the broker does not say.
    pub unacked: Option<u64>,
}

/// Durable queues.
#[async_trait]
pub trait Broker: Send + Sync {
    /// What traces call it (`messaging.system`): `rabbitmq`, or `askline` for a queue of our own.
    fn system(&self) -> &'static str {
        "askline"
    }
    /// Makes sure that the queues, their ladders and their dead queues exist. Safe to repeat.
    async fn declare(&self, queues: &[Queue]) -> Result<(), PortError>;
    /// Publishes durably; returns when the broker has confirmed. Callers publish concurrently: confirms are pipelined.
    async fn publish(&self, to: &Destination, message: Message) -> Result<(), PublishError>;
    /// Starts handing out messages of a queue, at most `prefetch` unsettled at a time.
    async fn consume(&self, queue: &Queue, prefetch: u16) -> Result<Box<dyn Consumer>, PortError>;
    /// How full a destination is.
    async fn depth(&self, of: &Destination) -> Result<Depth, PortError>;
    /// How many messages wait on a queue's ladder, all rungs together.
    async fn parked(&self, queue: &Queue) -> Result<u64, PortError> {
        let mut parked = 0;
        for rung in 0..RUNGS_MS.len() {
            parked += self.depth(&Destination::Retry(queue.clone(), rung)).await?.ready;
        }
        Ok(parked)
    }
    /// Hands out up to `limit` messages of a dead queue, oldest first. Ack each once it is kept elsewhere: what is
    /// dropped without a word, or held by a process that dies, stays in the dead queue.
    async fn take_dead(&self, queue: &Queue, limit: usize) -> Result<Vec<Delivery>, PortError>;
    /// Fails unless the broker answers within `timeout`.
    async fn ping(&self, timeout: Duration) -> Result<(), PortError>;
}
