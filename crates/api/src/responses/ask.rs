//! Asking and stopping, whatever the transport.

use super::CreateRequest;
use crate::auth::{Actor, Caller};
use crate::error::ApiError;
use crate::state::ApiState;
use crate::submit::{self, Order};
use axum::http::StatusCode;
use contracts::job::Classify;
use contracts::{BusinessId, ConversationId, Role, TurnId};
use ports::store::{Connection, ConnectionStatus, NewTurn, Turn};

/// Takes a question. Gives the business and the id of the response to follow.
pub async fn ask(state: &ApiState, caller: &Caller, request: &CreateRequest) -> Result<(BusinessId, TurnId), ApiError> {
    ask_as(state, caller, request, TurnId(state.ports.ids.next("resp"))).await
}

/// As `ask`, under an id that the caller gives.
pub async fn ask_as(
    state: &ApiState,
    caller: &Caller,
    request: &CreateRequest,
    id: TurnId,
) -> Result<(BusinessId, TurnId), ApiError> {
    let actor = caller.act_as(Role::Member, request.business())?;
    let question = request.question(state.settings.max_question_bytes)?;
    let key = request.key()?.map(str::to_owned);
    let lane = request.lane()?;
    let conversation = conversation(state, &actor, request, &id).await?;
    let connection = connection(state, &actor, request.connection.as_deref()).await?;
    let shared_schema_ms = connection.schema_ms.filter(|_| state.turn.single_flight);
    let now_ms = state.now_ms();
    let turn = NewTurn {
        id,
        business: actor.business.clone(),
        user: actor.user,
        conversation: Some(conversation),
        connection: Some(connection.id),
        question: question.clone(),
        idempotency_key: key,
        lane,
        share: Some(state.admission_of(lane).share.max(1)),
        created_ms: now_ms,
        deadline_ms: submit::deadline_ms(state, lane, now_ms),
        replay_of: None,
    };
    let id = submit::submit(state, Order { turn, job: Classify { question, shared_schema_ms } }).await?;
    Ok((actor.business, id))
}

/// Asks for a response to be stopped. Whoever works on it ends it; here nothing is ended.
pub async fn cancel(state: &ApiState, caller: &Caller, id: &TurnId) -> Result<Turn, ApiError> {
    let turn = caller.find_turn(state, id).await?;
    caller.act_for(&turn.business, Role::Member)?;
    if state.ports.store.request_cancel(&turn.business, id).await? {
        // The store's word counts; the signal only makes it quick.
        if let Err(error) = state.ports.signals.cancel(id).await {
            tracing::warn!(turn = %id, %error, "a cancel was noted, and could not be signalled");
        }
    }
    caller.find_turn(state, id).await
}

async fn conversation(
    state: &ApiState,
    actor: &Actor,
    request: &CreateRequest,
    turn: &TurnId,
) -> Result<ConversationId, ApiError> {
    if let Some(id) = request.conversation()? {
        return Ok(id.into());
    }
    let Some(previous) = &request.previous_response_id else {
        return Ok(ConversationId::begun_by(turn));
    };
    let turn = state.ports.store.turn(&actor.business, &previous.as_str().into()).await?;
    turn.and_then(|turn| turn.conversation).ok_or_else(|| ApiError::not_found("response").about("previous_response_id"))
}

/// The connection that is named, by id or by name; else the first that is ready; else the first.
async fn connection(state: &ApiState, actor: &Actor, wanted: Option<&str>) -> Result<Connection, ApiError> {
    let all = state.ports.store.connections(&actor.business).await?;
    match wanted {
        Some(wanted) => all.into_iter().find(|one| one.id.as_str() == wanted || one.name == wanted).ok_or_else(unknown),
        None => first_ready(&all).cloned().ok_or_else(no_connection),
    }
}

fn first_ready(all: &[Connection]) -> Option<&Connection> {
    all.iter().find(|one| one.status == ConnectionStatus::Ready).or(all.first())
}

fn unknown() -> ApiError {
    let message = "There is no connection with this id or name. GET /v1/connections lists yours.";
    ApiError::new(StatusCode::NOT_FOUND, "unknown_connection", message).about("connection")
}

fn no_connection() -> ApiError {
    let message = "There is no database to ask yet. Add a connection first.";
    ApiError::new(StatusCode::CONFLICT, "no_connection", message)
}
