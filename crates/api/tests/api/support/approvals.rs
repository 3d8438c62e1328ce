//! Approvals in memory.

use super::FakeStore;
use async_trait::async_trait;
use contracts::{ApprovalId, BusinessId, TurnId};
use ports::PortError;
use ports::approvals::{Approval, ApprovalState, Approvals, ChangeEnd, Verdict};
use ports::dead::Decision;
use std::sync::{Arc, Mutex};

/// What was asked, oldest first.
#[derive(Clone, Default)]
pub struct Asked(Arc<Mutex<Vec<Approval>>>);

impl Asked {
    fn change<T>(&self, business: &BusinessId, id: &ApprovalId, change: impl FnOnce(&mut Approval) -> T) -> Option<T> {
        let mut all = self.0.lock().unwrap();
        all.iter_mut().find(|one| one.id == *id && one.business == *business).map(change)
    }
}

#[async_trait]
impl Approvals for FakeStore {
    async fn ask_approval(&self, approval: &Approval) -> Result<Approval, PortError> {
        self.asked.0.lock().unwrap().push(approval.clone());
        Ok(approval.clone())
    }

    async fn approval(&self, business: &BusinessId, id: &ApprovalId) -> Result<Option<Approval>, PortError> {
        Ok(self.asked.change(business, id, |one| one.clone()))
    }

    async fn approvals(
        &self,
        business: &BusinessId,
        state: Option<ApprovalState>,
        limit: u32,
    ) -> Result<Vec<Approval>, PortError> {
        let all = self.asked.0.lock().unwrap();
        let fits = |one: &&Approval| one.business == *business && state.is_none_or(|state| state == one.state);
        Ok(all.iter().rev().filter(fits).take(limit as usize).cloned().collect())
    }

    async fn decide(
        &self,
        business: &BusinessId,
        id: &ApprovalId,
        verdict: Verdict,
        turn: &TurnId,
        decision: &Decision,
    ) -> Result<bool, PortError> {
        let decided = self.asked.change(business, id, |one| {
            let may = one.state == ApprovalState::Pending && one.expires_ms > decision.at_ms;
            if may {
                one.state = match verdict {
                    Verdict::Approve => ApprovalState::Approved,
                    Verdict::Decline => ApprovalState::Declined,
                };
                (one.decided, one.executed_as) = (Some(decision.clone()), Some(turn.clone()));
            }
            may
        });
        Ok(decided.unwrap_or(false))
    }

    async fn redirect_approval(
        &self,
        business: &BusinessId,
        id: &ApprovalId,
        from: &TurnId,
        to: &TurnId,
    ) -> Result<bool, PortError> {
        let redirected = self.asked.change(business, id, |one| {
            let is_open = matches!(one.state, ApprovalState::Approved | ApprovalState::Declined);
            let may = is_open && one.executed_as.as_ref() == Some(from);
            if may {
                one.executed_as = Some(to.clone());
            }
            may
        });
        Ok(redirected.unwrap_or(false))
    }

    async fn begin_change(&self, _: &BusinessId, _: &ApprovalId, _: &TurnId) -> Result<bool, PortError> {
        panic!("the API changes nothing")
    }

    async fn end_change(&self, business: &BusinessId, id: &ApprovalId, end: &ChangeEnd) -> Result<bool, PortError> {
        let ChangeEnd::Done { rows } = end else { panic!("a test ends a change only as done") };
        let ended =
            self.asked.change(business, id, |one| (one.state, one.changed) = (ApprovalState::Done, Some(*rows)));
        Ok(ended.is_some())
    }

    async fn expire_approvals(&self, _: i64, _: u32) -> Result<u64, PortError> {
        panic!("the API sweeps nothing")
    }
}
