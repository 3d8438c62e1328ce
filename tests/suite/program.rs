//! The executable as a person meets it.

use crate::browser::drive;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use testkit::{Embedded, Servers, binary, faults_binary, free_port};

const QUESTION: &str = "How many customers do we have?";
const MARK: &[u8] = b"askline-pause-points-are-compiled-in";

fn contains_mark(file: &Path) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(MARK.len()).any(|window| window == MARK)
}

#[test]
fn only_the_executable_of_the_fault_tests_has_pause_points() {
    assert!(contains_mark(&faults_binary()), "the mark is found where the points are");
    assert!(!contains_mark(&binary()), "nothing else has them; ops/build.sh looks at each release that it builds");
    let release = binary().parent().and_then(Path::parent).map(|target| target.join("release/askline"));
    let release = release.filter(|release| release.is_file());
    assert!(!release.is_some_and(|release| contains_mark(&release)), "the release that lies beside it has them");
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_answers_on_the_command_line_and_in_the_browser() {
    let folder = tempfile::tempdir().unwrap();
    let running = Embedded::start(&binary(), &folder, free_port(), &[]).await;
    let asked = Command::new(binary()).args(["ask", QUESTION, "--data-dir"]).arg(folder.path()).output().unwrap();
    let said = text(&asked);
    assert!(asked.status.success() && said.contains("28") && said.to_lowercase().contains("count("), "{said}");
    assert!(!said.contains('\u{1b}'), "no colours outside a terminal: {said}");
    drive("chat.mjs", &running.demo, &[("QUESTION", QUESTION), ("EXPECT", "28")]).await;
}

#[test]
fn a_question_can_be_asked_without_any_server() {
    let asked = Command::new(binary()).args(["ask", "--demo", "--json", QUESTION]).output().unwrap();
    assert!(asked.status.success(), "{}", text(&asked));
    let last = String::from_utf8_lossy(&asked.stdout).lines().last().map(str::to_owned).unwrap();
    let event: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(event["type"], "response.completed");
}

#[test]
fn every_command_explains_itself() {
    for command in [
        "demo",
        "serve",
        "api",
        "worker",
        "sweep",
        "ask",
        "mcp",
        "connection",
        "user",
        "doctor",
        "migrate",
        "eval",
        "bench",
    ] {
        let output = Command::new(binary()).args([command, "--help"]).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 100, "{command}: {}", text(&output));
    }
}

#[test]
fn our_own_questions_give_the_same_rows_through_the_pipeline_on_every_database() {
    let servers = Servers::default();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop");
    for suite in ["shop_sqlite", "shop_postgres", "shop_mysql"] {
        let output = Command::new(binary())
            .args(["eval", "replay", "--json", "--suite", suite, "--postgres", &servers.postgres, "--mysql"])
            .arg(&servers.mysql)
            .arg("--data")
            .arg(&data)
            .arg("--replay")
            .arg(data.join("questions.jsonl"))
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
        assert!(report["questions"].as_u64() >= Some(30), "{suite}: {report}");
        assert_eq!(report["differences"], 0, "{suite}: {report}");
        assert_eq!(report["pipeline_correct"], report["questions"], "{suite}: {report}");
    }
}

/// A fifth of them is what rules without a model can do; what they cannot, they leave.
#[test]
fn the_rules_answer_a_fifth_of_the_shared_questions_and_write_no_invalid_statement() {
    let Some(data) = std::env::var_os("ASKLINE_SHARED_DATA").map(|data| Path::new(&data).join("text2sql/public"))
    else {
        return eprintln!("skipped: ASKLINE_SHARED_DATA names no test data");
    };
    let output =
        Command::new(binary()).args(["eval", "rules", "--json", "--suite", "spider", "--data"]).arg(data).output();
    let output = output.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    let figure = |name: &str| report[name].as_u64().unwrap();
    assert!(figure("questions") >= 600 && figure("correct") * 5 >= figure("questions"), "{report}");
    assert_eq!(figure("invalid"), 0, "{report}");
    println!("{report}");
}
