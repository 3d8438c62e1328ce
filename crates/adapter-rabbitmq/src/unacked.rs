//! What this process has been handed and has not settled. The broker tells nobody but its own console.

use metrics::Gauge;
use ports::broker::Queue;
use telemetry::names::QUEUE_UNACKED;

/// The count of a queue; by default of none.
#[derive(Clone, Default)]
pub(crate) struct Unacked(Option<Gauge>);

impl Unacked {
    pub(crate) fn of(queue: &Queue) -> Self {
        let lane = queue.lane.as_str();
        Self(Some(metrics::gauge!(QUEUE_UNACKED, "kind" => queue.kind.clone(), "lane" => lane)))
    }

    /// Counts one more, until what is returned is dropped.
    pub(crate) fn count(&self) -> Counted {
        if let Some(gauge) = &self.0 {
            gauge.increment(1.0);
        }
        Counted(self.clone())
    }
}

/// One that is counted.
pub(crate) struct Counted(Unacked);

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(gauge) = &self.0.0 {
            gauge.decrement(1.0);
        }
    }
}
