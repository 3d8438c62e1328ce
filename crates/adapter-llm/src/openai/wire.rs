//! The JSON of chat completions, read leniently: compatible servers leave out much of what OpenAI always sends.

use super::OpenaiConfig;
use contracts::event;
use ports::llm::Request;
use serde::Deserialize;
use serde_json::{Value, json};

/// The body of a request.
pub(super) fn request(config: &OpenaiConfig, request: &Request) -> Value {
    let mut body = json!({
        "model": config.model,
        "messages": request.messages,
        "stream": true,
        "stream_options": {"include_usage": true},
        config.output_limit_field(): request.max_tokens,
    });
    if let Some(schema) = request.json_schema.as_ref().filter(|_| config.json_schema) {
        body["response_format"] = json!({
            "type": "json_schema",
            "json_schema": {"name": request.purpose.as_str(), "schema": schema},
        });
    }
    body
}

/// One event of an answer.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Chunk {
    /// True when the server reports that it failed within its answer.
    pub(super) fn is_error(&self) -> bool {
        self.error.as_ref().is_some_and(|error| !error.is_null())
    }

    /// The tokens, in the event that has them.
    pub(super) fn usage(&self) -> Option<event::Usage> {
        self.usage.map(|usage| event::Usage {
            input_tokens: usage.prompt_tokens,
            output_tokens: usage.completion_tokens,
            total_tokens: usage.prompt_tokens.saturating_add(usage.completion_tokens),
        })
    }

    /// The first choice: no other is asked for.
    pub(super) fn into_choice(self) -> Option<Choice> {
        self.choices?.into_iter().next()
    }
}

impl Choice {
    /// True when the model declines, in OpenAI's field for it.
    pub(super) fn is_refusal(&self) -> bool {
        let refusal = self.delta.as_ref().and_then(|delta| delta.refusal.as_deref());
        refusal.is_some_and(|refusal| !refusal.is_empty()) || self.finish_reason.as_deref() == Some("content_filter")
    }

    /// The text, where there is some.
    pub(super) fn into_text(self) -> Option<String> {
        self.delta?.content.filter(|content| !content.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Chunk {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_bare_chunk_is_read() {
        let choice = read(r#"{"choices":[{"delta":{"content":"a"},"finish_reason":null}]}"#).into_choice().unwrap();
        assert_eq!((choice.finish_reason.clone(), choice.into_text()), (None, Some("a".into())));
    }

    #[test]
    fn what_is_left_out_or_null_is_nothing() {
        for json in ["{}", r#"{"choices":null,"usage":null,"error":null}"#, r#"{"choices":[]}"#] {
            let chunk = read(json);
            assert!(!chunk.is_error() && chunk.usage().is_none() && chunk.into_choice().is_none(), "{json}");
        }
        assert_eq!(read(r#"{"choices":[{"index":0}]}"#).into_choice().unwrap().into_text(), None);
    }

    #[test]
    fn an_error_within_the_answer_is_seen() {
        assert!(read(r#"{"error":{"message":"overloaded","code":502}}"#).is_error());
    }
}
