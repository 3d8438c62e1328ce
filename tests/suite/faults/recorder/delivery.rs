//! I1 one end for each question taken; I2 nothing left of one that was not; I7 nothing lost in a queue; I8 bounded.

use super::Findings;
use crate::faults::evidence::{Asked, Evidence, Turn, is_terminal};
use std::collections::BTreeSet;

/// Resident memory of one process.
const MOST_MEMORY_MB: u64 = 700;
/// The invariant says 30 s on a machine of one's own; this one may be shared with a compiler.
const LONGEST_RECOVERY_MS: i64 = 60_000;

const ENDS: &[&str] = &["completed", "failed", "incomplete"];

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    for asked in &evidence.asked {
        findings.retries += asked.refusals.len();
        let rows: Vec<&Turn> = evidence.turns.iter().filter(|turn| turn.key == asked.key).collect();
        if rows.len() > 1 {
            findings.duplicates += rows.len() - 1;
            findings.violate("I1", format!("{} has {} turns", asked.tag, rows.len()));
        }
        match asked.outcome() {
            "lost" => lost(asked, findings),
            "refused" => refused(evidence, asked, &rows, findings),
            outcome => ended(evidence, asked, &rows, outcome, findings),
        }
    }
    findings.unexplained = evidence.unexplained.len();
    for why in evidence.unexplained.iter().filter(|_| evidence.modelled) {
        findings.violate("MODEL", why.clone());
    }
    queues(evidence, findings);
    bounds(evidence, findings);
}

fn lost(asked: &Asked, findings: &mut Findings) {
    findings.lost += 1;
    findings.violate("I1", format!("{} was never answered ({:?})", asked.tag, asked.response));
}

fn refused(evidence: &Evidence, asked: &Asked, rows: &[&Turn], findings: &mut Findings) {
    findings.refused += 1;
    let is_another_taken = evidence.who_asked(&asked.tag).any(|other| other.response.is_some());
    let ran = !is_another_taken && evidence.executed.iter().any(|executed| executed.tag == asked.tag);
    let called = !is_another_taken && evidence.llm_calls.contains_key(&asked.tag);
    if ran || called || rows.iter().any(|turn| turn.state != "refused") {
        findings.violate("I2", format!("{} was refused and left something behind: {rows:?}", asked.tag));
    }
}

fn ended(evidence: &Evidence, asked: &Asked, rows: &[&Turn], outcome: &str, findings: &mut Findings) {
    match outcome {
        "completed" => findings.answered += 1,
        _ => findings.errors += 1,
    }
    let ends = asked.events().into_iter().filter(|event| is_terminal(event)).count();
    if ends > 1 {
        findings.duplicates += ends - 1;
        findings.violate("I1", format!("{} ended {ends} times", asked.tag));
    }
    if !rows.iter().any(|turn| turn.state == outcome && ENDS.contains(&turn.state.as_str())) {
        findings.violate("I1", format!("{} ended as {outcome}, and the store says {rows:?}", asked.tag));
    }
    let told = asked.response.as_ref().and_then(|id| evidence.told.get(id));
    if let Some(told) = told
        && told.response["status"] != outcome
    {
        findings
            .violate("I1", format!("{} ended as {outcome}, and the API says {}", asked.tag, told.response["status"]));
    }
    unclear(asked, outcome, findings);
}

/// An error says something.
fn unclear(asked: &Asked, outcome: &str, findings: &mut Findings) {
    let Some(end) = asked.terminal().filter(|_| outcome == "failed") else { return };
    let error = &end["response"]["error"];
    let says = |field: &str, least: usize| error[field].as_str().is_some_and(|text| text.len() > least);
    if !says("code", 2) || !says("message", 20) {
        findings.violate("I1", format!("{} ended with an unclear error: {error}", asked.tag));
    }
}

fn queues(evidence: &Evidence, findings: &mut Findings) {
    for (queue, left) in evidence.left.iter().filter(|(_, left)| **left > 0) {
        findings.queues_not_empty += 1;
        findings.violate("I7", format!("{left} messages are left in {queue}"));
    }
    let failed: BTreeSet<&str> =
        evidence.turns.iter().filter(|turn| turn.state == "failed").map(|turn| turn.id.as_str()).collect();
    let explained = |turn: &Option<String>| turn.as_ref().is_some_and(|turn| failed.contains(turn.as_str()));
    let unexplained = evidence.dead.iter().filter(|turn| !explained(turn)).count();
    if unexplained > evidence.dead_expected {
        findings.dead_without_error += unexplained - evidence.dead_expected;
        findings.violate("I7", format!("dead jobs without an error event: {:?}", evidence.dead));
    }
}

fn bounds(evidence: &Evidence, findings: &mut Findings) {
    for (process, memory) in evidence.memory_mb.iter().filter(|(_, memory)| **memory > MOST_MEMORY_MB) {
        findings.violate("I8", format!("{process} takes {memory} MB"));
    }
    findings.recovery_ms = evidence.recovery_ms;
    if let Some(recovery) = evidence.recovery_ms.filter(|recovery| *recovery > LONGEST_RECOVERY_MS) {
        findings.violate("I8", format!("the first answer after the fault came after {recovery} ms"));
    }
}
