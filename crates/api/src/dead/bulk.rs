use super::Clerk;
use super::bodies::{Filter, MOST};
use super::replay::replay;
use super::routes::drop_by;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use contracts::DeadId;
use ports::dead::{DeadFilter, DeadState};
use serde::Serialize;
use utoipa::ToSchema;

/// What became of up to 100 open jobs, oldest first.
#[derive(Default, Serialize, ToSchema)]
pub struct Decided {
    done: Vec<Done>,
    failed: Vec<Failed>,
    /// Open jobs that fit and come after the last of these.
    left: u64,
    /// The last of these: send it as `after` to go on.
    last: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Done {
    id: String,
    /// Of a replay: the response to follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Failed {
    id: String,
    code: &'static str,
    message: String,
}

/// Go on with open dead jobs, the oldest 100 that fit. Call it again with `after` while some are left.
#[utoipa::path(
    post, path = "/v1/dead/replay", tag = "dead jobs", request_body = Filter,
    responses(
        (status = 200, description = "What became of each", body = Decided),
        (status = 403, description = "Takes the role admin", body = ErrorBody),
    )
)]
pub async fn replay_many(
    State(state): State<ApiState>,
    caller: Caller,
    Body(filter): Body<Filter>,
) -> Result<Json<Decided>, ApiError> {
    let clerk = Clerk::of(&caller)?;
    let (ids, mut decided) = begin(&state, &clerk, filter).await?;
    for id in ids {
        decided.note(&id, replay(&state, &clerk, &id).await.map(|turn| Some(turn.0)));
    }
    Ok(Json(decided))
}

/// Drop open dead jobs, the oldest 100 that fit. Call it again with `after` while some are left.
#[utoipa::path(
    post, path = "/v1/dead/drop", tag = "dead jobs", request_body = Filter,
    responses(
        (status = 200, description = "What became of each", body = Decided),
        (status = 403, description = "Takes the role admin", body = ErrorBody),
    )
)]
pub async fn drop_many(
    State(state): State<ApiState>,
    caller: Caller,
    Body(filter): Body<Filter>,
) -> Result<Json<Decided>, ApiError> {
    let clerk = Clerk::of(&caller)?;
    let (ids, mut decided) = begin(&state, &clerk, filter).await?;
    for id in ids {
        decided.note(&id, drop_by(&state, &clerk, &id).await.map(|()| None));
    }
    Ok(Json(decided))
}

async fn begin(state: &ApiState, clerk: &Clerk, filter: Filter) -> Result<(Vec<DeadId>, Decided), ApiError> {
    let limit = filter.limit().min(MOST);
    let filter = DeadFilter { state: Some(DeadState::Open), ..filter.checked()? };
    let jobs = state.ports.store.dead_jobs(&clerk.scope, &filter, limit).await?;
    let all = state.ports.store.count_dead(&clerk.scope, &filter).await?;
    let left = all.saturating_sub(jobs.len() as u64);
    let last = jobs.last().map(|job| job.id.0.clone());
    Ok((jobs.into_iter().map(|job| job.id).collect(), Decided { left, last, ..Decided::default() }))
}

impl Decided {
    fn note(&mut self, id: &DeadId, result: Result<Option<String>, ApiError>) {
        let id = id.0.clone();
        match result {
            Ok(response_id) => self.done.push(Done { id, response_id }),
            Err(error) => self.failed.push(Failed { id, code: error.code, message: error.message }),
        }
    }
}
