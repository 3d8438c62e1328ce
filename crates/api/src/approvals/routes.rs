use super::bodies::{ApprovalBody, Deciding, Filter};
use super::decide::{decide, find};
use super::sight;
use crate::auth::{Actor, Caller};
use crate::body::{Id, Params};
use crate::error::{ApiError, ErrorBody};
use crate::rest::List;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contracts::{ApprovalId, Role, TurnId};
use ports::approvals::{Approval, ApprovalState, Verdict};

const MOST: u32 = 100;

/// The changes that somebody asked for in the business, newest first.
#[utoipa::path(
    get, path = "/v1/approvals", tag = "approvals", params(Filter),
    responses(
        (status = 200, description = "Changes", body = List<ApprovalBody>),
        (status = 400, description = "No such state", body = ErrorBody),
    )
)]
pub async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Json<List<ApprovalBody>>, ApiError> {
    let actor = caller.act_in(None)?;
    let wanted =
        filter.state.as_deref().map(|name| ApprovalState::parse(name).ok_or_else(unknown_state)).transpose()?;
    let limit = filter.limit.unwrap_or(MOST).clamp(1, MOST);
    let mut data = Vec::new();
    for approval in state.ports.store.approvals(&actor.business, wanted, limit).await? {
        data.push(body(&state, &actor, approval).await?);
    }
    Ok(Json(List { data }))
}

/// A change.
#[utoipa::path(
    get, path = "/v1/approvals/{id}", tag = "approvals", params(("id" = String, Path, description = "Approval")),
    responses(
        (status = 200, description = "The change", body = ApprovalBody),
        (status = 404, description = "No such change", body = ErrorBody),
    )
)]
pub async fn one(State(state): State<ApiState>, caller: Caller, Id(id): Id) -> Result<Json<ApprovalBody>, ApiError> {
    let actor = caller.act_in(None)?;
    let approval = find(&state, &actor, &ApprovalId(id)).await?;
    Ok(Json(body(&state, &actor, approval).await?))
}

/// The change that a response asked for.
#[utoipa::path(
    get, path = "/v1/responses/{id}/approval", tag = "approvals",
    params(("id" = String, Path, description = "The response")),
    responses(
        (status = 200, description = "The change", body = ApprovalBody),
        (status = 404, description = "No such response, or it asked for no change", body = ErrorBody),
    )
)]
pub async fn of_response(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<ApprovalBody>, ApiError> {
    let turn = caller.find_turn(&state, &TurnId(id)).await?;
    let actor = caller.act_for(&turn.business, Role::Viewer)?;
    let approval = find(&state, &actor, &ApprovalId::of(&turn.id)).await?;
    Ok(Json(body(&state, &actor, approval).await?))
}

/// Approve the change that a response asked for: it is made, once, in a new response.
#[utoipa::path(
    post, path = "/v1/responses/{id}/approve", tag = "approvals",
    params(("id" = String, Path, description = "The response that asked")),
    responses(
        (status = 202, description = "It is being made, now or since an earlier approval", body = Deciding),
        (status = 403, description = "Your role may not approve, or does not see all of the change", body = ErrorBody),
        (status = 404, description = "No such response, or it asked for no change", body = ErrorBody),
        (status = 409, description = "Its time is up, or it was declined", body = ErrorBody),
        (status = 503, description = "Not taken; send it again", body = ErrorBody),
    )
)]
pub async fn approve(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<(StatusCode, Json<Deciding>), ApiError> {
    said(&state, &caller, id, Verdict::Approve).await
}

/// Decline the change that a response asked for. A new response says so.
#[utoipa::path(
    post, path = "/v1/responses/{id}/decline", tag = "approvals",
    params(("id" = String, Path, description = "The response that asked")),
    responses(
        (status = 202, description = "It is declined, now or since before", body = Deciding),
        (status = 403, description = "Your role may not decline, or does not see all of the change", body = ErrorBody),
        (status = 404, description = "No such response, or it asked for no change", body = ErrorBody),
        (status = 409, description = "Its time is up, or it was approved", body = ErrorBody),
        (status = 503, description = "Not taken; send it again", body = ErrorBody),
    )
)]
pub async fn decline(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<(StatusCode, Json<Deciding>), ApiError> {
    said(&state, &caller, id, Verdict::Decline).await
}

async fn said(
    state: &ApiState,
    caller: &Caller,
    id: String,
    verdict: Verdict,
) -> Result<(StatusCode, Json<Deciding>), ApiError> {
    let asking = caller.find_turn(state, &TurnId(id)).await?;
    let actor = caller.act_for(&asking.business, Role::Viewer)?;
    let turn = decide(state, &actor, &asking, verdict).await?;
    let approval_id = ApprovalId::of(&asking.id).0;
    Ok((StatusCode::ACCEPTED, Json(Deciding { response_id: turn.0, approval_id })))
}

async fn body(state: &ApiState, actor: &Actor, mut approval: Approval) -> Result<ApprovalBody, ApiError> {
    state.sight.show(Some(actor.role), &mut approval.preview);
    let sees_rows = sight::sees(state, actor, &approval).await?;
    let may_decide = sees_rows && sight::may_decide(state, actor);
    Ok(ApprovalBody::of(approval, state.now_ms(), may_decide, sees_rows))
}

fn unknown_state() -> ApiError {
    let names: Vec<&str> = ApprovalState::ALL.iter().map(|state| state.as_str()).collect();
    ApiError::bad_request("unknown_state", format!("The state of an approval is one of: {}.", names.join(", ")))
        .about("state")
}
