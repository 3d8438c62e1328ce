//! What a provider is to the chain: one request, one stream or one failure.

use async_trait::async_trait;
use contracts::event::Usage;
use futures_util::stream::{self, BoxStream, StreamExt};
use ports::llm::Request;
use std::time::Duration;

/// A part of one provider's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    /// More text.
    Delta(String),
    /// What a person should know about this answer.
    Notice(String),
    /// The end. Without it the answer counts as broken off.
    End(End),
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct End {
    /// Tokens as the provider counted them.
    pub usage: Usage,
    /// True when it was cut at `max_tokens`.
    pub cut: bool,
    /// How sure the provider is, where it says.
    pub confidence: Option<f64>,
}

/// The parts of an answer. After an `Err` nothing follows.
pub type ProviderStream = BoxStream<'static, Result<Chunk, Failure>>;

/// When a provider wants to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so long.
    In(Duration),
    /// At this moment, Unix milliseconds.
    At(i64),
}

/// Why a provider gave no answer. The sentence follows the provider's name and is for the user; what only an operator
/// may read lies in fields that it leaves out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// No connection, or it broke before the answer began.
    #[error("cannot be reached")]
    Unreachable {
        /// What the operating system said.
        detail: String,
    },
    /// Connected, but silent.
    #[error("did not begin to answer within {} s", .0.as_secs_f64())]
    FirstByteTimeout(Duration),
    /// Began, then silent.
    #[error("fell silent within its answer for {} s", .0.as_secs_f64())]
    Stalled(Duration),
    /// The stream ended before the answer did.
    #[error("broke off its answer")]
    Truncated,
    /// The answer has not the shape that it must have.
    #[error("gave an unreadable answer ({0})")]
    Malformed(&'static str),
    /// 408, 409, 429 or 5xx.
    #[error("is busy or out of order (status {status})")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// When it wants to be asked again.
        retry_after: Option<RetryAfter>,
    },
    /// The key is missing, wrong or not allowed; the text says what to set.
    #[error("refused the key: {0}")]
    KeyRefused(String),
    /// The request itself was refused.
    #[error("refused the request ({reason})")]
    Refused {
        /// For the user.
        reason: String,
        /// What the provider said, for the log.
        detail: String,
    },
    /// The provider understood and has no answer. A whole sentence.
    #[error("{0}")]
    Abstained(String),
}

impl Failure {
    /// True when the same provider may answer the same request a little later.
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::KeyRefused(_) | Self::Refused { .. } | Self::Abstained(_))
    }

    /// For labels.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::FirstByteTimeout(_) => "first_byte_timeout",
            Self::Stalled(_) => "stalled",
            Self::Truncated => "truncated",
            Self::Malformed(_) => "malformed",
            Self::Busy { .. } => "busy",
            Self::KeyRefused(_) => "key_refused",
            Self::Refused { .. } => "refused",
            Self::Abstained(_) => "abstained",
        }
    }

    /// What the log may say beyond the sentence.
    pub(crate) fn detail(&self) -> &str {
        match self {
            Self::Unreachable { detail } | Self::Refused { detail, .. } => detail,
            _ => "",
        }
    }
}

/// One provider. Dropping the future or the stream stops the request and closes its connection.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Its name in settings.
    fn name(&self) -> &str;
    /// The model that answers.
    fn model(&self) -> &str;
    /// How often it is asked before the next provider is.
    fn attempts(&self) -> u32;
    /// Asks once.
    async fn stream(&self, request: &Request) -> Result<ProviderStream, Failure>;
    /// Whether it answers, in a sentence.
    async fn check(&self) -> Result<String, String>;
}

/// About how many letters one delta of a text that is known beforehand has.
const DELTA_LETTERS: usize = 48;

/// An answer that is known beforehand, in a few deltas; joined they are `text`.
pub(crate) fn known_answer(notice: Option<String>, text: &str, confidence: Option<f64>) -> ProviderStream {
    let mut chunks: Vec<_> = notice.map(Chunk::Notice).into_iter().collect();
    chunks.extend(deltas(text).into_iter().map(Chunk::Delta));
    chunks.push(Chunk::End(End { confidence, ..End::default() }));
    stream::iter(chunks.into_iter().map(Ok)).boxed()
}

fn deltas(text: &str) -> Vec<String> {
    let mut deltas = Vec::new();
    let mut delta = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        delta.push_str(word);
        if delta.len() >= DELTA_LETTERS {
            deltas.push(std::mem::take(&mut delta));
        }
    }
    if !delta.is_empty() {
        deltas.push(delta);
    }
    deltas
}

/// The answer to `classify`, in the shape that every provider gives.
pub(crate) fn classification(intent: &str) -> String {
    serde_json::json!({"intent": intent, "tables": [], "filters": []}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_join_to_the_very_text() {
        for text in ["", "   SELECT\n  1", "one", &"many words \u{e9}\u{1f600} ".repeat(40)] {
            assert_eq!(deltas(text).concat(), text);
        }
        assert!(deltas(&"many words ".repeat(40)).len() > 3);
    }

    #[test]
    fn a_failure_tells_the_user_no_detail() {
        let refused = Failure::Refused { reason: "status 400".into(), detail: "secret".into() };
        let unreachable = Failure::Unreachable { detail: "secret".into() };
        for failure in [refused, unreachable] {
            assert!(!failure.to_string().contains("secret"), "{failure}");
            assert_eq!(failure.detail(), "secret");
        }
    }
}
