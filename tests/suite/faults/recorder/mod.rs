//! Decides from the evidence alone whether the invariants I1 to I10 held. No code of the product is used here.

mod collect;
mod database;
mod delivery;
#[cfg(test)]
mod doctored;
mod safety;
mod stream;
mod traces;

pub use collect::Collector;
pub use database::AppDatabase;

use super::evidence::Evidence;
use serde::Serialize;

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Findings {
    pub questions: usize,
    pub answered: usize,
    /// Ended with a clear error.
    pub errors: usize,
    /// Not taken, and the client was told.
    pub refused: usize,
    /// Times that a client was told to try again.
    pub retries: usize,
    pub lost: usize,
    pub duplicates: usize,
    pub holes: usize,
    pub mismatches: usize,
    pub audit_violations: usize,
    pub over_budget: usize,
    pub leaks: usize,
    pub secrets: usize,
    pub queues_not_empty: usize,
    pub dead_without_error: usize,
    /// Runs of a step beyond the first, as clients were told.
    pub second_attempts: usize,
    /// Turns whose steps the model of the protocol does not explain.
    pub unexplained: usize,
    pub recovery_ms: Option<i64>,
    /// What was violated, in words.
    pub violations: Vec<String>,
}

impl Findings {
    /// Notes a violation of an invariant.
    fn violate(&mut self, invariant: &str, what: String) {
        self.violations.push(format!("{invariant}: {what}"));
    }
}

/// Checks everything.
pub fn judge(evidence: &Evidence) -> Findings {
    let mut findings = Findings { questions: evidence.asked.len(), ..Findings::default() };
    delivery::check(evidence, &mut findings);
    stream::check(evidence, &mut findings);
    safety::check(evidence, &mut findings);
    findings
}
