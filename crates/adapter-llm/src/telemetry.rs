//! Spans and metrics of calls to language models, by OpenTelemetry's names for generative AI.

use crate::provider::{Failure, Provider};
use contracts::event::Usage;
use ports::llm::{Completion, Purpose};
use std::sync::Arc;
use tracing::Span;

/// Histogram, seconds: one attempt. Labels `provider`, `model`, `purpose`, `outcome`.
pub const DURATION: &str = "gen_ai_client_operation_duration_seconds";
/// Histogram, seconds: until the first text of an answer. Labels `provider`, `model`.
pub const FIRST_CHUNK: &str = "gen_ai_client_time_to_first_chunk_seconds";
/// Counter: tokens. Labels `provider`, `model`, `direction` (`input`, `output`).
pub const TOKENS: &str = "gen_ai_client_token_usage_total";

/// One attempt, measured. Dropped before its end it counts as `dropped`: cancelled, out of time or given up.
pub(crate) struct Attempt {
    provider: String,
    model: String,
    purpose: Purpose,
    clock: Arc<dyn ports::Clock>,
    started_ms: u64,
    has_text: bool,
    finished: bool,
    span: Span,
}

impl Attempt {
    pub(crate) fn start(provider: &dyn Provider, purpose: Purpose, clock: Arc<dyn ports::Clock>) -> Self {
        Self {
            provider: provider.name().to_owned(),
            model: provider.model().to_owned(),
            purpose,
            started_ms: clock.monotonic_ms(),
            clock,
            has_text: false,
            finished: false,
            span: span(provider, purpose),
        }
    }

    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Notes that the answer has begun.
    pub(crate) fn text_came(&mut self) {
        if !std::mem::replace(&mut self.has_text, true) {
            let labels = [("provider", self.provider.clone()), ("model", self.model.clone())];
            metrics::histogram!(FIRST_CHUNK, &labels).record(self.seconds());
        }
    }

    pub(crate) fn finish(mut self, end: &Result<Completion, Failure>) {
        self.finished = true;
        match end {
            Ok(completion) => {
                self.count_tokens(completion.usage);
                self.record("ok");
            }
            Err(failure) => {
                self.span.record("error.type", failure.as_str());
                self.record(failure.as_str());
            }
        }
    }

    fn count_tokens(&self, usage: Usage) {
        self.span.record("gen_ai.usage.input_tokens", usage.input_tokens);
        self.span.record("gen_ai.usage.output_tokens", usage.output_tokens);
        for (direction, tokens) in [("input", usage.input_tokens), ("output", usage.output_tokens)] {
            let (provider, model) = (self.provider.clone(), self.model.clone());
            metrics::counter!(TOKENS, "provider" => provider, "model" => model, "direction" => direction)
                .increment(tokens);
        }
    }

    fn record(&self, outcome: &'static str) {
        metrics::histogram!(
            DURATION,
            "provider" => self.provider.clone(),
            "model" => self.model.clone(),
            "purpose" => self.purpose.as_str(),
            "outcome" => outcome
        )
        .record(self.seconds());
    }

    fn seconds(&self) -> f64 {
        let millis = self.clock.monotonic_ms().saturating_sub(self.started_ms);
        std::time::Duration::from_millis(millis).as_secs_f64()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.finished {
            self.span.record("error.type", "dropped");
            self.record("dropped");
        }
    }
}

fn span(provider: &dyn Provider, purpose: Purpose) -> Span {
    tracing::info_span!(
        "chat",
        otel.kind = "client",
        otel.name = %format_args!("chat {}", provider.model()),
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = provider.name(),
        gen_ai.request.model = provider.model(),
        gen_ai.usage.input_tokens = tracing::field::Empty,
        gen_ai.usage.output_tokens = tracing::field::Empty,
        error.type = tracing::field::Empty,
        askline.purpose = purpose.as_str(),
    )
}
