use crate::backend::BrokerBackend;
use crate::runner::Runner;
use apalis::prelude::{WorkerBuilder, WorkerBuilderExt};
use ports::PortError;
use ports::broker::Delivery;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Consumes the queue of the runner's kind until `stop`, then lets what runs end. As many jobs run at a time as the
/// runner has places, each on a task of its own.
pub async fn run_worker(runner: Arc<Runner>, prefetch: u16, stop: CancellationToken) -> Result<(), PortError> {
    let (kind, concurrency) = (runner.handler.kind(), runner.places);
    let consumer = runner.ports.broker.consume(&runner.queue(), prefetch).await?;
    let name = format!("{kind}-{}-{}", runner.lane.as_str(), runner.owner);
    let worker = WorkerBuilder::new(name.as_str())
        .backend(BrokerBackend::new(consumer, stop))
        .concurrency(concurrency)
        .build(move |delivery: Delivery| process(runner.clone(), delivery));
    worker.run().await.map_err(|error| PortError::refused("worker-kit", "run the worker", error.to_string()))
}

/// On a task of its own, so that jobs run on every core. A delivery whose task panics was not settled and comes again.
async fn process(runner: Arc<Runner>, delivery: Delivery) {
    if let Err(error) = tokio::spawn(async move { runner.process(delivery).await }).await {
        tracing::error!(%error, "a delivery was dropped: it comes again");
    }
}
