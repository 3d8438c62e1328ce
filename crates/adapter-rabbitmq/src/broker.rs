//! The adapter itself.

use crate::consumer::{Pump, RabbitConsumer};
use crate::dead;
use crate::dial::Dialer;
use crate::error::{call, found, refused};
use crate::link::Link;
use crate::message::properties;
use crate::publisher::{Outgoing, Publisher};
use crate::topology::Topology;
use async_trait::async_trait;
use lapin::Channel;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use ports::PortError;
use ports::broker::{Broker, Consumer, Delivery, Depth, Destination, Message, PublishError, Queue};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tls::Files;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A dead peer is found out after two of these, seconds. The server may ask for less.
const HEARTBEAT_S: u16 = 10;
/// A name that no host answers to, milliseconds.
const TCP_TIMEOUT_MS: u64 = 5_000;
/// How long an errand waits for a lost connection to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the broker is, and the bounds of its queues.
#[derive(Clone)]
pub struct RabbitConfig {
    /// `amqp://user:password@host:5672/vhost` or `amqps://…`.
    pub url: String,
    /// Other nodes of its cluster, `host:port`.
    pub nodes: Vec<String>,
    /// Put before every queue name.
    pub prefix: String,
    /// A queue takes no more messages than this.
    pub max_queue_length: u64,
    /// For `amqps://`: whom to trust, and what to show.
    pub tls: Files,
}

impl fmt::Debug for RabbitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, nodes: _, prefix, max_queue_length, tls: _ } = self;
        f.debug_struct("RabbitConfig").field("prefix", prefix).field("max_queue_length", max_queue_length).finish()
    }
}

/// Durable queues on RabbitMQ. Its connections and consumers end when it is dropped.
pub struct Rabbit {
    topology: Arc<Topology>,
    publisher: Publisher,
    publishing: Link,
    consuming: Link,
    declared: Mutex<BTreeSet<Queue>>,
    /// Where queues are measured, one after the other.
    measuring: tokio::sync::Mutex<Option<Channel>>,
    _stop: DropGuard,
}

impl Rabbit {
    /// Connects. Fails only when the URL, or a file for TLS, cannot be read: a broker that cannot be reached is tried again in the
    /// background, and `ping` says what is wrong.
    pub async fn connect(config: RabbitConfig) -> Result<Self, PortError> {
        Self::open(config, None).await
    }

    /// As `connect`, but queues vanish with their messages when nobody has taken from them for this long. For tests and
    /// trials that are shorter: nobody ever takes from a ladder, and neither publishing nor declaring counts.
    pub async fn connect_for_a_while(config: RabbitConfig, unused_for: Duration) -> Result<Self, PortError> {
        Self::open(config, Some(unused_for)).await
    }

    async fn open(config: RabbitConfig, unused_for: Option<Duration>) -> Result<Self, PortError> {
        let RabbitConfig { url, nodes, prefix, max_queue_length, tls } = config;
        let dialer = Arc::new(Dialer::new(parse(&url)?, &nodes, &tls)?);
        let stop = CancellationToken::new();
        let mut publishing = Link::open(Arc::clone(&dialer), "askline-publish", stop.clone());
        let mut consuming = Link::open(dialer, "askline-consume", stop.clone());
        tokio::join!(publishing.tried(), consuming.tried());
        Ok(Self {
            topology: Arc::new(Topology { prefix, max_length: max_queue_length, unused_for }),
            publisher: Publisher::start(publishing.clone()),
            publishing,
            consuming,
            declared: Mutex::default(),
            measuring: tokio::sync::Mutex::default(),
            _stop: stop.drop_guard(),
        })
    }

    /// Deletes queues with their ladders, their dead queues and all messages: the end of a trial.
    pub async fn remove(&self, queues: &[Queue]) -> Result<(), PortError> {
        let channel = self.channel("remove", PATIENCE).await?;
        for queue in queues {
            self.declared.lock().unwrap_or_else(PoisonError::into_inner).remove(queue);
            self.topology.remove(&channel, queue).await?;
        }
        Ok(())
    }

