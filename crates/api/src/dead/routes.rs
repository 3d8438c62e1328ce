use super::Clerk;
use super::bodies::{DeadBody, DeadDetail, DeadList, Filter};
use super::replay::{find, replay};
use crate::auth::Caller;
use crate::body::{Id, Params};
use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contracts::DeadId;
use ports::dead::Decision;
use serde::Serialize;
use utoipa::ToSchema;

/// A replay that runs.
#[derive(Serialize, ToSchema)]
pub struct Replaying {
    /// The response to follow.
    response_id: String,
}

/// The dead jobs of the business, oldest first.
#[utoipa::path(
    get, path = "/v1/dead", tag = "dead jobs", params(Filter),
    responses(
        (status = 200, description = "Dead jobs", body = DeadList),
        (status = 403, description = "Takes the role admin", body = ErrorBody),
    )
)]
pub async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Json<DeadList>, ApiError> {
    let clerk = Clerk::of(&caller)?;
    let limit = filter.limit();
    let filter = filter.checked()?;
    let jobs = state.ports.store.dead_jobs(&clerk.scope, &filter, limit).await?;
    let total = state.ports.store.count_dead(&clerk.scope, &filter).await?;
    Ok(Json(DeadList { data: jobs.iter().map(DeadBody::from).collect(), total }))
}

/// A dead job, with its input.
#[utoipa::path(
    get, path = "/v1/dead/{id}", tag = "dead jobs", params(("id" = String, Path, description = "Dead job")),
    responses(
        (status = 200, description = "The job", body = DeadDetail),
        (status = 404, description = "No such job", body = ErrorBody),
    )
)]
pub async fn one(State(state): State<ApiState>, caller: Caller, Id(id): Id) -> Result<Json<DeadDetail>, ApiError> {
    let job = find(&state, &Clerk::of(&caller)?, &DeadId(id)).await?;
    Ok(Json(DeadDetail::from(&job)))
}

/// Go on with a dead job, in a new response.
#[utoipa::path(
    post, path = "/v1/dead/{id}/replay", tag = "dead jobs", params(("id" = String, Path, description = "Dead job")),
    responses(
        (status = 202, description = "It runs, now or since an earlier replay", body = Replaying),
        (status = 404, description = "No such job", body = ErrorBody),
        (status = 409, description = "It cannot be run again", body = ErrorBody),
        (status = 503, description = "Not taken; send it again", body = ErrorBody),
    )
)]
pub async fn replay_one(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<(StatusCode, Json<Replaying>), ApiError> {
    let turn = replay(&state, &Clerk::of(&caller)?, &DeadId(id)).await?;
    Ok((StatusCode::ACCEPTED, Json(Replaying { response_id: turn.0 })))
}

/// Drop a dead job: it is kept, and nobody is asked about it any more.
#[utoipa::path(
    post, path = "/v1/dead/{id}/drop", tag = "dead jobs", params(("id" = String, Path, description = "Dead job")),
    responses(
        (status = 200, description = "Dropped", body = DeadDetail),
        (status = 404, description = "No such job", body = ErrorBody),
        (status = 409, description = "Somebody has decided already", body = ErrorBody),
    )
)]
pub async fn drop_one(State(state): State<ApiState>, caller: Caller, Id(id): Id) -> Result<Json<DeadDetail>, ApiError> {
    let (clerk, id) = (Clerk::of(&caller)?, DeadId(id));
    drop_by(&state, &clerk, &id).await?;
    Ok(Json(DeadDetail::from(&find(&state, &clerk, &id).await?)))
}

pub(super) async fn drop_by(state: &ApiState, clerk: &Clerk, id: &DeadId) -> Result<(), ApiError> {
    find(state, clerk, id).await?;
    let decision = Decision { by: clerk.actor.user.0.clone(), at_ms: state.now_ms() };
    if state.ports.store.drop_dead(&clerk.scope, id, &decision).await? {
        return Ok(());
    }
    let message = "Somebody has replayed or dropped this job already. Look at it again.";
    Err(ApiError::new(StatusCode::CONFLICT, "decided", message))
}
