//! What the processes say that they did, held against the model of the protocol.

use crate::faults::evidence::Turn;
use std::collections::BTreeMap;
use turn_model::{Log, Rejected, Step, accepts, traces};

/// Why the model does not explain these turns; one line each.
pub(super) fn unexplained(logs: &[(String, String)], turns: &[Turn]) -> Vec<String> {
    let logs: Vec<Log> = logs.iter().map(|(process, text)| Log { process, text: whole_lines(text) }).collect();
    match traces(&logs) {
        Ok(traces) => turns.iter().filter_map(|turn| why_not(&traces, turn)).collect(),
        Err(unreadable) => vec![unreadable.to_string()],
    }
}

/// A turn that nobody worked on may be in no log; one that ended with an answer or an error must be.
fn why_not(traces: &BTreeMap<String, Vec<Step>>, turn: &Turn) -> Option<String> {
    let must_be_told = matches!(turn.state.as_str(), "completed" | "failed");
    match accepts(traces.get(&turn.id).map_or(&[], Vec::as_slice)) {
        Ok(()) => None,
        Err(Rejected::Untold) if !must_be_told => None,
        Err(rejected) => Some(format!("{}: {rejected}", turn.id)),
    }
}

/// A process that was killed may have begun a line.
fn whole_lines(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..=end])
}

#[test]
fn a_turn_that_ended_and_is_in_no_log_is_not_explained() {
    let turn = |id: &str, state: &str| Turn { id: id.into(), state: state.into(), ..Turn::default() };
    let step = r#""step":"claimed","hop":"resp_1/classify.0","fence":1,"task":"7","target":"askline::protocol""#;
    let line = format!(r#"{{"timestamp":"2026-01-01T00:00:00Z",{step}}}"#);
    let logs = [("worker".to_owned(), format!("{line}\n{{\"timestamp\":\"2026"))];
    assert_eq!(unexplained(&logs, &[turn("resp_1", "completed"), turn("resp_2", "refused")]), [""; 0]);
    let missing = unexplained(&logs, &[turn("resp_3", "completed")]);
    assert!(missing.len() == 1 && missing[0].starts_with("resp_3: no process has told"), "{missing:?}");
}
