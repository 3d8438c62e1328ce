//! Trace context across queues.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, SpanId, TraceId};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::collections::HashMap;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";

/// The current span's context as a W3C `traceparent`; `None` when nothing traces.
pub fn current_traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

/// A span's context as a W3C `traceparent`.
pub fn traceparent_of(span: &Span) -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Makes the span a child of the turn's span and links it to the span that produced the message. An unreadable
/// context is left out: a trace is never worth a job.
pub fn continue_from(span: &Span, turn: Option<&str>, producer: Option<&str>) {
    if let Some(parent) = turn.and_then(parse)
        && span.set_parent(parent).is_err()
    {
        return;
    }
    if let Some(link) = producer.and_then(parse) {
        span.add_link(link.span().span_context().clone());
    }
}

/// Adds a text to the span where traces go, and not where logs go: it may hold what logs must not.
pub fn set_text(span: &Span, name: &'static str, text: &str) {
    span.set_attribute(name, text.to_owned());
}

/// The trace id of a `traceparent`, for logs.
pub fn trace_id(traceparent: &str) -> Option<String> {
    parse(traceparent).map(|context| context.span().span_context().trace_id().to_string())
}

fn parse(traceparent: &str) -> Option<Context> {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract(&carrier);
    let found = context.span().span_context().clone();
    (found.trace_id() != TraceId::INVALID && found.span_id() != SpanId::INVALID).then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_and_garbage_is_not() {
        let id = trace_id("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(id.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(trace_id("00-zz"), None);
    }
}
