//! The response object of a turn that has ended. The worker that ends a turn and the API that tells of it later build
//! it here, so that stream and history are equal byte for byte.

use contracts::Event;
use contracts::event::{ConversationRef, IncompleteDetails, OutputItem, Response, ResponseError, Status, Usage};
use std::collections::BTreeMap;

/// What is known of a turn that has ended.
#[derive(Clone, Debug)]
pub struct Ended<'a> {
    /// The turn.
    pub id: &'a str,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// Its conversation.
    pub conversation: Option<&'a str>,
    /// Its database.
    pub connection: Option<&'a str>,
    /// `Completed`, `Failed` or `Incomplete`.
    pub status: Status,
    /// The whole answer; empty when there is none.
    pub text: &'a str,
    /// The id of the message that holds it.
    pub message_id: &'a str,
    /// The statement that was executed.
    pub sql: Option<&'a str>,
    /// Where its rows lie.
    pub result_id: Option<&'a str>,
    /// Why it failed.
    pub error: Option<ResponseError>,
    /// Why it ended early.
    pub reason: Option<&'a str>,
    /// Tokens over all calls.
    pub usage: Usage,
    /// The turn that it goes on with.
    pub replay_of: Option<&'a str>,
}

/// The response object.
pub fn ended(e: Ended<'_>) -> Response {
    let mut response = Response::new(e.id, e.created_ms.div_euclid(1000), e.status);
    response.conversation = e.conversation.map(|id| ConversationRef { id: id.to_owned() });
    response.metadata = metadata(&e);
    if !e.text.is_empty() {
        response.output.push(OutputItem::completed(e.message_id, e.text));
    }
    response.incomplete_details = e.reason.map(|reason| IncompleteDetails { reason: reason.to_owned() });
    response.error = e.error;
    response.usage = Some(e.usage);
    response
}

/// The one event that ends a response.
pub fn terminal_event(response: Response) -> Event {
    match response.status {
        Status::Completed => Event::Completed { response },
        Status::Failed => Event::Failed { response },
        Status::Incomplete | Status::Queued | Status::InProgress => Event::Incomplete { response },
    }
}

fn metadata(e: &Ended<'_>) -> BTreeMap<String, String> {
    [("sql", e.sql), ("result_id", e.result_id), ("connection_id", e.connection), ("replay_of", e.replay_of)]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered() -> Ended<'static> {
        Ended {
            id: "resp_1",
            created_ms: 1_700_000_000_999,
            conversation: Some("conv_1"),
            connection: Some("con_1"),
            status: Status::Completed,
            text: "There are 42.",
            message_id: "msg_1",
            sql: Some("SELECT 42"),
            result_id: Some("res_1"),
            error: None,
            reason: None,
            usage: Usage { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
            replay_of: None,
        }
    }

    #[test]
    fn an_answer_carries_its_text_its_statement_and_its_rows() {
        let response = ended(answered());
        assert_eq!((response.created_at, response.text().as_str()), (1_700_000_000, "There are 42."));
        assert_eq!(response.output[0].id, "msg_1");
        let metadata: Vec<_> = response.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(metadata, [("connection_id", "con_1"), ("result_id", "res_1"), ("sql", "SELECT 42")]);
        assert_eq!(response.usage.unwrap().total_tokens, 5);
        assert!(matches!(terminal_event(response), Event::Completed { .. }));
    }

    #[test]
    fn without_text_there_is_no_output_item() {
        let error = ResponseError::new("deadline", "Too slow.");
        let response = ended(Ended { status: Status::Failed, text: "", error: Some(error), ..answered() });
        assert!(response.output.is_empty());
        assert_eq!(response.error.as_ref().map(|error| error.code.as_str()), Some("deadline"));
        assert!(matches!(terminal_event(response), Event::Failed { .. }));
    }

    #[test]
    fn a_cancel_says_so() {
        let response = ended(Ended { status: Status::Incomplete, reason: Some("cancelled"), ..answered() });
        assert_eq!(response.incomplete_details.as_ref().map(|details| details.reason.as_str()), Some("cancelled"));
        assert!(matches!(terminal_event(response), Event::Incomplete { .. }));
    }
}
