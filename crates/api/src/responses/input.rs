//! What a question looks like when it comes in, and what is wrong with it when something is.

use crate::error::ApiError;
use contracts::{BusinessId, ConnectionId, Lane};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

const LONGEST_ID: usize = 128;
const LONGEST_KEY: usize = 255;

/// A question. Unknown fields, and `model`, are ignored.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct CreateRequest {
    /// The question: a string, or a list of messages of which the last one of the user counts.
    input: Value,
    /// The conversation that it belongs to: an id, or an object with one. A new one when it is left out.
    #[schema(value_type = Option<Object>)]
    conversation: Option<ConversationInput>,
    /// Instead of `conversation`: a response, whose conversation goes on.
    pub previous_response_id: Option<String>,
    /// The database to ask, by id or by name. The first that is ready when it is left out.
    pub connection: Option<String>,
    /// `business_id` chooses the business, `lane` what the question waits behind: `interactive` (the default),
    /// `scheduled` or `backfill`.
    metadata: Option<BTreeMap<String, Value>>,
    /// Under the same key the same question can be sent again: it is asked once.
    pub idempotency_key: Option<String>,
    /// Over HTTP: answer with server-sent events.
    pub stream: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ConversationInput {
    Id(String),
    Object { id: String },
}

impl CreateRequest {
    /// A question of a caller that is no HTTP client of this API.
    pub fn asking(
        question: String,
        connection: ConnectionId,
        conversation: Option<String>,
        business: &BusinessId,
        idempotency_key: Option<String>,
    ) -> Self {
        let metadata = [("business_id".to_owned(), Value::String(business.0.clone()))];
        Self {
            input: Value::String(question),
            conversation: conversation.map(ConversationInput::Id),
            connection: Some(connection.0),
            metadata: Some(metadata.into()),
            idempotency_key,
            ..Self::default()
        }
    }

    /// The question, when there is one that is neither empty nor too long.
    pub fn question(&self, max_bytes: usize) -> Result<String, ApiError> {
        let text = self.text()?;
        if text.trim().is_empty() {
            let message = "The question is empty. Write what you want to know.";
            return Err(ApiError::bad_request("empty_question", message).about("input"));
        }
        if text.len() > max_bytes {
            let message = format!("The question is longer than {max_bytes} bytes. Shorten it.");
            return Err(ApiError::too_large(message).about("input"));
        }
        if text.contains('\0') {
            let message = "The question holds a NUL character. Remove it.";
            return Err(ApiError::bad_request("invalid_characters", message).about("input"));
        }
        Ok(text)
    }

    /// The business that it names.
    pub fn business(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("business_id")?.as_str()
    }

    /// The lane that it names.
    pub fn lane(&self) -> Result<Lane, ApiError> {
        let named = self.metadata.as_ref().and_then(|metadata| metadata.get("lane")).filter(|lane| !lane.is_null());
        let Some(named) = named else { return Ok(Lane::default()) };
        named.as_str().and_then(Lane::parse).ok_or_else(|| {
            let names: Vec<_> = Lane::ALL.iter().map(|lane| lane.as_str()).collect();
            let message = format!("There is no such lane. Choose one of {}, or leave it out.", names.join(", "));
            ApiError::bad_request("unknown_lane", message).about("metadata.lane")
        })
    }

    /// The conversation that it names.
    pub fn conversation(&self) -> Result<Option<&str>, ApiError> {
        let id = self.conversation.as_ref().map(|conversation| match conversation {
            ConversationInput::Id(id) | ConversationInput::Object { id } => id.as_str(),
        });
        id.map(|id| short_id(id, "conversation")).transpose()
    }

    /// The key under which it may be sent again, when it has a usable one.
    pub fn key(&self) -> Result<Option<&str>, ApiError> {
        let Some(key) = self.idempotency_key.as_deref() else { return Ok(None) };
        if key.is_empty() || key.len() > LONGEST_KEY || key.contains(char::is_control) {
            let message = format!("An idempotency key has 1 to {LONGEST_KEY} bytes and no control characters.");
            return Err(ApiError::bad_request("invalid_idempotency_key", message).about("idempotency_key"));
        }
        Ok(Some(key))
    }

