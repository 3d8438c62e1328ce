//! `askline eval replay` on our own questions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

fn questions() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/shop")
}

fn replay(suite: &str, model: &str) -> Output {
    let folder = questions();
    let mut command = Command::new(env!("CARGO_BIN_EXE_askline"));
    command.args(["eval", "replay", "--json", "--suite", suite, "--model", model]);
    command.arg("--data").arg(&folder).arg("--replay").arg(folder.join("questions.jsonl"));
    command.args(["--postgres", &server("ASKLINE_TEST_POSTGRES_URL", "postgres://root@127.0.0.1:5432/test")]);
    command.args(["--mysql", &server("ASKLINE_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/test")]);
    command.output().unwrap()
}

fn server(variable: &str, default: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

fn figures(output: &Output) -> (Option<i32>, [u64; 5]) {
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
    let names = ["questions", "direct_correct", "pipeline_correct", "differences", "refused"];
    (output.status.code(), names.map(|name| report[name].as_u64().unwrap()))
}

#[test]
fn recorded_sql_gives_the_same_rows_through_the_pipeline_as_directly() {
    for suite in ["shop_sqlite", "shop_postgres", "shop_mysql"] {
        let output = replay(suite, "");
        assert_eq!(figures(&output), (Some(0), [40, 40, 40, 0, 0]), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn wrong_sql_is_wrong_both_ways() {
    for suite in ["shop_sqlite", "shop_postgres", "shop_mysql"] {
        assert_eq!(figures(&replay(suite, "careless")), (Some(0), [4, 1, 1, 0, 2]), "{suite}");
    }
}

#[test]
fn a_refusal_of_what_runs_directly_is_a_difference() {
    for suite in ["shop_sqlite", "shop_postgres", "shop_mysql"] {
        assert_eq!(figures(&replay(suite, "nosy")), (Some(1), [1, 0, 0, 1, 1]), "{suite}");
    }
}

#[test]
fn without_anything_to_measure_it_says_so() {
    for (suite, model, said) in [("shop", "", "shop_sqlite"), ("shop_sqlite", "stranger", "careless")] {
        let output = replay(suite, model);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(said), "{message}");
    }
}
