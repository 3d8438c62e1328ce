//! Handing out messages of a queue, over every loss of the connection.

use crate::backoff::Backoff;
use crate::error::{call, found, port_error, refused, unavailable};
use crate::link::Link;
use crate::message::received;
use crate::settle::{self, Settle};
use crate::topology::Topology;
use crate::unacked::{Counted, Unacked};
use async_trait::async_trait;
use futures_util::StreamExt;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection};
use ports::PortError;
use ports::broker::{Consumer, Delivery, Destination, Message, Queue, Receipt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a stop waits for the broker's word.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// The receiving end of a consumer.
pub(crate) struct RabbitConsumer {
    handed_over: mpsc::Receiver<Handed>,
    stop: CancellationToken,
    pump: Option<JoinHandle<()>>,
}

struct Handed {
    message: Message,
    redelivered: bool,
    receipt: RabbitReceipt,
}

impl RabbitConsumer {
    /// Starts to fetch, in the background.
    pub(crate) fn start(pump: Pump) -> Self {
        let stop = CancellationToken::new();
        let (sender, handed_over) = mpsc::channel(usize::from(pump.prefetch));
        let running = tokio::spawn(pump.run(sender, stop.clone()));
        Self { handed_over, stop, pump: Some(running) }
    }
}

#[async_trait]
impl Consumer for RabbitConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            let Handed { message, redelivered, receipt } = self.handed_over.recv().await?;
            if !receipt.is_stale() {
                return Some(Delivery { message, redelivered, receipt: Box::new(receipt) });
            }
        }
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(pump) = self.pump.take()
            && tokio::time::timeout(STOP_TIMEOUT, pump).await.is_err()
        {
            tracing::debug!("the broker did not confirm in time that the consumer ended");
        }
        self.handed_over.close();
        // A receipt that is dropped hands its message back.
        while self.handed_over.try_recv().is_ok() {}
    }
}

impl Drop for RabbitConsumer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Settles a delivery of one channel. Dropped, it hands the message back.
pub(crate) struct RabbitReceipt {
    tag: u64,
    settler: UnboundedSender<Settle>,
    settled: bool,
    _counted: Counted,
}

impl RabbitReceipt {
    pub(crate) fn new(tag: u64, settler: UnboundedSender<Settle>, unacked: &Unacked) -> Self {
        Self { tag, settler, settled: false, _counted: unacked.count() }
    }

    fn is_stale(&self) -> bool {
        self.settler.is_closed()
    }

    fn settle(&mut self, settle: Settle) {
        self.settled = true;
        if self.settler.send(settle).is_err() {
            tracing::debug!(?settle, "the delivery's channel is gone: the message comes again");
        }
    }
}

#[async_trait]
impl Receipt for RabbitReceipt {
    async fn ack(mut self: Box<Self>) -> Result<(), PortError> {
        let tag = self.tag;
        self.settle(Settle::Ack(tag));
        Ok(())
    }

    async fn requeue(mut self: Box<Self>) -> Result<(), PortError> {
        let tag = self.tag;
        self.settle(Settle::Requeue(tag));
        Ok(())
    }
}

impl Drop for RabbitReceipt {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(Settle::Requeue(self.tag));
        }
    }
}

/// The fetching end of a consumer.
pub(crate) struct Pump {
    /// The connection for consumers.
    pub link: Link,
    /// Names, and how to make the queue again.
    pub topology: Arc<Topology>,
    /// The queue.
    pub queue: Queue,
    /// Unsettled messages at a time; at least 1.
    pub prefetch: u16,
    /// True when this process has declared the queue, and so makes it again when it is gone.
    pub declared: bool,
}

enum End {
    Stopped,
    Lost(PortError),
}

