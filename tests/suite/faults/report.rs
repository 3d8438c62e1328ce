//! What came of it: a table for people, JSON for programs.

use super::case::{Case, Row};
use super::installation::Mode;
use super::recorder::Findings;
use serde::Serialize;
use std::collections::BTreeMap;

/// One case in one mode.
#[derive(Clone, Debug, Serialize)]
pub struct Result {
    pub fault: String,
    pub what: String,
    pub place: String,
    pub case: String,
    pub mode: String,
    pub took_ms: i64,
    pub findings: Findings,
}

impl Result {
    pub fn new(row: &Row, case: &Case, mode: Mode, findings: Findings, took_ms: i64) -> Self {
        Self {
            fault: row.id.to_owned(),
            what: row.what.to_owned(),
            place: row.place.to_owned(),
            case: case.name.clone(),
            mode: format!("{mode:?}").to_lowercase(),
            took_ms,
            findings,
        }
    }

    pub fn name(&self) -> String {
        format!("{} {} {}", self.fault, self.case, self.mode)
    }

    pub fn passed(&self) -> bool {
        self.findings.violations.is_empty()
    }

    pub fn line(&self) -> String {
        let f = &self.findings;
        let verdict = if self.passed() { "ok" } else { "FAILED" };
        let mut line = format!(
            "{}: {verdict}: {} questions, {} answered, {} errors, {} refused ({} retries), {} lost, {} duplicates, \
             {} holes, {} mismatches, recovery {} ms, {} ms in all",
            self.name(),
            f.questions,
            f.answered,
            f.errors,
            f.refused,
            f.retries,
            f.lost,
            f.duplicates,
            f.holes,
            f.mismatches,
            f.recovery_ms.map_or("-".to_owned(), |ms| ms.to_string()),
            self.took_ms,
        );
        for violation in f.violations.iter().take(8) {
            let violation: String = violation.chars().take(600).collect();
            line.push_str(&format!("\n    ! {violation}"));
        }
        line
    }
}

/// One line per fault.
#[derive(Default)]
struct Sum {
    what: String,
    runs: usize,
    failed: usize,
    questions: usize,
    answered: usize,
    errors: usize,
    lost: usize,
    duplicates: usize,
    holes: usize,
    mismatches: usize,
    recovery_ms: i64,
}

/// The table of all results and of the rows that are not run.
pub fn table(results: &[Result], rows: &[Row]) -> String {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for result in results {
        let (sum, f) = (sums.entry(&result.fault).or_default(), &result.findings);
        sum.what.clone_from(&result.what);
        sum.runs += 1;
        sum.failed += usize::from(!result.passed());
        sum.questions += f.questions;
        sum.answered += f.answered;
        sum.errors += f.errors + f.refused;
        sum.lost += f.lost;
        sum.duplicates += f.duplicates;
        sum.holes += f.holes;
        sum.mismatches += f.mismatches;
        sum.recovery_ms = sum.recovery_ms.max(f.recovery_ms.unwrap_or(0));
    }
    let mut text =
        "| fault | runs | failed | questions | answered | errors | lost | duplicates | holes | text differs \
                    | recovery, longest |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for (fault, s) in sums {
        text.push_str(&format!(
            "| {fault} {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} s |\n",
            s.what,
            s.runs,
            s.failed,
            s.questions,
            s.answered,
            s.errors,
            s.lost,
            s.duplicates,
            s.holes,
            s.mismatches,
            s.recovery_ms as f64 / 1000.0,
        ));
    }
    for row in rows {
        if let Some(why) = row.missing {
            text.push_str(&format!("| {} {} | – | | | | | | | | | not run: {why} |\n", row.id, row.what));
        }
    }
    text
}
