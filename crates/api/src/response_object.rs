//! The response object of a turn: the one place where it is built.

use contracts::event::{ConversationRef, Response, ResponseError, Status};
use contracts::{ConnectionId, ConversationId, Event, TurnId};
use domain::response::{Ended, ended, terminal_event};
use ports::store::{EndState, Turn, TurnState};

/// A response before any worker has taken it.
pub fn queued(
    id: &TurnId,
    created_ms: i64,
    conversation: Option<&ConversationId>,
    connection: Option<&ConnectionId>,
    idempotency_key: Option<&str>,
    replay_of: Option<&TurnId>,
) -> Response {
    let mut response = unfinished(id, created_ms, Status::Queued, conversation, connection);
    if let Some(key) = idempotency_key {
        response.metadata.insert("idempotency_key".to_owned(), key.to_owned());
    }
    if let Some(turn) = replay_of {
        response.metadata.insert("replay_of".to_owned(), turn.0.clone());
    }
    response
}

/// The response of a stored turn.
pub fn of_turn(turn: &Turn) -> Response {
    match (&turn.end, turn.state) {
        (Some(end), _) => of_end(turn, end),
        (None, TurnState::Refused) => refused(turn),
        (None, state) => {
            unfinished(&turn.id, turn.created_ms, state.status(), turn.conversation.as_ref(), turn.connection.as_ref())
        }
    }
}

/// The event that ends a stored turn; `None` while it runs.
pub fn last_event(turn: &Turn) -> Option<Event> {
    (turn.end.is_some() || turn.state == TurnState::Refused).then(|| terminal_event(of_turn(turn)))
}

fn unfinished(
    id: &TurnId,
    created_ms: i64,
    status: Status,
    conversation: Option<&ConversationId>,
    connection: Option<&ConnectionId>,
) -> Response {
    let mut response = Response::new(id.as_str(), created_ms.div_euclid(1000), status);
    response.conversation = conversation.map(|id| ConversationRef { id: id.0.clone() });
    if let Some(connection) = connection {
        response.metadata.insert("connection_id".to_owned(), connection.0.clone());
    }
    response
}

fn of_end(turn: &Turn, end: &EndState) -> Response {
    ended(Ended {
        id: turn.id.as_str(),
        created_ms: turn.created_ms,
        conversation: turn.conversation.as_ref().map(ConversationId::as_str),
        connection: turn.connection.as_ref().map(ConnectionId::as_str),
        status: end.state.status(),
        text: &end.answer,
        message_id: &end.message_id,
        sql: end.sql.as_deref(),
        result_id: end.result.as_ref().map(|id| id.as_str()),
        error: end.error.clone(),
        reason: end.reason.as_deref(),
        usage: turn.usage,
        replay_of: turn.replay_of.as_ref().map(TurnId::as_str),
    })
}

fn refused(turn: &Turn) -> Response {
    let (conversation, connection) = (turn.conversation.as_ref(), turn.connection.as_ref());
    let mut response = unfinished(&turn.id, turn.created_ms, Status::Failed, conversation, connection);
    let message =
        "The question was not taken, because the queue could not be reached. Nothing was lost: send it again.";
    response.error = Some(ResponseError::new("refused", message));
    response
}