impl Pump {
    async fn run(mut self, to: mpsc::Sender<Handed>, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut reported = false;
        while let Some(Some(connection)) = stop.run_until_cancelled(self.link.connection()).await {
            let started = Instant::now();
            let end = match self.subscribe(&connection).await {
                Ok(subscription) => {
                    reported = false;
                    subscription.pump(&to, &stop).await
                }
                Err(error) => End::Lost(error),
            };
            let End::Lost(error) = end else { return };
            if !reported && self.link.is_current(&connection) {
                tracing::warn!(kind = self.queue.kind, %error, "a consumer lost its channel and subscribes again");
                reported = true;
            }
            self.link.suspect();
            backoff.ended_after(started.elapsed());
            if stop.run_until_cancelled(backoff.pause()).await.is_none() {
                return;
            }
        }
    }

    async fn subscribe(&self, connection: &Connection) -> Result<Subscription, PortError> {
        let name = self.topology.name(&Destination::Work(self.queue.clone()))?;
        if let Some(subscription) = self.try_subscribe(connection, name.clone()).await? {
            return Ok(subscription);
        }
        if self.declared {
            let channel = call("open a channel", connection.create_channel()).await?;
            self.topology.declare(&channel, &self.queue).await?;
        }
        let again = self.try_subscribe(connection, name.clone()).await?;
        again.ok_or_else(|| refused("consume", format!("there is no queue {name}")))
    }

    /// `None` when there is no such queue.
    async fn try_subscribe(
        &self,
        connection: &Connection,
        name: ShortString,
    ) -> Result<Option<Subscription>, PortError> {
        let channel = call("open a channel", connection.create_channel()).await?;
        call("set the prefetch", channel.basic_qos(self.prefetch, BasicQosOptions::default())).await?;
        let options = BasicConsumeOptions::default();
        let consume = channel.basic_consume(name, ShortString::default(), options, FieldTable::default());
        let stream = call("consume", found(consume)).await?;
        Ok(stream.map(|stream| Subscription::of(channel, stream, &self.queue)))
    }
}

/// A consumer on one channel. The channel closes when the subscription has ended and every receipt is gone.
struct Subscription {
    channel: Channel,
    stream: lapin::Consumer,
    settler: UnboundedSender<Settle>,
    dead: CancellationToken,
    unacked: Unacked,
}

impl Subscription {
    fn of(channel: Channel, stream: lapin::Consumer, queue: &Queue) -> Self {
        let (settler, inbox) = mpsc::unbounded_channel();
        let dead = CancellationToken::new();
        tokio::spawn(settle::run(channel.clone(), inbox, dead.clone()));
        Self { channel, stream, settler, dead, unacked: Unacked::of(queue) }
    }

    async fn pump(mut self, to: &mpsc::Sender<Handed>, stop: &CancellationToken) -> End {
        loop {
            let delivery = tokio::select! {
                biased;
                () = stop.cancelled() => return self.end().await,
                delivery = self.stream.next() => delivery,
            };
            let handed = match delivery {
                Some(Ok(delivery)) => self.handed(delivery),
                Some(Err(error)) => return self.lost(port_error("consume", error)),
                None => return self.lost(unavailable("consume", "the broker cancelled the consumer")),
            };
            // A message that is not taken any more is dropped with its receipt, which hands it back.
            stop.run_until_cancelled(to.send(handed)).await;
        }
    }

    fn handed(&self, delivery: lapin::message::Delivery) -> Handed {
        let receipt = RabbitReceipt::new(delivery.delivery_tag, self.settler.clone(), &self.unacked);
        let message = received(&delivery.properties, delivery.data);
        Handed { message, redelivered: delivery.redelivered, receipt }
    }

    fn lost(self, error: PortError) -> End {
        self.dead.cancel();
        End::Lost(error)
    }

    /// Takes no more, and hands back what was fetched and not handed over.
    async fn end(mut self) -> End {
        let cancel = self.channel.basic_cancel(self.stream.tag(), BasicCancelOptions::default());
        if let Err(error) = call("cancel the consumer", cancel).await {
            return self.lost(error);
        }
        while let Some(Ok(delivery)) = self.stream.next().await {
            drop(self.handed(delivery));
        }
        End::Stopped
    }
}
