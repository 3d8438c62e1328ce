//! Events that stand for what the event log no longer has, and reading events without parsing them whole.

use crate::response_object;
use contracts::event::{Response, ResponseError, Status};
use contracts::{Event, LoggedEvent, TurnId};
use ports::store::Turn;
use serde::Deserialize;
use std::borrow::Cow;

/// Says that earlier events are lost: the metadata holds `snapshot`. The text so far is unknown; the terminal event
/// will carry all of it.
pub fn in_progress(turn: &Turn, seq: u64) -> Option<LoggedEvent> {
    let mut response = response_object::of_turn(turn);
    response.metadata.insert("snapshot".to_owned(), "true".to_owned());
    numbered(&Event::InProgress { response }, seq)
}

/// The end of a response that the store does not know any more.
pub fn gone(turn: &TurnId, seq: u64) -> Option<LoggedEvent> {
    let mut response = Response::new(turn.as_str(), 0, Status::Failed);
    let message = "The server has lost track of this question. Ask it again.".to_owned();
    response.error = Some(ResponseError::new("lost", message));
    numbered(&Event::Failed { response }, seq)
}

/// An event with its number. `None`, and a line in the log, when it cannot be written as JSON.
pub fn numbered(event: &Event, seq: u64) -> Option<LoggedEvent> {
    serde_json::to_string(event)
        .inspect_err(|error| tracing::error!(%error, "an event could not be written as JSON"))
        .map(|json| LoggedEvent { seq, json })
        .ok()
}

/// The type of an event's JSON; empty when it has none.
pub fn type_of(json: &str) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        kind: String,
    }
    let first = json.strip_prefix("{\"type\":\"").and_then(|rest| rest.split('"').next());
    match first.filter(|kind| !kind.contains('\\')) {
        Some(kind) => Cow::Borrowed(kind),
        None => serde_json::from_str::<Typed>(json).map(|typed| Cow::Owned(typed.kind)).unwrap_or_default(),
    }
}

/// True for the event that ends a response.
pub fn is_terminal(json: &str) -> bool {
    matches!(type_of(json).as_ref(), "response.completed" | "response.failed" | "response.incomplete")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_read_wherever_it_stands() {
        assert_eq!(type_of(r#"{"type":"response.queued","response":{}}"#), "response.queued");
        assert_eq!(type_of(r#"{ "response": {"type":"x"}, "type" : "response.failed"}"#), "response.failed");
        assert_eq!(type_of("[]"), "");
        assert!(is_terminal(r#"{"a":1,"type":"response.completed"}"#));
        assert!(!is_terminal(r#"{"type":"response.output_text.delta","delta":"response.completed"}"#));
    }

    #[test]
    fn every_terminal_event_is_recognised_as_it_is_written() {
        for status in [Status::Completed, Status::Failed, Status::Incomplete] {
            let event = domain::response::terminal_event(Response::new("resp_1", 0, status));
            assert!(event.is_terminal() && is_terminal(&numbered(&event, 0).unwrap().json));
        }
    }
}
