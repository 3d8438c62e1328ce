//! I3 the numbers are dense and nothing follows the end; I4 streamed text, terminal text and history are one.

use super::Findings;
use crate::faults::evidence::{Asked, Evidence, is_terminal};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    for asked in &evidence.asked {
        same_number_same_event(asked, findings);
        let events = asked.events();
        let bridged = dense(evidence, asked, &events, findings);
        ends_at_its_end(asked, &events, findings);
        findings.second_attempts += events.iter().filter(|event| is_second_attempt(event)).count();
        if asked.outcome() == "completed" {
            one_text(evidence, asked, &events, bridged, findings);
        }
    }
}

fn number(event: &Value) -> u64 {
    event["sequence_number"].as_u64().unwrap_or(u64::MAX)
}

fn same_number_same_event(asked: &Asked, findings: &mut Findings) {
    let mut seen: BTreeMap<u64, &Value> = BTreeMap::new();
    for heard in &asked.heard {
        let first = seen.entry(number(&heard.frame)).or_insert(&heard.frame);
        if *first != &heard.frame {
            findings.duplicates += 1;
            let (tag, later, on) = (&asked.tag, &heard.frame, heard.connection);
            let what = format!("{tag} heard two events under one number: {first}, and {later} on connection {on}");
            findings.violate("I3", what);
        }
    }
}

/// True when a part of the log was lost and a snapshot or the end stands for it.
fn dense(evidence: &Evidence, asked: &Asked, events: &[&Value], findings: &mut Findings) -> bool {
    let mut expected = 0;
    let mut bridged = false;
    for event in events {
        let found = number(event);
        let stands_for_all = is_terminal(event) || event["response"]["metadata"]["snapshot"] == "true";
        if found != expected && evidence.log_may_be_lost && stands_for_all {
            bridged = true;
        } else if found != expected {
            findings.holes += 1;
            findings.violate("I3", format!("{}: event {expected} is missing before {}", asked.tag, event["type"]));
        }
        expected = found.saturating_add(1);
    }
    bridged
}

fn ends_at_its_end(asked: &Asked, events: &[&Value], findings: &mut Findings) {
    let Some(end) = events.iter().position(|event| is_terminal(event)) else { return };
    for late in &events[end + 1..] {
        if !is_terminal(late) {
            findings.duplicates += 1;
            findings.violate("I3", format!("{}: {} came after the end", asked.tag, late["type"]));
        }
    }
}

fn is_second_attempt(event: &Value) -> bool {
    event["type"] == "response.askline.step.started" && event["attempt"].as_u64() > Some(1)
}

/// What a client shows that knows the one rule: a step that begins again voids what was streamed.
fn streamed(events: &[&Value]) -> String {
    let mut text = String::new();
    for event in events {
        if event["type"] == "response.output_text.delta" {
            text.push_str(event["delta"].as_str().unwrap_or_default());
        } else if is_second_attempt(event) {
            text.clear();
        }
    }
    text
}

fn final_text(response: &Value) -> &str {
    response["output"][0]["content"][0]["text"].as_str().unwrap_or_default()
}

fn one_text(evidence: &Evidence, asked: &Asked, events: &[&Value], bridged: bool, findings: &mut Findings) {
    let Some(end) = asked.terminal() else { return };
    let text = final_text(&end["response"]);
    let mut texts = Vec::new();
    if !bridged {
        texts.push(("the stream", streamed(events)));
    }
    let rows = evidence.turns.iter().filter(|turn| turn.key == asked.key);
    texts.extend(rows.map(|turn| ("the store", turn.answer.clone())));
    if let Some(told) = asked.response.as_ref().and_then(|id| evidence.told.get(id)) {
        texts.push(("the API", final_text(&told.response).to_owned()));
        let answers = told.history.iter().map(|turn| turn["answer"].as_str().unwrap_or_default().to_owned());
        texts.extend(answers.map(|answer| ("history", answer)));
    }
    for (place, other) in texts {
        if other != text {
            findings.mismatches += 1;
            findings.violate("I4", format!("{}: the end says {text:?}, {place} {other:?}", asked.tag));
        }
    }
    if !text.contains(&asked.tag.to_string()) {
        findings.mismatches += 1;
        findings.violate("I4", format!("{} got the answer to another question: {text:?}", asked.tag));
    }
}
