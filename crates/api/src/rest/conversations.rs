use super::List;
use crate::auth::Caller;
use crate::body::Id;
use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use contracts::{ConversationId, ResultId, ResultSet};
use ports::store::{ConversationSummary, Turn};
use serde::Serialize;
use utoipa::ToSchema;

const CONVERSATIONS: u32 = 200;
const TURNS: u32 = 200;

/// A conversation of the caller.
#[derive(Serialize, ToSchema)]
pub struct ConversationBody {
    id: String,
    /// Its first question.
    title: String,
    /// Unix milliseconds of its last turn.
    updated_ms: i64,
    turns: u64,
}

/// A question and what came of it.
#[derive(Serialize, ToSchema)]
pub struct TurnBody {
    /// The response.
    id: String,
    question: String,
    /// `offered`, `accepted`, `refused`, `completed`, `failed` or `incomplete`.
    state: &'static str,
    answer: Option<String>,
    /// The statement that was executed.
    sql: Option<String>,
    /// For `GET /v1/results/{id}`.
    result_id: Option<String>,
    error: Option<FailureBody>,
    /// Why it ended early: `cancelled` or `deadline`.
    reason: Option<String>,
    /// Unix milliseconds.
    created_ms: i64,
    connection: Option<String>,
}

/// Why a question failed.
#[derive(Serialize, ToSchema)]
pub struct FailureBody {
    code: String,
    message: String,
}

impl From<ConversationSummary> for ConversationBody {
    fn from(summary: ConversationSummary) -> Self {
        Self { id: summary.id.0, title: summary.title, updated_ms: summary.updated_ms, turns: summary.turns }
    }
}

impl From<Turn> for TurnBody {
    fn from(turn: Turn) -> Self {
        let end = turn.end;
        let answer = end.as_ref().map(|end| end.answer.clone()).filter(|answer| !answer.is_empty());
        Self {
            id: turn.id.0,
            question: turn.question,
            state: turn.state.as_str(),
            answer,
            sql: end.as_ref().and_then(|end| end.sql.clone()),
            result_id: end.as_ref().and_then(|end| end.result.as_ref().map(|id| id.0.clone())),
            reason: end.as_ref().and_then(|end| end.reason.clone()),
            error: end.and_then(|end| end.error).map(|e| FailureBody { code: e.code, message: e.message }),
            created_ms: turn.created_ms,
            connection: turn.connection.map(|id| id.0),
        }
    }
}

/// The caller's conversations.
#[utoipa::path(
    get, path = "/v1/conversations", tag = "history",
    responses((status = 200, description = "Newest first", body = List<ConversationBody>))
)]
pub async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<List<ConversationBody>>, ApiError> {
    let actor = caller.act_in(None)?;
    let all = state.ports.store.conversations(&actor.business, &actor.user, CONVERSATIONS).await?;
    Ok(Json(List { data: all.into_iter().map(ConversationBody::from).collect() }))
}

/// The turns of a conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/turns", tag = "history",
    params(("id" = String, Path, description = "Conversation")),
    responses(
        (status = 200, description = "Oldest first, the newest 200", body = List<TurnBody>),
        (status = 404, description = "No such conversation", body = ErrorBody),
    )
)]
pub async fn turns(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<List<TurnBody>>, ApiError> {
    let actor = caller.act_in(None)?;
    let turns = state.ports.store.turns(&actor.business, &ConversationId(id), TURNS).await?;
    if turns.is_empty() {
        return Err(ApiError::not_found("conversation"));
    }
    Ok(Json(List { data: turns.into_iter().map(TurnBody::from).collect() }))
}

/// The rows of an answer, as the caller's role may see them.
#[utoipa::path(
    get, path = "/v1/results/{id}", tag = "history", params(("id" = String, Path, description = "Result")),
    responses(
        (status = 200, description = "Columns and rows", body = Object),
        (status = 404, description = "No such result", body = ErrorBody),
    )
)]
pub async fn result(State(state): State<ApiState>, caller: Caller, Id(id): Id) -> Result<Json<ResultSet>, ApiError> {
    let actor = caller.act_in(None)?;
    let rows = state.ports.store.result(&actor.business, &ResultId(id)).await?;
    let mut rows = rows.ok_or_else(|| ApiError::not_found("result"))?;
    state.sight.show(Some(actor.role), &mut rows);
    Ok(Json(rows))
}
