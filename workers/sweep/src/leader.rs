use crate::{Sweeper, retention, signals};
use std::time::Duration;

const TASK: &str = "sweep";
/// A leader that is silent for so long has another after it.
const SHORTEST_LEASE: Duration = Duration::from_secs(3);
const MEASURE_EVERY_MS: u64 = 5_000;
const FORGET_EVERY_MS: u64 = 60 * 60 * 1_000;

/// Whether this sweeper leads, and what it does about it.
pub(crate) struct Leader<'a> {
    sweeper: &'a Sweeper,
    leads: bool,
    measured_ms: Option<u64>,
    forgot_ms: Option<u64>,
}

impl<'a> Leader<'a> {
    pub(crate) fn new(sweeper: &'a Sweeper) -> Self {
        Self { sweeper, leads: false, measured_ms: None, forgot_ms: None }
    }

    /// Leads for another while, unless somebody else does.
    pub(crate) async fn leads(&mut self) -> bool {
        let lease = (self.sweeper.every * 3).max(SHORTEST_LEASE);
        let term = self.sweeper.ports.store.lead(TASK, &self.sweeper.owner, lease).await;
        let term = term.unwrap_or_else(|error| {
            tracing::warn!(%error, "whether this sweeper leads is not known: it waits");
            None
        });
        if let (false, Some(term)) = (self.leads, term) {
            tracing::info!(term, "this sweeper leads");
        }
        if self.leads && term.is_none() {
            tracing::info!("another sweeper leads");
            self.forget();
        }
        self.leads = term.is_some();
        self.leads
    }

    /// Says how full the queues are, from time to time.
    pub(crate) async fn measure(&mut self) {
        let now_ms = self.sweeper.ports.clock.monotonic_ms();
        if self.measured_ms.is_some_and(|last| now_ms.saturating_sub(last) < MEASURE_EVERY_MS) {
            return;
        }
        self.measured_ms = Some(now_ms);
        signals::measure(&self.sweeper.ports, &self.sweeper.queues).await;
    }

    /// Deletes what is old, once an hour.
    pub(crate) async fn forget_old(&mut self) {
        let Some(keep) = self.sweeper.keep else { return };
        let now_ms = self.sweeper.ports.clock.monotonic_ms();
        if self.forgot_ms.is_some_and(|last| now_ms.saturating_sub(last) < FORGET_EVERY_MS) {
            return;
        }
        self.forgot_ms = Some(now_ms);
        match retention::forget(&self.sweeper.ports, keep).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "old results are deleted"),
            Err(error) => tracing::warn!(%error, "old results stay for now"),
        }
    }

    /// Lets another lead at once.
    pub(crate) async fn resign(mut self) {
        if !self.leads {
            return;
        }
        self.forget();
        if let Err(error) = self.sweeper.ports.store.resign(TASK, &self.sweeper.owner).await {
            tracing::debug!(%error, "the lead was not given up: it ends by itself");
        }
    }

    fn forget(&mut self) {
        self.measured_ms = None;
        signals::forget(&self.sweeper.queues);
    }
}
