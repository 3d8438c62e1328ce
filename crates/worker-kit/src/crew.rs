use crate::Runner;
use metrics::Gauge;
use ports::broker::Queue;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// The workers of one process. A run whose next job is for one of them, and which has a free place, goes on with it: its
/// outcome and the claim of the next hop are one write, and the job passes no queue.
#[derive(Clone, Default)]
pub struct Crew {
    within: Duration,
    drain: CancellationToken,
    members: Arc<Mutex<HashMap<Queue, Weak<Runner>>>>,
}

impl Crew {
    /// Goes on under deliveries that it has held for less than `within`: a turn that takes longer is passed along, so that
    /// other processes share the work, and so that a delivery is not held for long. Nobody goes on once `drain` has fired.
    pub fn new(within: Duration, drain: CancellationToken) -> Self {
        Self { within, drain, members: Arc::default() }
    }

    /// Lets others go on with what this runner does.
    pub fn join(&self, runner: &Arc<Runner>) {
        self.members().insert(runner.queue(), Arc::downgrade(runner));
    }

    /// Who goes on with a job of this queue at once, and its place. Nobody does where a run only waits, and is parked and
    /// goes on again: it would hold a delivery of the queue in which turns begin.
    pub(crate) fn next(&self, queue: &Queue, held: Duration) -> Option<(Arc<Runner>, Seat)> {
        if held >= self.within || self.drain.is_cancelled() {
            return None;
        }
        let runner = self.members().get(queue)?.upgrade()?;
        if runner.handler.goes_on() {
            return None;
        }
        let seat = runner.free_seat()?;
        Some((runner, seat))
    }

    fn members(&self) -> MutexGuard<'_, HashMap<Queue, Weak<Runner>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place of a runner that is taken: a job that is counted as being worked on, however it ends.
pub(crate) struct Seat {
    taken: Gauge,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Seat {
    /// Without a permit where the places of a runner have been closed, which nobody does.
    pub(crate) fn new(permit: Option<OwnedSemaphorePermit>, taken: Gauge) -> Self {
        taken.increment(1.0);
        Self { taken, _permit: permit }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.decrement(1.0);
    }
}
