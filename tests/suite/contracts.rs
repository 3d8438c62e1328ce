//! Golden messages: what earlier releases wrote must be read for ever, and what this one writes is written down.
//! `UPDATE_GOLDEN=1` writes the files anew; the difference then stands in the commit.

use contracts::event::{OutputItem, Response, Status, Usage};
use contracts::job::{
    Basis, Classify, Direct, ExecuteChange, ExecuteSql, Follow, GenerateSql, ImportFile, Introspect, KINDS, Rejected,
    Reply, TestConnection,
};
use contracts::{ChangeKind, Column, Dialect, Envelope, Event, Job, Lane, Meta, Personal, ResultSet, TurnId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;
use std::path::PathBuf;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/contracts").join(format!("{name}.json"))
}

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let written = serde_json::to_string_pretty(value).unwrap() + "\n";
    let file = golden(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &written).unwrap();
    }
    let kept =
        std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{} is missing: UPDATE_GOLDEN=1", file.display()));
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), serde_json::to_value(value).unwrap(), "{name}");
    assert_eq!(&serde_json::from_str::<T>(&kept).unwrap(), value, "{name} is read back");
    let mut newer: Value = serde_json::from_str(&kept).unwrap();
    newer["a_field_of_a_later_release"] = 1.into();
    assert_eq!(&serde_json::from_value::<T>(newer).unwrap(), value, "{name} is read with an unknown field");
}

fn envelope<J: Job>(job: &J) -> Envelope {
    let meta = Meta {
        turn: TurnId::from("resp_1"),
        business: "biz_1".into(),
        user: "usr_1".into(),
        conversation: Some("conv_1".into()),
        connection: Some("con_1".into()),
        created_ms: 1_000,
        deadline_ms: 121_000,
        spent: Usage { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
        lane: Lane::Interactive,
        replay_of: None,
    };
    Envelope::first(meta, 2, job).unwrap()
}

#[test]
fn every_job_is_read_as_it_was_written() {
    let question = "How many customers do we have?".to_owned();
    let rejected = Rejected { sql: "SELECT x".into(), rule: "database_error".into(), message: "no such column".into() };
    let sql = "SELECT count(*) FROM customers".to_owned();
    let basis = Basis::Rows { sql: sql.clone(), result: "res_1".into() };
    let statement = ExecuteSql { question: question.clone(), sql, dialect: Dialect::Postgres, round: 0, direct: None };
    let jobs = [
        envelope(&Classify { question: question.clone(), shared_schema_ms: None }),
        envelope(&GenerateSql { question: question.clone(), round: 1, rejected: Some(rejected) }),
        envelope(&statement),
        envelope(&Reply { question, basis }),
        envelope(&ImportFile { connection: "con_1".into() }),
        envelope(&TestConnection { connection: "con_1".into(), then_introspect: true }),
        envelope(&Introspect { connection: "con_1".into() }),
        envelope(&Follow { question: "How many?".into(), leader: "resp_0".into(), flight: "ab".into() }),
        envelope(&ExecuteChange { approval: "apr_1".into() }),
    ];
    let kinds: Vec<_> = jobs.iter().map(|job| job.kind.as_str()).collect();
    assert_eq!(kinds, KINDS, "every kind has a golden message");
    for job in &jobs {
        check(&format!("job.{}", job.kind), job);
    }
    let direct = Direct { max_rows: Some(10), timeout_ms: Some(2_000), dry_run: true };
    check("job.execute_sql.direct", &envelope(&ExecuteSql { direct: Some(direct), ..statement }));
}

#[test]
fn an_answer_that_asks_for_approval_is_read_as_it_was_written() {
    let basis = Basis::Approval { approval: "apr_1".into() };
    check("job.reply.approval", &envelope(&Reply { question: "Cancel order 3.".into(), basis }));
}

#[test]
fn every_event_is_read_as_it_was_written() {
    let mut response = Response::new("resp_1", 1, Status::Completed);
    response.output = vec![OutputItem::completed("msg_1", "28 customers.")];
    let rows = ResultSet { rows: vec![vec![28.into()]], ..ResultSet::default() };
    let noted = |name: &str, personal| Column { personal, ..Column::new(name, "text") };
    let notes = [None, Some(Personal::Values), Some(Personal::Hidden), Some(Personal::Masked)];
    let personal = ResultSet { columns: notes.map(|note| noted("c", note)).into(), ..ResultSet::default() };
    let events = [
        ("completed", Event::Completed { response: response.clone() }),
        ("queued", Event::Queued { response: Response { status: Status::Queued, ..response } }),
        ("step_started", Event::StepStarted { step: "classify".into(), attempt: 2 }),
        (
            "step_completed",
            Event::StepCompleted {
                step: "classify".into(),
                attempt: 1,
                duration_ms: 3,
                detail: "sql".into(),
                tokens: 40,
            },
        ),
        ("rows", Event::rows(&rows, 100)),
        ("rows.personal", Event::rows(&personal, 100)),
        (
            "text_delta",
            Event::TextDelta { item_id: "msg_1".into(), output_index: 0, content_index: 0, delta: "28".into() },
        ),
        ("notice", Event::Notice { code: "schema_cut".into(), message: "…".into() }),
        (
            "sql_generated",
            Event::SqlGenerated {
                sql: "SELECT 1".into(),
                dialect: Dialect::Sqlite,
                tables: vec!["customers".into()],
                confidence: None,
            },
        ),
        ("queue_position", Event::QueuePosition { position: 3, estimated_wait_ms: 1_500 }),
        (
            "approval_required",
            Event::ApprovalRequired {
                approval_id: "apr_1".into(),
                sql: "DELETE FROM orders WHERE id = 3".into(),
                kind: ChangeKind::Delete,
                table: "orders".into(),
                affected_rows: 1,
                preview: rows.clone(),
                expires_at: 604_801,
            },
        ),
        ("sql_rejected", Event::SqlRejected { rule: "unknown_table".into(), message: "…".into() }),
    ];
    for (name, event) in &events {
        check(&format!("event.{name}"), event);
    }
}

#[test]
fn the_fields_that_came_later_may_be_missing() {
    let first_release = r#"{"v":1,"kind":"classify","hop":"resp_1/classify.0","job":{"question":"?"},
        "meta":{"turn":"resp_1","business":"biz_1","user":"usr_1","deadline_ms":5}}"#;
    let envelope: Envelope = serde_json::from_str(first_release).unwrap();
    assert_eq!((envelope.next_seq, envelope.meta.lane), (0, Lane::Interactive));
}
