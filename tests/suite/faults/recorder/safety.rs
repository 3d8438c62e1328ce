//! I5 no statement without its audit row; I6 nothing crosses tenants; I9 errors tell no secrets; I10 bounded cost.

use super::Findings;
use crate::faults::evidence::{Asked, AuditRow, Evidence, Executed};
use std::collections::BTreeSet;

/// `turn.llm_calls`.
const MOST_CALLS: u32 = 8;
/// Both clocks are cut to milliseconds.
const ROUNDING_MS: i64 = 2;
/// What a person who asked has no business to read.
const INTERNALS: &[&str] =
    &["127.0.0.1", "localhost", "postgres://", "amqp://", "redis://", "panicked", ".rs:", "stack backtrace"];

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    for asked in &evidence.asked {
        audited(evidence, asked, findings);
        once_in_history(evidence, asked, findings);
        kept_apart(evidence, asked, findings);
        discreet(evidence, asked, findings);
    }
    for (tag, calls) in &evidence.llm_calls {
        let turns = u32::try_from(evidence.who_asked(tag).count().max(1)).unwrap_or(u32::MAX);
        if *calls <= MOST_CALLS.saturating_mul(turns) {
            continue;
        }
        findings.over_budget += 1;
        findings.violate("I10", format!("{tag} made {calls} calls"));
    }
    for canary in evidence.canaries.iter().filter(|canary| evidence.logs.contains(*canary)) {
        findings.leaks += 1;
        findings.violate("I6", format!("{canary} stands in a log"));
    }
}

fn audited(evidence: &Evidence, asked: &Asked, findings: &mut Findings) {
    let turns: BTreeSet<&String> = evidence.who_asked(&asked.tag).filter_map(|asked| asked.response.as_ref()).collect();
    let is_about_it = |row: &&AuditRow| row.verdict == "execute" && turns.contains(&row.turn);
    let rows: Vec<&AuditRow> = evidence.audit.iter().filter(is_about_it).collect();
    let runs: Vec<&Executed> = evidence.executed.iter().filter(|executed| executed.tag == asked.tag).collect();
    let attempts: BTreeSet<(&str, i64)> = rows.iter().map(|row| (row.hop.as_str(), row.attempt)).collect();
    if attempts.len() < rows.len() {
        findings.audit_violations += 1;
        findings.violate("I5", format!("{}: one attempt has two audit rows: {rows:?}", asked.tag));
    }
    if runs.len() > rows.len() {
        findings.audit_violations += 1;
        findings.violate("I5", format!("{} ran {} times with {} audit rows", asked.tag, runs.len(), rows.len()));
    }
    let mut written: Vec<i64> = rows.iter().map(|row| row.at_ms).collect();
    let mut ran: Vec<i64> = runs.iter().map(|run| run.at_ms).collect();
    written.sort_unstable();
    ran.sort_unstable();
    let late = written.iter().zip(&ran).any(|(written, ran)| *written > ran + ROUNDING_MS);
    if late && !evidence.skewed {
        findings.audit_violations += 1;
        findings.violate("I5", format!("{} ran at {ran:?}, before its audit rows of {written:?}", asked.tag));
    }
    if asked.outcome() == "completed" && runs.is_empty() {
        findings.audit_violations += 1;
        findings.violate("I5", format!("{} was answered without its statement", asked.tag));
    }
    if asked.outcome() == "completed" && !is_on_record(evidence, asked) {
        findings.audit_violations += 1;
        findings.violate("I5", format!("{} was shown rows without an audit row of its own", asked.tag));
    }
}

/// The statement ran for it, or for a turn that asked the same.
fn is_on_record(evidence: &Evidence, asked: &Asked) -> bool {
    let shows_rows = |row: &AuditRow| matches!(row.verdict.as_str(), "execute" | "shared");
    evidence.audit.iter().any(|row| Some(&row.turn) == asked.response.as_ref() && shows_rows(row))
}

fn once_in_history(evidence: &Evidence, asked: &Asked, findings: &mut Findings) {
    let Some(told) = asked.response.as_ref().and_then(|id| evidence.told.get(id)) else { return };
    if told.history.len() != 1 {
        findings.duplicates += 1;
        findings.violate("I5", format!("{} stands {} times in history", asked.tag, told.history.len()));
    }
}

/// Everything that was sent to whoever asked.
fn sent(evidence: &Evidence, asked: &Asked) -> String {
    let frames = asked.heard.iter().map(|heard| heard.frame.to_string());
    let refusals = asked.refusals.iter().map(|refusal| refusal.frame.to_string());
    let told = asked.response.as_ref().and_then(|id| evidence.told.get(id));
    let told = told.iter().flat_map(|told| [told.response.to_string(), format!("{:?}", told.history)]);
    frames.chain(refusals).chain(told).collect()
}

fn kept_apart(evidence: &Evidence, asked: &Asked, findings: &mut Findings) {
    let sent = sent(evidence, asked);
    for (tenant, canary) in evidence.canaries.iter().enumerate() {
        if tenant != asked.tenant && sent.contains(canary.as_str()) {
            findings.leaks += 1;
            findings.violate("I6", format!("{} was sent {canary}", asked.tag));
        }
    }
    let database = format!("tenant_{}", ["a", "b"][asked.tenant]);
    let elsewhere = |run: &&Executed| run.tag == asked.tag && run.database != database;
    if let Some(run) = evidence.executed.iter().find(elsewhere) {
        findings.leaks += 1;
        findings.violate("I6", format!("{} ran in {}", asked.tag, run.database));
    }
    let told = asked.response.as_ref().and_then(|id| evidence.told.get(id));
    if let Some(told) = told.filter(|told| told.to_others != 404) {
        findings.leaks += 1;
        findings.violate("I6", format!("another tenant got status {} for {}", told.to_others, asked.tag));
    }
}

fn discreet(evidence: &Evidence, asked: &Asked, findings: &mut Findings) {
    let everything = sent(evidence, asked);
    let errors: String = asked
        .refusals
        .iter()
        .map(|refusal| &refusal.frame["message"])
        .chain(asked.terminal().map(|end| &end["response"]["error"]["message"]))
        .chain(asked.heard.iter().map(|heard| &heard.frame["message"]))
        .map(|message| message.to_string())
        .collect();
    let secrets = evidence.secrets.iter().filter(|secret| everything.contains(secret.as_str()));
    let internals =
        INTERNALS.iter().filter(|internal| errors.contains(**internal)).map(|internal| (*internal).to_owned());
    for told in secrets.cloned().chain(internals).collect::<Vec<_>>() {
        findings.secrets += 1;
        findings.violate("I9", format!("{} was told {told:?}: {errors}", asked.tag));
    }
}
