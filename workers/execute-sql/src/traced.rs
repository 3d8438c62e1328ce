//! Statements as traces show them, by OpenTelemetry's names.

use contracts::{Dialect, ResultSet};
use ports::source;
use telemetry::trace::set_text;
use tracing::{Span, field};

/// The span of a statement. Its text goes to traces alone.
pub(crate) fn statement(dialect: Dialect, sql: &str) -> Span {
    let system = match dialect {
        Dialect::Postgres => "postgresql",
        other => other.as_str(),
    };
    let span = tracing::info_span!(
        "statement",
        db.system.name = system,
        db.response.returned_rows = field::Empty,
        error.type = field::Empty,
    );
    set_text(&span, "db.query.text", sql);
    span
}

/// What came of it.
pub(crate) fn ran(span: &Span, outcome: &Result<ResultSet, source::Error>) {
    match outcome {
        Ok(rows) => span.record("db.response.returned_rows", rows.rows.len()),
        Err(error) => span.record("error.type", error.class()),
    };
}
