//! Language models in the place of the port, for what no server of one can do.

use ports::llm::{Completion, Piece, Pieces};

/// What answers `How many customers do we have?` in each step.
pub fn answer_to(purpose: &str) -> &'static str {
    match purpose {
        "classify" => r#"{"intent":"sql","tables":[],"filters":[]}"#,
        "generate_sql" => "SELECT COUNT(*) FROM customers",
        _ => "There are 28 customers.",
    }
}

/// An answer at once, in one piece.
pub fn said(text: &str) -> Pieces {
    let completion = Completion {
        text: text.to_owned(),
        usage: Default::default(),
        provider: "fake".to_owned(),
        model: "fake".to_owned(),
        cut: false,
        confidence: None,
    };
    let pieces = [Piece::Delta(text.to_owned()), Piece::Done(completion)].map(Ok);
    Box::pin(futures_util::stream::iter(pieces))
}
