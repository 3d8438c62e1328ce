//! Commands as a person or a script runs them.

use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use testkit::{Embedded, binary, free_port};

/// Runs it, and feeds it.
fn askline(arguments: &[&str], env: &[(&str, &str)], input: &str) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).envs(env.iter().copied());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn policy(dialect: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/guard");
    folder.join(format!("policy.{dialect}.json")).display().to_string()
}

#[test]
fn the_guard_says_of_each_statement_whether_it_may_run_and_why_not() {
    for dialect in ["postgres", "mysql", "sqlite"] {
        let input = "id\tsql\nA1\tSELECT COUNT(*) FROM customers\nA2\tDELETE FROM customers\n\
                     A3\tSELECT 1\\nFROM orders\nA4\tSELECT * FROM secrets\n";
        let policy = policy(dialect);
        let said = askline(&["guard", "check", "--dialect", dialect, "--policy", &policy], &[], input);
        assert!(said.status.success(), "{dialect}: {}", err(&said));
        let lines: Vec<Value> = out(&said).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let verdicts: Vec<_> = lines.iter().map(|line| (line["id"].clone(), line["verdict"].clone())).collect();
        let expected = [("A1", "allow"), ("A2", "refuse"), ("A3", "allow"), ("A4", "refuse")];
        assert_eq!(verdicts, expected.map(|(id, verdict)| (json!(id), json!(verdict))), "{dialect}: {lines:#?}");
        for line in &lines {
            let is_allowed = line["verdict"] == "allow";
            assert_eq!((line["sql"].is_string(), line["rule"].is_string()), (is_allowed, !is_allowed), "{line}");
            assert_eq!(line["message"].is_string(), !is_allowed, "{line}");
        }
    }
}

#[test]
fn what_the_guard_cannot_read_is_explained() {
    let policy = policy("postgres");
    let check = |dialect: &str, policy: &str, input: &str| {
        let said = askline(&["guard", "check", "--dialect", dialect, "--policy", policy], &[], input);
        assert!(!said.status.success() && out(&said).is_empty(), "{input:?}: {}", out(&said));
        err(&said)
    };
    assert!(check("postgres", &policy, "").contains("standard input is empty"));
    assert!(check("postgres", &policy, "number\ttext\n").contains("id and sql"));
    assert!(check("oracle", &policy, "id\tsql\n").contains("use postgres, mysql or sqlite"));
    assert!(check("mysql", &policy, "id\tsql\n").contains("is for postgres"));
    assert!(check("postgres", "/nowhere.json", "id\tsql\n").contains("/nowhere.json"));
}

/// A demo, and the variables by which commands find it.
struct Demo {
    running: Embedded,
    folder: tempfile::TempDir,
}

impl Demo {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let running = Embedded::start(&binary(), &folder, free_port(), &[]).await;
        Self { running, folder }
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let demo = &self.running.demo;
        let env = [("ASKLINE_URL", demo.url.as_str()), ("ASKLINE_TOKEN", &demo.token)];
        askline(arguments, &env, input)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_is_added_listed_tested_and_asked() {
    let demo = Demo::start().await;
    let file = demo.file("visits.csv", "page,seconds\nhome,12\nprices,40\nhelp,7\n");
    let file = file.display().to_string();
    let added = demo.run(&["connection", "add", "Visits", "--file", &file], "");
    assert!(added.status.success(), "{}{}", out(&added), err(&added));
    let listed = demo.run(&["connection", "list", "--json"], "");
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let is_ready = |one: &Value| one["name"] == "Visits" && one["status"] == "ready";
    assert!(listed.as_array().unwrap().iter().any(is_ready), "{listed}");
    let tested = demo.run(&["connection", "test", "Visits"], "");
    assert!(tested.status.success(), "{}{}", out(&tested), err(&tested));
    let asked = demo.run(&["ask", "--connection", "Visits", "How many visits are there?"], "");
    assert!(asked.status.success() && out(&asked).contains('3'), "{}{}", out(&asked), err(&asked));
    let broken = demo.file("broken.xlsx", "PK\u{3}\u{4} this is no workbook").display().to_string();
    let refused = demo.run(&["connection", "add", "Broken", "--file", &broken], "");
    assert!(!refused.status.success() && !err(&refused).is_empty(), "{}", out(&refused));
    let absent = demo.run(&["connection", "add", "Absent", "--file", "/nowhere.csv"], "");
    assert!(err(&absent).contains("/nowhere.csv cannot be read"), "{}", err(&absent));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_which_database_is_ill_and_which_login_may_do_too_much() {
    let demo = Demo::start().await;
    let database = testkit::FreshDatabase::postgres().await;
    let access = ports::source::Access { dialect: contracts::Dialect::Postgres, url: database.url.clone() };
    app::sample::load(&access).await.unwrap();
    let added = demo.run(&["connection", "add", "Mighty", "-"], &format!("{}\n", database.url));
    assert!(added.status.success(), "{}{}", out(&added), err(&added));
    let failed = demo.run(&["connection", "add", "Absent", "-"], "postgres://nobody:hush@127.0.0.1:1/db\n");
    assert!(!failed.status.success(), "{}", out(&failed));
    let data = demo.folder.path().display().to_string();
    let doctor = askline(&["doctor", "--json"], &[("ASKLINE_EMBEDDED__DATA_DIR", &data)], "");
    let findings: Value = serde_json::from_slice(&doctor.stdout).unwrap_or_else(|_| panic!("{}", err(&doctor)));
    let about = |name: &str| {
        let named = |finding: &&Value| finding["name"].as_str().unwrap().starts_with(&format!("database {name}"));
        let finding = findings.as_array().unwrap().iter().find(named);
        finding.unwrap_or_else(|| panic!("nothing on {name}: {findings:#}")).clone()
    };
    assert_eq!(about("Mighty")["ok"], true);
    assert!(about("Mighty")["message"].as_str().unwrap().contains("Warning"), "{}", about("Mighty"));
    assert_eq!(about("Absent")["ok"], false);
    assert!(!findings.to_string().contains("hush"), "{findings:#}");
    assert!(!doctor.status.success(), "something is to be mended");
}
