use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::worker::context::WorkerContext;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use ports::broker::{Consumer, Delivery};
use std::convert::Infallible;
use std::task::{Context, Poll};
use tokio_util::sync::CancellationToken;
use tower::layer::util::Identity;

/// Joins apalis to the `Broker` port: the only place where the two meet.
pub(crate) struct BrokerBackend {
    deliveries: BoxStream<'static, Delivery>,
}

impl BrokerBackend {
    /// Deliveries until `stop`; then the consumer fetches no more and what runs may end.
    pub(crate) fn new(consumer: Box<dyn Consumer>, stop: CancellationToken) -> Self {
        let deliveries = unfold((consumer, stop), |(mut consumer, stop)| async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    consumer.stop().await;
                    None
                }
                delivery = consumer.next() => delivery.map(|delivery| (delivery, (consumer, stop))),
            }
        });
        Self { deliveries: deliveries.boxed() }
    }
}

impl Backend for BrokerBackend {
    type Task = Task<Delivery>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Self::Error>>> {
        self.deliveries.poll_next_unpin(context).map(|next| next.map(|delivery| Ok(Task::new(delivery))))
    }

    /// The end of the deliveries is the end of the worker: apalis waits until it is told so. A worker that was
    /// stopped already refuses, which is as good.
    fn poll_close(&mut self, _: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Self::Error>> {
        drop(worker.stop());
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for BrokerBackend {
    type Args = Delivery;
    type Id = String;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &Self::Config {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Self::Layer {
        Identity::new()
    }
}
