//! Deciding about a change. The decision names the turn that does it before that turn is offered: so two who decide at
//! once, or one who decides again after a crash, come to the same turn.

use super::sight;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::submit::{self, Order};
use axum::http::StatusCode;
use contracts::job::ExecuteChange;
use contracts::{ApprovalId, Lane, TurnId};
use ports::approvals::{Approval, ApprovalState, Verdict};
use ports::dead::Decision;
use ports::store::{NewTurn, Turn, TurnState};

/// Decides, or finds what was decided the same way before. Gives the turn that does it.
pub(super) async fn decide(
    state: &ApiState,
    actor: &Actor,
    asking: &Turn,
    verdict: Verdict,
) -> Result<TurnId, ApiError> {
    let approval = find(state, actor, &ApprovalId::of(&asking.id)).await?;
    sight::must_decide(state, actor)?;
    if asking.state != TurnState::Completed {
        return Err(conflict(
            "not_asked",
            "This response did not end by asking for the change. Ask the question again.",
        ));
    }
    if !sight::sees(state, actor, &approval).await? {
        let message =
            "The rules of the connection do not show you all of this change. Somebody else must decide about it.";
        return Err(ApiError::forbidden("change_hidden", message));
    }
    let fresh = TurnId(state.ports.ids.next("resp"));
    let decision = Decision { by: actor.user.0.clone(), at_ms: state.now_ms() };
    let store = &state.ports.store;
    if store.decide(&actor.business, &approval.id, verdict, &fresh, &decision).await? {
        return begin(state, actor, asking, &approval, fresh, verdict).await;
    }
    again(state, actor, asking, &approval.id, fresh, verdict).await
}

pub(super) async fn find(state: &ApiState, actor: &Actor, id: &ApprovalId) -> Result<Approval, ApiError> {
    let found = state.ports.store.approval(&actor.business, id).await?;
    found.ok_or_else(|| ApiError::not_found("approval"))
}

/// Somebody has decided, or it is too late.
async fn again(
    state: &ApiState,
    actor: &Actor,
    asking: &Turn,
    id: &ApprovalId,
    fresh: TurnId,
    verdict: Verdict,
) -> Result<TurnId, ApiError> {
    let approval = find(state, actor, id).await?;
    let planned = match (approval.state, verdict, approval.executed_as.clone()) {
        (ApprovalState::Pending | ApprovalState::Expired, ..) => return Err(expired()),
        (ApprovalState::Declined, Verdict::Approve, _) => return Err(declined()),
        (ApprovalState::Declined, Verdict::Decline, Some(planned)) => planned,
        (_, Verdict::Decline, _) => return Err(approved()),
        (_, Verdict::Approve, Some(planned)) => planned,
        (_, _, None) => return Err(ApiError::internal()),
    };
    let turn = state.ports.store.turn(&actor.business, &planned).await?.map(|turn| turn.state);
    let is_open = matches!(approval.state, ApprovalState::Approved | ApprovalState::Declined);
    let is_lost = turn == Some(TurnState::Refused)
        // It ended before it began the change, and so it never will.
        || (approval.state == ApprovalState::Approved && turn.is_some_and(TurnState::is_terminal));
    match turn {
        _ if !is_open => Ok(planned),
        None | Some(TurnState::Offered) => begin(state, actor, asking, &approval, planned, verdict).await,
        Some(_) if !is_lost => Ok(planned),
        Some(_) if state.now_ms() >= approval.expires_ms => Err(expired()),
        Some(_) => {
            let redirected = state.ports.store.redirect_approval(&actor.business, id, &planned, &fresh).await?;
            match redirected {
                true => begin(state, actor, asking, &approval, fresh, verdict).await,
                false => Err(ApiError::unavailable("busy", "Somebody else decides about this change. Look again.")),
            }
        }
    }
}

async fn begin(
    state: &ApiState,
    actor: &Actor,
    asking: &Turn,
    approval: &Approval,
    id: TurnId,
    verdict: Verdict,
) -> Result<TurnId, ApiError> {
    let now_ms = state.now_ms();
    let word = match verdict {
        Verdict::Approve => "Approved",
        Verdict::Decline => "Declined",
    };
    let turn = NewTurn {
        // Whoever offers it again under this key continues it.
        idempotency_key: Some(format!("decide-{id}")),
        id,
        business: actor.business.clone(),
        user: actor.user.clone(),
        conversation: asking.conversation.clone(),
        connection: Some(approval.connection.clone()),
        question: format!("{word}: {}", approval.question),
        lane: Lane::Interactive,
        share: None,
        created_ms: now_ms,
        deadline_ms: submit::deadline_ms(state, Lane::Interactive, now_ms),
        replay_of: Some(asking.id.clone()),
    };
    let job = ExecuteChange { approval: approval.id.clone() };
    submit::submit(state, Order { turn, job }).await
}

fn conflict(code: &'static str, message: &str) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, code, message)
}

fn expired() -> ApiError {
    conflict("approval_expired", "The time to decide about this change is up. Ask the question again.")
}

fn declined() -> ApiError {
    conflict("declined", "This change was declined. Ask the question again to decide anew.")
}

fn approved() -> ApiError {
    conflict("approved", "This change was approved already. Look at it again.")
}
