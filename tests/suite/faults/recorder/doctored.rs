//! The recorder must be able to fail: each invariant is violated here once, in evidence that is otherwise sound.

use super::judge;
use crate::faults::evidence::{Asked, AuditRow, Evidence, Executed, Heard, Refusal, Told, Turn};
use crate::faults::question::{Style, Tag};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const TURN: &str = "resp_1";

fn tag() -> Tag {
    Tag { run: "T".into(), number: 0, style: Style::Plain }
}

fn text() -> String {
    format!("Answer to {}: 28. CANARY-A", tag())
}

fn heard(number: u64, mut frame: Value) -> Heard {
    frame["sequence_number"] = json!(number);
    frame["response_id"] = json!(TURN);
    Heard { connection: 1, frame }
}

fn end(number: u64) -> Heard {
    let output = json!([{"content": [{"text": text()}]}]);
    heard(number, json!({"type": "response.completed", "response": {"output": output, "error": null}}))
}

fn delta(number: u64, text: &str) -> Heard {
    heard(number, json!({"type": "response.output_text.delta", "delta": text}))
}

/// One question, answered as it should be.
fn sound() -> Evidence {
    let mut asked = Asked::new(&tag(), 0, 0);
    let whole = text();
    let (first, second) = whole.split_at(9);
    let step = json!({"type": "response.askline.step.started", "step": "reply", "attempt": 1});
    asked.response = Some(TURN.into());
    asked.ended_ms = Some(200);
    let created = json!({"type": "response.created"});
    asked.heard = vec![heard(0, created), heard(1, step), delta(2, first), delta(3, second), end(4)];
    let key = asked.key.clone();
    let turn = Turn { id: TURN.into(), key, state: "completed".into(), answer: text(), conversation: "conv_1".into() };
    let audit = AuditRow { turn: TURN.into(), hop: "h".into(), attempt: 1, verdict: "execute".into(), at_ms: 50 };
    let response = json!({"status": "completed", "output": [{"content": [{"text": text()}]}]});
    let told = Told { response, history: vec![json!({"id": TURN, "answer": text()})], to_others: 404 };
    Evidence {
        asked: vec![asked],
        turns: vec![turn],
        audit: vec![audit],
        executed: vec![Executed { tag: tag(), database: "tenant_a".into(), at_ms: 60 }],
        told: BTreeMap::from([(TURN.to_owned(), told)]),
        llm_calls: BTreeMap::from([(tag(), 3)]),
        canaries: vec!["CANARY-A".into(), "CANARY-B".into()],
        secrets: BTreeSet::from(["hush".to_owned()]),
        recovery_ms: Some(100),
        ..Evidence::default()
    }
}

/// Its question as one that was not taken.
fn refused() -> Evidence {
    let mut evidence = sound();
    let frame = json!({"type": "error", "code": "queue_unavailable", "message": "Send it again.", "retryable": false});
    let asked = &mut evidence.asked[0];
    asked.response = None;
    asked.heard.clear();
    asked.refusals.push(Refusal { frame });
    evidence.turns[0].state = "refused".into();
    evidence.audit.clear();
    evidence.executed.clear();
    evidence.llm_calls.clear();
    evidence.told.clear();
    evidence
}

/// Two who asked it: the statement ran for the first.
fn shared() -> Evidence {
    const SECOND: &str = "resp_2";
    let mut evidence = sound();
    let mut asked = evidence.asked[0].clone();
    asked.key = "key-T-1".into();
    asked.response = Some(SECOND.into());
    asked.heard.iter_mut().for_each(|heard| heard.frame["response_id"] = json!(SECOND));
    let row = AuditRow { turn: SECOND.into(), hop: "f".into(), verdict: "shared".into(), ..evidence.audit[0].clone() };
    let told = Told { history: vec![json!({"id": SECOND, "answer": text()})], ..evidence.told[TURN].clone() };
    evidence.turns.push(Turn { id: SECOND.into(), key: asked.key.clone(), ..evidence.turns[0].clone() });
    evidence.audit.push(row);
    evidence.told.insert(SECOND.into(), told);
    evidence.asked.push(asked);
    evidence
}

fn fail(evidence: &mut Evidence, message: &str) {
    let error = json!({"code": "llm_unavailable", "message": message});
    evidence.asked[0].heard[4] = heard(4, json!({"type": "response.failed", "response": {"error": error}}));
    evidence.turns[0].state = "failed".into();
    evidence.told.get_mut(TURN).unwrap().response = json!({"status": "failed"});
}

type Doctor = fn(&mut Evidence);

