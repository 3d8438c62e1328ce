use crate::SystemClock;
use crate::compose::Reach;
use adapter_store::Store;
use anyhow::{Result, bail};
use contracts::DeadId;
use ports::Clock;
use ports::dead::{DeadFilter, DeadJob, DeadJobs, Decision, Scope};
use settings::Settings;
use std::sync::Arc;

/// The dead-letter desk of who runs the installation: every dead job, those of no business too, in the store that the
/// settings name.
pub struct OperatorDesk {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl OperatorDesk {
    /// Opens the store.
    pub async fn open(settings: &Settings) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let store = Reach { settings, clock: clock.clone() }.any_store().await?;
        Ok(Self { store, clock })
    }

    /// Dead jobs, oldest first, at most `limit`; and how many there are.
    pub async fn list(&self, filter: &DeadFilter, limit: u32) -> Result<(Vec<DeadJob>, u64)> {
        let jobs = self.store.dead_jobs(&Scope::Operator, filter, limit).await?;
        Ok((jobs, self.store.count_dead(&Scope::Operator, filter).await?))
    }

    /// A dead job.
    pub async fn show(&self, id: &DeadId) -> Result<DeadJob> {
        match self.store.dead_job(&Scope::Operator, id).await? {
            Some(job) => Ok(job),
            None => bail!("there is no dead job {id}: `askline dead list --operator` lists them"),
        }
    }

    /// Drops an open job.
    pub async fn drop(&self, id: &DeadId) -> Result<()> {
        self.show(id).await?;
        let decision = Decision { by: "operator".to_owned(), at_ms: self.clock.now_ms() };
        if !self.store.drop_dead(&Scope::Operator, id, &decision).await? {
            bail!("{id} was replayed or dropped already: look at it with `askline dead show {id} --operator`");
        }
        Ok(())
    }
}