    fn text(&self) -> Result<String, ApiError> {
        match &self.input {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            Value::Array(messages) => last_of_user(messages).ok_or_else(no_input),
            _ => Err(no_input()),
        }
    }
}

fn last_of_user(messages: &[Value]) -> Option<String> {
    let message = messages.iter().rev().find(|message| message.get("role").is_some_and(|role| role == "user"))?;
    match message.get("content")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(texts(parts).join("\n")),
        _ => None,
    }
}

fn texts(parts: &[Value]) -> Vec<&str> {
    let is_text = |part: &&Value| part.get("type").is_none_or(|kind| kind == "input_text" || kind == "text");
    parts.iter().filter(is_text).filter_map(|part| part.get("text")?.as_str()).collect()
}

/// An id that a client made up, or got from us.
fn short_id<'a>(id: &'a str, param: &'static str) -> Result<&'a str, ApiError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(allowed) {
        let message = format!("An id has 1 to {LONGEST_ID} letters, digits, '_', '-' and '.'.");
        return Err(ApiError::bad_request("invalid_id", message).about(param));
    }
    Ok(id)
}

fn no_input() -> ApiError {
    let message =
        "The input is neither a text nor a list of messages with one of the user. Send the question as input.";
    ApiError::bad_request("invalid_request", message).about("input")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(value: Value) -> CreateRequest {
        serde_json::from_value(value).unwrap()
    }

    fn question(input: Value) -> Result<String, &'static str> {
        request(json!({ "input": input })).question(20).map_err(|error| error.code)
    }

    #[test]
    fn the_last_message_of_the_user_is_the_question() {
        assert_eq!(question(json!("how many?")), Ok("how many?".into()));
        let messages = json!([
            {"role": "user", "content": "first"},
            {"role": "user", "content": [{"type": "input_text", "text": "second"}, {"type": "input_image"}]},
            {"role": "assistant", "content": "an answer"},
        ]);
        assert_eq!(question(messages), Ok("second".into()));
    }

    #[test]
    fn what_is_no_question_is_refused() {
        assert_eq!(question(json!(" \n")), Err("empty_question"));
        assert_eq!(question(Value::Null), Err("empty_question"));
        assert_eq!(question(json!("123456789012345678901")), Err("input_too_long"));
        assert_eq!(question(json!("a\u{0}b")), Err("invalid_characters"));
        assert_eq!(question(json!({"text": "x"})), Err("invalid_request"));
        assert_eq!(question(json!([{"role": "assistant", "content": "x"}])), Err("invalid_request"));
    }

    #[test]
    fn a_lane_is_one_of_three() {
        let lane = |value| request(json!({"metadata": {"lane": value}})).lane();
        assert_eq!(lane(json!("backfill")).unwrap(), Lane::Backfill);
        assert_eq!(lane(Value::Null).unwrap(), Lane::Interactive);
        assert_eq!(request(json!({})).lane().unwrap(), Lane::Interactive);
        for unknown in [json!("fast"), json!(1)] {
            let error = lane(unknown).unwrap_err();
            assert_eq!(error.code, "unknown_lane");
            assert!(error.message.contains("interactive, scheduled, backfill"), "{}", error.message);
        }
    }

    #[test]
    fn a_conversation_is_an_id_or_an_object_with_one() {
        let id = |value| request(json!({"conversation": value})).conversation().map(|id| id.map(str::to_owned));
        assert_eq!(id(json!("conv_1")).unwrap().as_deref(), Some("conv_1"));
        assert_eq!(id(json!({"id": "conv_2"})).unwrap().as_deref(), Some("conv_2"));
        assert_eq!(id(Value::Null).unwrap(), None);
        assert!(id(json!("a b")).is_err());
    }

    #[test]
    fn fields_that_nobody_knows_are_ignored() {
        let request =
            request(json!({"input": "x", "temperature": 2, "model": "gpt", "metadata": {"business_id": "b"}}));
        assert_eq!(request.business(), Some("b"));
    }
}
