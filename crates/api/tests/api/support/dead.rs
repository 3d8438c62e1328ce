//! The dead-letter desk in memory.

use super::FakeStore;
use async_trait::async_trait;
use contracts::{DeadId, TurnId};
use ports::PortError;
use ports::dead::{DeadFilter, DeadJob, DeadJobs, DeadState, Decision, Scope};
use ports::leader::Leaders;
use ports::retention::Retention;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Dead jobs, oldest first.
#[derive(Clone, Default)]
pub struct Desk(Arc<Mutex<Vec<DeadJob>>>);

impl Desk {
    fn change<T>(&self, scope: &Scope, id: &DeadId, change: impl FnOnce(&mut DeadJob) -> T) -> Option<T> {
        self.0.lock().unwrap().iter_mut().find(|job| job.id == *id && is_in(scope, job)).map(change)
    }
}

fn is_in(scope: &Scope, job: &DeadJob) -> bool {
    match scope {
        Scope::Operator => true,
        Scope::Business(business) => job.business.as_ref() == Some(business),
    }
}

fn fits(filter: &DeadFilter, job: &DeadJob) -> bool {
    filter.state.is_none_or(|state| state == job.state)
        && filter.kind.as_ref().is_none_or(|kind| *kind == job.kind)
        && filter.error.as_ref().is_none_or(|part| *part == job.code || job.error.contains(part.as_str()))
        && filter.since_ms.is_none_or(|since| job.at_ms >= since)
        && filter.until_ms.is_none_or(|until| job.at_ms < until)
        && filter.after.as_ref().is_none_or(|after| job.id > *after)
}

#[async_trait]
impl DeadJobs for FakeStore {
    async fn keep_dead(&self, job: &DeadJob) -> Result<bool, PortError> {
        self.desk.0.lock().unwrap().push(job.clone());
        Ok(true)
    }

    async fn dead_job(&self, scope: &Scope, id: &DeadId) -> Result<Option<DeadJob>, PortError> {
        Ok(self.desk.change(scope, id, |job| job.clone()))
    }

    async fn dead_jobs(&self, scope: &Scope, filter: &DeadFilter, limit: u32) -> Result<Vec<DeadJob>, PortError> {
        let jobs = self.desk.0.lock().unwrap();
        let found = jobs.iter().filter(|job| is_in(scope, job) && fits(filter, job));
        Ok(found.take(limit as usize).cloned().collect())
    }

    async fn count_dead(&self, scope: &Scope, filter: &DeadFilter) -> Result<u64, PortError> {
        Ok(self.dead_jobs(scope, filter, u32::MAX).await?.len() as u64)
    }

    async fn plan_replay(
        &self,
        scope: &Scope,
        id: &DeadId,
        turn: &TurnId,
        instead_of: Option<&TurnId>,
    ) -> Result<bool, PortError> {
        let planned = self.desk.change(scope, id, |job| {
            let is_free = job.replayed_as.is_none() || job.replayed_as.as_ref() == instead_of;
            let may = job.state == DeadState::Open && is_free;
            if may {
                job.replayed_as = Some(turn.clone());
            }
            may
        });
        Ok(planned.unwrap_or(false))
    }

    async fn mark_replayed(
        &self,
        scope: &Scope,
        id: &DeadId,
        turn: &TurnId,
        decision: &Decision,
    ) -> Result<bool, PortError> {
        let is_planned = self.desk.change(scope, id, |job| job.replayed_as.as_ref() == Some(turn)).unwrap_or(false);
        Ok(is_planned && self.decide(scope, id, DeadState::Replayed, decision))
    }

    async fn drop_dead(&self, scope: &Scope, id: &DeadId, decision: &Decision) -> Result<bool, PortError> {
        Ok(self.decide(scope, id, DeadState::Dropped, decision))
    }
}

impl FakeStore {
    fn decide(&self, scope: &Scope, id: &DeadId, state: DeadState, decision: &Decision) -> bool {
        let decided = self.desk.change(scope, id, |job| {
            let may = job.state == DeadState::Open;
            if may {
                (job.state, job.decided) = (state, Some(decision.clone()));
            }
            may
        });
        decided.unwrap_or(false)
    }
}

#[async_trait]
impl Leaders for FakeStore {
    async fn lead(&self, _: &str, _: &str, _: Duration) -> Result<Option<u64>, PortError> {
        panic!("the API leads nothing")
    }

    async fn resign(&self, _: &str, _: &str) -> Result<(), PortError> {
        panic!("the API leads nothing")
    }
}

#[async_trait]
impl Retention for FakeStore {
    async fn forget_results(&self, _: i64, _: u32) -> Result<u64, PortError> {
        panic!("the API forgets nothing")
    }
}