    /// A channel for one errand, since an error ends a channel.
    async fn channel(&self, step: &'static str, patience: Duration) -> Result<Channel, PortError> {
        let connection = self.publishing.within(step, patience).await?;
        let channel = call(step, connection.create_channel()).await;
        channel.inspect_err(|_| self.publishing.suspect())
    }

    fn remember(&self, queue: &Queue) {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner).insert(queue.clone());
    }

    fn has_declared(&self, queue: &Queue) -> bool {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner).contains(queue)
    }
}

fn parse(url: &str) -> Result<AMQPUri, PortError> {
    let mut uri: AMQPUri = url.parse().map_err(|error: String| refused("read the URL", error))?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
    uri.query.connection_timeout.get_or_insert(TCP_TIMEOUT_MS);
    Ok(uri)
}

#[async_trait]
impl Broker for Rabbit {
    fn system(&self) -> &'static str {
        "rabbitmq"
    }

    async fn declare(&self, queues: &[Queue]) -> Result<(), PortError> {
        let channel = self.channel("declare", PATIENCE).await?;
        for queue in queues {
            self.topology.declare(&channel, queue).await?;
            self.remember(queue);
        }
        Ok(())
    }

    async fn publish(&self, to: &Destination, message: Message) -> Result<(), PublishError> {
        let queue = self.topology.name(to)?;
        let properties = properties(&message)?;
        self.publisher.publish(Outgoing { queue, properties, body: message.body }).await
    }

    async fn consume(&self, queue: &Queue, prefetch: u16) -> Result<Box<dyn Consumer>, PortError> {
        // 0 would mean no bound.
        let prefetch = prefetch.max(1);
        let (link, topology) = (self.consuming.clone(), Arc::clone(&self.topology));
        let declared = self.has_declared(queue);
        let pump = Pump { link, topology, queue: queue.clone(), prefetch, declared };
        Ok(Box::new(RabbitConsumer::start(pump)))
    }

    async fn depth(&self, of: &Destination) -> Result<Depth, PortError> {
        let name = self.topology.name(of)?;
        let mut kept = self.measuring.lock().await;
        let channel = match kept.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => self.channel("depth", PATIENCE).await?,
        };
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        let asked = channel.queue_declare(name.clone(), options, FieldTable::default());
        let queue = call("depth", found(asked)).await?;
        let queue = queue.ok_or_else(|| refused("depth", format!("there is no queue {name}")))?;
        *kept = Some(channel);
        Ok(Depth { ready: queue.message_count().into(), consumers: queue.consumer_count().into(), unacked: None })
    }

    async fn take_dead(&self, queue: &Queue, limit: usize) -> Result<Vec<Delivery>, PortError> {
        let name = self.topology.name(&Destination::Dead(queue.clone()))?;
        dead::take(self.channel(dead::STEP, PATIENCE).await?, name, limit).await
    }

    async fn ping(&self, timeout: Duration) -> Result<(), PortError> {
        let answer = tokio::time::timeout(timeout, self.channel("ping", timeout)).await;
        answer.unwrap_or_else(|_| Err(self.publishing.silence("ping"))).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_show() {
        let (url, prefix) = ("amqp://u:hidden@h".to_owned(), "p".to_owned());
        let config = RabbitConfig { url, nodes: Vec::new(), prefix, max_queue_length: 1, tls: Files::default() };
        assert!(!format!("{config:?}").contains("hidden"));
    }

    #[test]
    fn a_url_of_another_kind_is_refused_without_its_password() {
        let error = parse("https://u:hidden@h").unwrap_err();
        assert!(matches!(error, PortError::Refused { .. }));
        assert!(!error.to_string().contains("hidden"));
    }

    #[test]
    fn the_heartbeat_of_the_url_is_kept() {
        assert_eq!(parse("amqp://h/%2f?heartbeat=3").unwrap().query.heartbeat, Some(3));
        assert_eq!(parse("amqp://h/%2f").unwrap().query.heartbeat, Some(HEARTBEAT_S));
    }
}
