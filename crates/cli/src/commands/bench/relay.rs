//! The yardstick: messages through as many queues as a turn passes, of the same kind and size, on the same broker,
//! with nothing but the wire between them. A message is acked when its successor is confirmed.

use anyhow::{Context, Result, bail};
use futures_util::{StreamExt, TryStreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Beyond its time a run may take this long to bring in what is under way.
const PATIENCE: Duration = Duration::from_secs(30);
const PERSISTENT: u8 = 2;

/// A chain of queues that exist.
pub struct Relay {
    /// The broker.
    pub url: String,
    /// In the order in which a message passes them.
    pub queues: Vec<String>,
    /// Size of a message's body.
    pub bytes: usize,
    /// Messages under way.
    pub concurrency: usize,
    /// Unsettled messages of one queue.
    pub prefetch: u16,
}

/// One queue of the chain.
struct Stage {
    stream: Consumer,
    publishing: Channel,
    next: Option<ShortString>,
    under_way: Arc<Semaphore>,
}

impl Relay {
    /// Sends messages through the chain for some time. Gives how many arrived at the end in a second.
    pub async fn run(&self, time: Duration) -> Result<f64> {
        let publishing = self.connect().await?;
        let consuming = self.connect().await?;
        let under_way = Arc::new(Semaphore::new(self.concurrency));
        let mut stages = JoinSet::new();
        for index in 0..self.queues.len() {
            let stage = self.stage(index, &publishing, &consuming, under_way.clone()).await?;
            stages.spawn(stage.run());
        }
        let first = self.queues.first().context("a relay needs a queue")?.as_str().into();
        let source = self.feed(confirming(&publishing).await?, first, &under_way, time);
        let rate = tokio::select! {
            rate = tokio::time::timeout(time + PATIENCE, source) => rate.context("the relay stalled")?,
            Some(ended) = stages.join_next() => Err(ended?.err().context("a queue of the relay ended")?),
        };
        stages.abort_all();
        consuming.close(200, "done".into()).await.ok();
        publishing.close(200, "done".into()).await.ok();
        rate
    }

    async fn connect(&self) -> Result<Connection> {
        let connected = Connection::connect(&self.url, ConnectionProperties::default()).await;
        connected.context("the relay cannot connect to RabbitMQ")
    }

    async fn stage(
        &self,
        index: usize,
        publishing: &Connection,
        consuming: &Connection,
        under_way: Arc<Semaphore>,
    ) -> Result<Stage> {
        let channel = consuming.create_channel().await?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let queue = self.queues[index].as_str().into();
        let options = BasicConsumeOptions::default();
        let stream = channel.basic_consume(queue, ShortString::default(), options, FieldTable::default()).await?;
        let next = self.queues.get(index + 1).map(|name| name.as_str().into());
        Ok(Stage { stream, publishing: confirming(publishing).await?, next, under_way })
    }

    /// Keeps `concurrency` messages under way until the time is over, and waits for the last of them.
    async fn feed(&self, channel: Channel, first: ShortString, under_way: &Semaphore, time: Duration) -> Result<f64> {
        let body = vec![b'x'; self.bytes];
        let started = Instant::now();
        let mut sent = 0_u32;
        let mut confirms = futures_util::stream::FuturesUnordered::new();
        while started.elapsed() < time {
            tokio::select! {
                permit = under_way.acquire() => {
                    permit?.forget();
                    confirms.push(publish(&channel, first.clone(), &body));
                    sent += 1;
                }
                Some(confirmed) = confirms.next() => confirmed?,
            }
        }
        confirms.try_collect::<()>().await?;
        under_way.acquire_many(u32::try_from(self.concurrency)?).await?.forget();
        Ok(f64::from(sent) / started.elapsed().as_secs_f64())
    }
}

impl Stage {
    async fn run(self) -> Result<()> {
        let Self { stream, publishing, next, under_way } = self;
        let pass_on = |delivery| pass_on(delivery, &publishing, next.as_ref(), &under_way);
        stream.map_err(anyhow::Error::from).try_for_each_concurrent(None, pass_on).await
    }
}

async fn pass_on(
    delivery: Delivery,
    publishing: &Channel,
    next: Option<&ShortString>,
    under_way: &Semaphore,
) -> Result<()> {
    if let Some(next) = next {
        publish(publishing, next.clone(), &delivery.data).await?;
    }
    delivery.ack(BasicAckOptions::default()).await?;
    if next.is_none() {
        under_way.add_permits(1);
    }
    Ok(())
}

async fn confirming(connection: &Connection) -> Result<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

async fn publish(channel: &Channel, queue: ShortString, body: &[u8]) -> Result<()> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let sent = channel.basic_publish(ShortString::default(), queue, options, body, properties).await?;
    match sent.await? {
        Confirmation::Ack(None) => Ok(()),
        other => bail!("RabbitMQ did not take a message of the relay: {other:?}"),
    }
}
