//! Recorded SQL, from records of our own and from the public file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

use adapter_llm::replay::LoadError;
use adapter_llm::{Provider, Replay, ReplayConfig};
use contracts::{Column, ResultSet};
use ports::llm::{Error, Purpose, Request};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use support::{Calls, Outcome, call, chain, full_window, request, run};

const RECORDS: &str = r#"
{"suite":"own","db":"shop","question":"How many?","predicted_sql":"   SELECT 1","gold_sql":"SELECT 2","candidates":{"m":{"sql":"SELECT 3"}}}
{"suite":"own","db":"shop","question":"How many?","predicted_sql":"SELECT 9","gold_sql":"SELECT 2"}
{"suite":"own","db":"other","question":"How many?","predicted_sql":"SELECT 4","gold_sql":null}
{"suite":"second","db":"shop","question":"Who?","gold_sql":"SELECT 5"}
"#;

fn replay(suite: &str, model: &str) -> Result<Replay, LoadError> {
    let config = ReplayConfig { name: "replay".into(), suite: suite.into(), model: model.into(), ..Default::default() };
    Replay::read(config, RECORDS.as_bytes())
}

fn on(database: &str, question: &str) -> Request {
    let mut request = request(Purpose::GenerateSql);
    request.connection_name = Some(database.into());
    request.question = question.into();
    request
}

async fn answer(replay: Replay, request: Request) -> Outcome {
    let chain = chain(vec![Arc::new(replay)], full_window());
    run(&chain, call(request, Calls::of(1), Duration::from_secs(5))).await
}

#[tokio::test]
async fn the_recorded_text_is_played_as_it_is() {
    for (suite, model, database, question, sql) in [
        ("", "", "shop", "How many?", "   SELECT 1"),
        ("own", "gold", "shop", "How many?", "SELECT 2"),
        ("own", "m", "shop", "How many?", "SELECT 3"),
        ("", "", "other", "How many?", "SELECT 4"),
        ("", "gold", "shop", "Who?", "SELECT 5"),
    ] {
        let outcome = answer(replay(suite, model).unwrap(), on(database, question)).await;
        assert_eq!(outcome.completion().text, sql);
        assert_eq!(outcome.completion().provider, "replay");
    }
}

#[tokio::test]
async fn what_is_not_recorded_is_an_abstention() {
    let without_database = request(Purpose::GenerateSql);
    for unknown in [on("shop", "how many?"), on("Shop", "How many?"), on("", ""), without_database] {
        let outcome = answer(replay("own", "").unwrap(), unknown).await;
        assert!(matches!(outcome.error(), Error::Abstained(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn it_classifies_as_sql_and_tells_rows_plainly() {
    let outcome = answer(replay("", "").unwrap(), request(Purpose::Classify)).await;
    let classified: serde_json::Value = serde_json::from_str(&outcome.completion().text).unwrap();
    assert_eq!(classified, json!({"intent": "sql", "tables": [], "filters": []}));

    let columns = vec![Column::new("count(*)", "")];
    let mut tell = request(Purpose::Reply);
    tell.result = Some(Arc::new(ResultSet { columns, rows: vec![vec![json!(20)]], truncated: false }));
    assert_eq!(answer(replay("", "").unwrap(), tell).await.completion().text, "The answer is 20.");
}

#[test]
fn records_that_contradict_are_counted() {
    assert_eq!(replay("own", "").unwrap().duplicates(), 1);
    assert_eq!(replay("own", "gold").unwrap().duplicates(), 0);
}

#[test]
fn a_file_that_cannot_be_played_says_why() {
    let said = |result: Result<Replay, LoadError>| result.err().unwrap().to_string();
    assert_eq!(said(replay("third", "")), "no SQL is recorded for the suite \"third\"; there is: own, second");
    assert_eq!(said(replay("own", "n")), "no SQL is recorded by the model \"n\"; there is: gold, m");
    let broken = Replay::read(ReplayConfig::default(), "\n{\"db\":1}".as_bytes());
    assert!(said(broken).starts_with("line 2 of "));
    let missing = ReplayConfig { path: "no/such/file.jsonl".into(), ..Default::default() };
    assert!(said(Replay::load(missing)).contains("no/such/file.jsonl"));
}

fn shared_data() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    std::env::var_os("ASKLINE_SHARED_DATA").map_or_else(|| default.into(), PathBuf::from)
}

#[tokio::test]
async fn the_public_records_are_played() {
    let path = shared_data().join("text2sql/replay_public.jsonl");
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return;
    }
    for (suite, records, duplicates) in [("spider", 622, 0), ("bird", 893, 0), ("birdmini_sqlite", 299, 1)] {
        let config =
            ReplayConfig { name: "replay".into(), suite: suite.into(), path: path.clone(), ..Default::default() };
        let replay = Replay::load(config).unwrap();
        assert_eq!(replay.duplicates(), duplicates, "{suite}");
        assert_eq!(replay.check().await.unwrap(), format!("has {records} recorded statements"));
        if suite == "spider" {
            let outcome = answer(replay, on("spider/concert_singer", "How many singers do we have?")).await;
            assert_eq!(outcome.completion().text, "SELECT count(*) FROM singer");
        }
    }
}

#[test]
fn gold_statements_are_played_where_none_is_recorded() {
    let path = shared_data().join("text2sql/public/questions.jsonl");
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return;
    }
    let config = ReplayConfig { path, suite: "defog_postgres".into(), model: "gold".into(), ..Default::default() };
    let replay = Replay::load(config).unwrap();
    assert_eq!((replay.statements(), replay.duplicates()), (177, 0));
}
