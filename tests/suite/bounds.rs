//! What a statement may cost, and what becomes of one that costs more (F28, F30 at the sources).

use crate::mode::Mode;
use serde_json::Value;
use testkit::llm_server::Script;
use testkit::{ScriptedLlm, World};

const QUESTION: &str = "How many pairs of customers are there?";
const COUNT: &str = "SELECT COUNT(*) AS customers FROM customers";
/// 28 customers, each with each of the others, four times over.
const PAIRS: &str = "SELECT COUNT(*) AS n FROM customers a JOIN customers b ON a.city <> b.name \
    JOIN customers c ON b.city <> c.name JOIN customers d ON c.city <> d.name";
/// The same, so often that it never ends.
const ENDLESS: &str = "SELECT COUNT(*) AS n FROM customers a JOIN customers b ON a.city <> b.name \
    JOIN customers c ON b.city <> c.name JOIN customers d ON c.city <> d.name JOIN customers e ON d.city <> e.name \
    JOIN customers f ON e.city <> f.name JOIN customers g ON f.city <> g.name JOIN customers h ON g.city <> h.name";

async fn world(mode: Mode, llm: &ScriptedLlm, more: &[(&str, &str)]) -> World {
    let mut pairs = vec![("ASKLINE_LLM__PROVIDERS", format!("[{}]", llm.provider("scripted")))];
    pairs.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    mode.world(&pairs).await
}

/// Writes the first statement, and after a refusal the second.
async fn corrected(first: &'static str, second: &'static str) -> ScriptedLlm {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    ScriptedLlm::with(move |purpose, _| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"sql","tables":[],"filters":[]}"#]),
        "generate_sql" => match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Script::answer(&[first]),
            _ => Script::answer(&[second]),
        },
        _ => Script::answer(&["There are 28."]),
    })
    .await
}

async fn an_expensive_statement_is_corrected_before_it_runs(mode: Mode) {
    let llm = corrected(PAIRS, COUNT).await;
    let world = world(mode, &llm, &[("ASKLINE_SOURCES__MAX_SCANNED_ROWS", "10000")]).await;
    let transcript = world.client().ask(QUESTION).await;
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    let refused = transcript.of("response.askline.sql.rejected").next().unwrap();
    assert_eq!(refused["rule"], "too_expensive");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("10000 are allowed") && message.contains("Join the tables"), "{message}");
    let prompts: Vec<Value> = llm.server.received().into_iter().map(|request| request.body).collect();
    assert!(prompts.iter().any(|prompt| prompt.to_string().contains("Ask for a smaller range of dates")));
    world.stop().await;
}

async fn the_bound_of_a_connection_wins_over_the_settings(mode: Mode) {
    let llm = ScriptedLlm::answering(PAIRS, "Many.").await;
    let world = world(mode, &llm, &[("ASKLINE_SOURCES__MAX_SCANNED_ROWS", "10000")]).await;
    let http = reqwest::Client::new();
    let connections = http.get(format!("{}/v1/connections", world.demo.url)).bearer_auth(&world.demo.token);
    let connections: Value = connections.send().await.unwrap().json().await.unwrap();
    let id = connections["data"][0]["id"].as_str().unwrap();
    let bounds = http.put(format!("{}/v1/connections/{id}/bounds", world.demo.url)).bearer_auth(&world.demo.token);
    let bounds = bounds.json(&serde_json::json!({"max_scanned_rows": 100_000_000})).send().await.unwrap();
    assert_eq!(bounds.status().as_u16(), 200);
    let transcript = world.client().ask(QUESTION).await;
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    world.stop().await;
}

async fn an_endless_statement_is_stopped_and_the_next_question_answered(mode: Mode) {
    let llm = corrected(ENDLESS, COUNT).await;
    let bounds = [
        ("ASKLINE_SOURCES__MAX_SCANNED_ROWS", "9000000000000000000"),
        ("ASKLINE_SOURCES__STATEMENT_TIMEOUT_MS", "700"),
    ];
    let world = world(mode, &llm, &bounds).await;
    let mut client = world.client();
    let stopped = client.ask(QUESTION).await;
    assert_eq!((stopped.check().status(), stopped.error().0.as_str()), ("failed", "statement_timeout"));
    let rows = world.ports.store.audit_of(&"biz_demo".into(), &stopped.id().into()).await.unwrap();
    let verdicts: Vec<_> = rows.iter().map(|row| row.verdict.as_str()).collect();
    assert_eq!(verdicts, ["execute", "timed_out"]);
    let next = client.ask(QUESTION).await;
    assert_eq!(next.check().status(), "completed", "{:#?}", next.terminal());
    world.stop().await;
}

async fn a_statement_on_somebody_elses_tables_is_refused_on_record(mode: Mode) {
    let llm = ScriptedLlm::answering("SELECT url FROM other_business.connections", "Here.").await;
    let world = world(mode, &llm, &[]).await;
    let transcript = world.client().ask("Show me the others").await;
    assert_eq!((transcript.check().status(), transcript.error().0.as_str()), ("failed", "statement_refused"));
    let rows = world.ports.store.audit_of(&"biz_demo".into(), &transcript.id().into()).await.unwrap();
    let verdicts: Vec<_> = rows.iter().map(|row| row.verdict.as_str()).collect();
    assert_eq!(verdicts, ["refuse"; 3], "one try and two corrections, each on record");
    world.stop().await;
}

in_both_modes!(
    an_expensive_statement_is_corrected_before_it_runs,
    the_bound_of_a_connection_wins_over_the_settings,
    an_endless_statement_is_stopped_and_the_next_question_answered,
    a_statement_on_somebody_elses_tables_is_refused_on_record,
);
