//! Language models are busy, broken, slow, silent and wrong.

use crate::faults::case::{BOTH, Case, Expect, Row, Step};
use crate::faults::llm::Mood;
use crate::faults::question::Style;

pub fn rows() -> Vec<Row> {
    vec![
        Row::new("F24", "status 429 with Retry-After", "every call", statuses(&[429])),
        Row::new("F25", "status 500, 502, 503", "every call", statuses(&[500, 502, 503])),
        Row::new(
            "F26",
            "silent, stalls",
            "every call",
            vec![first("silent", Mood::Silent), first("stalls", Mood::Stalls)],
        ),
        Row::new("F27", "answers that are no use", "every call", useless()),
        Row::new(
            "F28",
            "writes, and other tenants' tables",
            "generate_sql",
            vec![wrong("write", Mood::Writes), wrong("cross-tenant", Mood::CrossTenant)],
        ),
        Row::new("F29", "a very slow model", "some questions", vec![slow()]),
    ]
}

/// The first model misbehaves, the second answers.
fn first(name: &str, mood: Mood) -> Case {
    Case::new(name, BOTH, vec![Step::UntilEnded(100)]).before(vec![Step::Llm(0, mood)])
}

/// Both misbehave: every question ends with a clear error, within the budget of calls.
fn both(name: &str, mood: Mood) -> Case {
    let before = vec![Step::Llm(0, mood), Step::Llm(1, mood)];
    Case::new(format!("{name}, both models"), BOTH, vec![Step::UntilEnded(100)]).before(before).expect(Vec::new())
}

fn statuses(statuses: &[u16]) -> Vec<Case> {
    let mut cases = Vec::new();
    for status in statuses {
        cases.push(first(&format!("{status} once"), Mood::StatusOnce(*status)));
        cases.push(first(&format!("{status} always"), Mood::Status(*status)));
    }
    let always = Mood::Status(statuses[0]);
    cases.push(both(&statuses[0].to_string(), always).expect(vec![Expect::NoneAnswered, Expect::NothingExecuted]));
    cases
}

fn useless() -> Vec<Case> {
    let ends = |name: &str, mood| first(name, mood).expect(Vec::new());
    vec![
        first("truncated", Mood::Truncates),
        first("bad JSON", Mood::BadJson),
        first("no choices", Mood::NoChoices),
        first("statement in a fenced block", Mood::Fenced),
        ends("two statements", Mood::TwoStatements),
        ends("prose", Mood::Prose),
        ends("a megabyte", Mood::Megabyte),
        ends("endless", Mood::Endless),
        both("truncated", Mood::Truncates),
        both("prose", Mood::Prose),
    ]
}

fn wrong(name: &str, mood: Mood) -> Case {
    Case::new(name, BOTH, vec![Step::UntilEnded(100), Step::Untouched])
        .before(vec![Step::Llm(0, mood), Step::Llm(1, mood)])
        .expect(vec![Expect::NoneAnswered, Expect::NothingExecuted, Expect::CallsAtMost(4)])
}

fn slow() -> Case {
    Case::new("6 s to each first token", BOTH, vec![Step::UntilEnded(100)])
        .asking(&[Style::Paced, Style::Paced, Style::Paced, Style::Paced, Style::SlowLlm])
        .expect(vec![Expect::AllAnswered, Expect::Faster(Style::Paced, Style::SlowLlm)])
}
