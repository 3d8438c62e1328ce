//! Going on with a dead job. Its turn has ended, so a new turn begins, with the failed step.
//!
//! The new turn's id is noted in the job's row before it is offered. So two who replay at once, or one who replays
//! again after a crash, come to the same turn.

use super::Clerk;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::submit::{self, FirstJob, Order};
use axum::http::StatusCode;
use contracts::job::KINDS;
use contracts::{DeadId, Envelope, Kind, Meta, NextJob, Role, TurnId};
use ports::dead::{DeadJob, DeadState, Decision};
use ports::store::{NewTurn, Turn, TurnState};

/// The failed step, as the first of a turn.
struct Again {
    kind: Kind,
    job: serde_json::Value,
}

impl FirstJob for Again {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn envelope(&self, meta: Meta, next_seq: u64) -> Result<Envelope, serde_json::Error> {
        let first = NextJob { kind: self.kind.to_owned(), job: self.job.clone() };
        Ok(Envelope::opening(meta, next_seq, first))
    }
}

/// Replays a dead job, or finds the turn that does. Gives that turn.
pub(super) async fn replay(state: &ApiState, clerk: &Clerk, id: &DeadId) -> Result<TurnId, ApiError> {
    let job = find(state, clerk, id).await?;
    match (job.state, &job.replayed_as) {
        (DeadState::Replayed, Some(turn)) => return Ok(turn.clone()),
        (DeadState::Dropped, _) => return Err(dropped()),
        _ => {}
    }
    let again = readable(&job)?;
    let failed = failed_turn(state, clerk, &job).await?;
    let (planned, begun) = plan(state, clerk, job).await?;
    if !begun {
        let turn = new_turn(state, &failed, planned.clone());
        submit::submit(state, Order { turn, job: again }).await?;
    }
    let decision = Decision { by: clerk.actor.user.0.clone(), at_ms: state.now_ms() };
    state.ports.store.mark_replayed(&clerk.scope, id, &planned, &decision).await?;
    Ok(planned)
}

pub(super) async fn find(state: &ApiState, clerk: &Clerk, id: &DeadId) -> Result<DeadJob, ApiError> {
    let found = state.ports.store.dead_job(&clerk.scope, id).await?;
    found.ok_or_else(|| ApiError::not_found("dead job"))
}

fn readable(job: &DeadJob) -> Result<Again, ApiError> {
    let envelope: Envelope = serde_json::from_slice(&job.body).map_err(|_| unreadable())?;
    let kind = KINDS.iter().find(|kind| **kind == envelope.kind).ok_or_else(unreadable)?;
    Ok(Again { kind, job: envelope.job })
}

/// The turn that the job ended. The replay acts for who asked it, who must still belong to the business.
async fn failed_turn(state: &ApiState, clerk: &Clerk, job: &DeadJob) -> Result<Turn, ApiError> {
    let id = job.turn.as_ref().ok_or_else(unreadable)?;
    let turn = state.ports.store.turn(&clerk.actor.business, id).await?.ok_or_else(unreadable)?;
    let role = state.ports.store.role_in(&turn.user, &turn.business).await?;
    if role.is_none_or(|role| role < Role::Member) {
        return Err(gone());
    }
    Ok(turn)
}

/// The turn that will replay the job, and whether it has begun already. A turn that was refused is replaced.
async fn plan(state: &ApiState, clerk: &Clerk, job: DeadJob) -> Result<(TurnId, bool), ApiError> {
    let store = &state.ports.store;
    let fresh = TurnId(state.ports.ids.next("resp"));
    if store.plan_replay(&clerk.scope, &job.id, &fresh, None).await? {
        return Ok((fresh, false));
    }
    let planned = find(state, clerk, &job.id).await?.replayed_as.ok_or_else(dropped)?;
    let known = store.turn(&clerk.actor.business, &planned).await?.map(|turn| turn.state);
    match known {
        None | Some(TurnState::Offered) => Ok((planned, false)),
        Some(TurnState::Refused) if store.plan_replay(&clerk.scope, &job.id, &fresh, Some(&planned)).await? => {
            Ok((fresh, false))
        }
        Some(TurnState::Refused) => Err(ApiError::unavailable("busy", "Somebody else replays this job. Look again.")),
        Some(_) => Ok((planned, true)),
    }
}

fn new_turn(state: &ApiState, failed: &Turn, id: TurnId) -> NewTurn {
    let now_ms = state.now_ms();
    NewTurn {
        // Whoever offers it again under this key continues it.
        idempotency_key: Some(format!("replay-{id}")),
        id,
        business: failed.business.clone(),
        user: failed.user.clone(),
        conversation: failed.conversation.clone(),
        connection: failed.connection.clone(),
        question: failed.question.clone(),
        lane: failed.lane,
        share: None,
        created_ms: now_ms,
        deadline_ms: submit::deadline_ms(state, failed.lane, now_ms),
        replay_of: Some(failed.id.clone()),
    }
}

fn dropped() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "dropped", "This job was dropped. Ask the question again instead.")
}

fn unreadable() -> ApiError {
    let message = "This job cannot be run again: its message cannot be read. Ask the question again, and drop it.";
    ApiError::new(StatusCode::CONFLICT, "unreadable_job", message)
}

fn gone() -> ApiError {
    let message = "Who asked this may not ask in this business any more. Drop the job, or give the role back first.";
    ApiError::new(StatusCode::CONFLICT, "user_gone", message)
}
