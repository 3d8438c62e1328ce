use crate::backend::BrokerBackend;
use crate::runner::Runner;
use apalis::prelude::{WorkerBuilder, WorkerBuilderExt};
use metrics::Gauge;
use ports::PortError;
use ports::broker::Delivery;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Consumes the queue of the runner's kind until `stop`, then lets what runs end. `concurrency` jobs run at a time,
/// each on a task of its own.
pub async fn run_worker(
    runner: Arc<Runner>,
    concurrency: usize,
    prefetch: u16,
    stop: CancellationToken,
) -> Result<(), PortError> {
    let kind = runner.handler.kind();
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
    if let Err(error) = tokio::spawn(process_here(runner, delivery)).await {
        tracing::error!(%error, "a delivery was dropped: it comes again");
    }
}

async fn process_here(runner: Arc<Runner>, delivery: Delivery) {
    let _counted = InFlight::of(&runner);
    runner.process(delivery).await;
}

/// A job that is counted as being worked on, however it ends.
struct InFlight(Gauge);

impl InFlight {
    fn of(runner: &Runner) -> Self {
        let (kind, lane) = (runner.handler.kind(), runner.lane.as_str());
        let gauge = metrics::gauge!(telemetry::names::IN_FLIGHT, "kind" => kind, "lane" => lane);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
