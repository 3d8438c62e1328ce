//! An answer as it comes in.

use super::{OpenaiConfig, send, wire};
use crate::provider::{Chunk, End, Failure, ProviderStream};
use async_openai::error::OpenAIError;
use contracts::event::Usage;
use futures_util::stream::{self, BoxStream, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The count of tokens follows the end of the text at once, or never.
const USAGE_GRACE: Duration = Duration::from_secs(2);

/// The state of an answer. It is whole once a `finish_reason` came: what follows is the count of tokens, and an answer
/// without that is as good.
pub(super) struct Answer {
    chunks: BoxStream<'static, Result<wire::Chunk, OpenAIError>>,
    deadline: Instant,
    first_byte_timeout: Duration,
    stall_timeout: Duration,
    has_begun: bool,
    has_choice: bool,
    has_text: bool,
    finish_reason: Option<String>,
    usage: Usage,
    over: bool,
}

impl Answer {
    /// `deadline` is the first event's.
    pub(super) fn new(
        chunks: BoxStream<'static, Result<wire::Chunk, OpenAIError>>,
        deadline: Instant,
        config: &OpenaiConfig,
    ) -> Self {
        Self {
            chunks,
            deadline,
            first_byte_timeout: config.first_byte_timeout,
            stall_timeout: config.stall_timeout,
            has_begun: false,
            has_choice: false,
            has_text: false,
            finish_reason: None,
            usage: Usage::default(),
            over: false,
        }
    }

    pub(super) fn into_stream(self) -> ProviderStream {
        stream::unfold(self, |mut answer| async { answer.next().await.map(|chunk| (chunk, answer)) }).boxed()
    }

    async fn next(&mut self) -> Option<Result<Chunk, Failure>> {
        while !self.over {
            let step = match timeout_at(self.deadline, self.chunks.next()).await {
                Ok(Some(Ok(chunk))) => self.take(chunk),
                Ok(Some(Err(error))) => Some(self.end(send::failure(error))),
                Ok(None) => Some(self.end(self.clean_end())),
                Err(_) => Some(self.end(self.silence())),
            };
            if step.is_some() {
                return step;
            }
        }
        None
    }

    fn take(&mut self, chunk: wire::Chunk) -> Option<Result<Chunk, Failure>> {
        self.has_begun = true;
        if chunk.is_error() {
            return Some(self.end(Failure::Malformed("an error within the answer")));
        }
        self.usage = chunk.usage().unwrap_or(self.usage);
        let text = chunk.into_choice().and_then(|choice| self.take_choice(choice));
        self.deadline = Instant::now() + if self.is_whole() { USAGE_GRACE } else { self.stall_timeout };
        text
    }

    fn take_choice(&mut self, choice: wire::Choice) -> Option<Result<Chunk, Failure>> {
        self.has_choice = true;
        if choice.is_refusal() {
            self.over = true;
            let reason = "the model declines to answer".to_owned();
            return Some(Err(Failure::Refused { reason, detail: String::new() }));
        }
        if choice.finish_reason.is_some() {
            self.finish_reason.clone_from(&choice.finish_reason);
        }
        let text = choice.into_text()?;
        self.has_text = true;
        Some(Ok(Chunk::Delta(text)))
    }

    fn is_whole(&self) -> bool {
        self.finish_reason.is_some()
    }

    fn silence(&self) -> Failure {
        if self.has_begun {
            return Failure::Stalled(self.stall_timeout);
        }
        Failure::FirstByteTimeout(self.first_byte_timeout)
    }

    /// Nothing more comes: the end of a whole answer, else the failure.
    fn end(&mut self, failure: Failure) -> Result<Chunk, Failure> {
        self.over = true;
        if self.is_whole() && self.has_text {
            let cut = self.finish_reason.as_deref() == Some("length");
            return Ok(Chunk::End(End { usage: self.usage, cut, confidence: None }));
        }
        Err(failure)
    }

    /// What it means that the stream ended as HTTP says, unless the answer is whole and has text.
    fn clean_end(&self) -> Failure {
        if self.is_whole() {
            return Failure::Malformed("no text");
        }
        if self.has_begun && !self.has_choice {
            return Failure::Malformed("no choices");
        }
        Failure::Truncated
    }
}