/// What is done to sound evidence, and which invariant must be found violated.
const DOCTORS: &[(&str, &str, Doctor)] = &[
    ("I1", "no end", |e| drop(e.asked[0].heard.pop())),
    ("I1", "two ends", |e| e.asked[0].heard.push(end(5))),
    ("I1", "the store knows no end", |e| e.turns[0].state = "accepted".into()),
    ("I1", "the store does not know the question", |e| e.turns.clear()),
    ("I1", "the API says otherwise", |e| e.told.get_mut(TURN).unwrap().response["status"] = json!("failed")),
    ("I1", "one key, two turns", |e| e.turns.push(Turn { id: "resp_2".into(), ..e.turns[0].clone() })),
    ("I1", "an unclear error", |e| fail(e, "no")),
    ("I3", "a hole", |e| drop(e.asked[0].heard.remove(1))),
    ("I3", "one number, two events", |e| e.asked[0].heard.push(delta(2, "other"))),
    ("I3", "text after the end", |e| e.asked[0].heard.push(delta(5, "more"))),
    ("I4", "the stream lacks text", |e| e.asked[0].heard[3] = delta(3, "")),
    ("I4", "two attempts are mixed", |e| {
        let events = &mut e.asked[0].heard;
        events.insert(4, heard(4, json!({"type": "response.askline.step.started", "attempt": 2})));
        events[5] = end(5);
    }),
    ("I4", "history differs", |e| e.turns[0].answer.push('!')),
    ("I4", "the API differs", |e| e.told.get_mut(TURN).unwrap().history[0]["answer"] = json!("28")),
    ("I4", "the answer to another question", |e| e.asked[0].tag.number = 7),
    ("I5", "a statement without an audit row", |e| e.audit.clear()),
    ("I5", "a statement before its audit row", |e| e.executed[0].at_ms = 40),
    ("I5", "a statement twice with one audit row", |e| e.executed.push(e.executed[0].clone())),
    ("I5", "two audit rows of one attempt", |e| e.audit.push(e.audit[0].clone())),
    ("I5", "an answer without a statement", |e| e.executed.clear()),
    ("I5", "twice in history", |e| {
        let history = &mut e.told.get_mut(TURN).unwrap().history;
        history.push(history[0].clone());
    }),
    ("I6", "another tenant's row in an event", |e| e.asked[0].heard[1].frame["rows"] = json!("CANARY-B")),
    ("I6", "another tenant's row in history", |e| e.told.get_mut(TURN).unwrap().history[0]["sql"] = json!("CANARY-B")),
    ("I6", "a row in a log", |e| e.logs = "… CANARY-A …".into()),
    ("I6", "another tenant's database", |e| e.executed[0].database = "tenant_b".into()),
    ("I6", "another tenant may read it", |e| e.told.get_mut(TURN).unwrap().to_others = 200),
    ("I7", "a job is left", |e| e.left = BTreeMap::from([("classify".into(), 1)])),
    ("I7", "a dead job without an error", |e| e.dead.push(Some(TURN.into()))),
    ("I7", "a dead job of nobody", |e| e.dead.push(None)),
    ("I8", "a process grows", |e| e.memory_mb = BTreeMap::from([("reply".into(), 5_000)])),
    ("I8", "it does not recover", |e| e.recovery_ms = Some(100_000)),
    ("I9", "a host in an error", |e| fail(e, "cannot connect to postgres://u@10.0.0.7/db, try again")),
    ("I9", "a secret in an event", |e| e.asked[0].heard[1].frame["note"] = json!("hush")),
    ("MODEL", "steps that the model does not know", |e| {
        e.modelled = true;
        e.unexplained.push("resp_1: an ack before its publish".into());
    }),
    ("I10", "too many calls", |e| e.llm_calls = BTreeMap::from([(tag(), 9)])),
];

#[test]
fn sound_evidence_holds_every_invariant() {
    assert_eq!(judge(&sound()).violations, [""; 0]);
    assert_eq!(judge(&refused()).violations, [""; 0]);
    let mut failed = sound();
    fail(&mut failed, "No language model answered. Ask again in a minute.");
    assert_eq!(judge(&failed).violations, [""; 0]);
}

#[test]
fn every_invariant_can_be_found_violated() {
    for (invariant, what, doctor) in DOCTORS {
        let mut evidence = sound();
        doctor(&mut evidence);
        let violations = judge(&evidence).violations;
        let prefix = format!("{invariant}:");
        assert!(violations.iter().any(|found| found.starts_with(&prefix)), "{what}: {violations:?}");
    }
}

#[test]
fn a_question_of_two_may_run_once_and_each_has_an_audit_row() {
    assert_eq!(judge(&shared()).violations, [""; 0]);
    let doctors: [Doctor; 3] = [
        |e| drop(e.audit.pop()),
        |e| drop(e.audit.remove(0)),
        |e| e.executed.push(Executed { at_ms: 70, ..e.executed[0].clone() }),
    ];
    for doctor in doctors {
        let mut evidence = shared();
        doctor(&mut evidence);
        assert!(judge(&evidence).violations.iter().any(|found| found.starts_with("I5:")));
    }
}

#[test]
fn a_refused_question_may_leave_nothing() {
    let doctors: [Doctor; 3] = [
        |e| e.turns[0].state = "completed".into(),
        |e| e.llm_calls = BTreeMap::from([(tag(), 1)]),
        |e| e.executed.push(Executed { tag: tag(), database: "tenant_a".into(), at_ms: 60 }),
    ];
    for doctor in doctors {
        let mut evidence = refused();
        doctor(&mut evidence);
        assert!(judge(&evidence).violations.iter().any(|found| found.starts_with("I2:")));
    }
}

#[test]
fn a_log_that_may_be_lost_may_be_bridged_by_a_snapshot_or_the_end_alone() {
    let mut evidence = sound();
    evidence.asked[0].heard.drain(1..3);
    assert!(!judge(&evidence).violations.is_empty(), "text after a hole is a hole");
    evidence.asked[0].heard.remove(1);
    assert!(!judge(&evidence).violations.is_empty(), "the log was not to be lost");
    evidence.log_may_be_lost = true;
    assert_eq!(judge(&evidence).violations, [""; 0]);
}
