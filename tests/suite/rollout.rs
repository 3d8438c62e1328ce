//! Processes of this release beside processes of an earlier one, as while a new release rolls out. `make test-skew`
//! builds the earlier executable and runs this.

use serde_json::{Value, json};
use std::path::PathBuf;
use testkit::{Client, Processes, binary};

const COUNT: &str = "How many customers do we have?";
/// In the order in which docs/adding-a-worker.md rolls them out: who reads new messages before who writes them.
const ROLES: [&str; 7] = ["reply", "execute_sql", "generate_sql", "classify", "inspect", "sweep", "api"];

fn earlier() -> PathBuf {
    let named = std::env::var_os("ASKLINE_TEST_OLD_BIN");
    PathBuf::from(named.expect("ASKLINE_TEST_OLD_BIN names the executable of an earlier release: run make test-skew"))
}

/// Every role of this release, but those named of the earlier one.
async fn with_earlier(roles: &[&str]) -> Processes {
    let mut processes = Processes::start(&binary(), &each_is_run()).await;
    for role in roles {
        replace(&mut processes, role, earlier());
    }
    processes.until_ready().await;
    processes
}

/// The same question again is no shared answer here.
fn each_is_run() -> [(&'static str, String); 2] {
    [("ASKLINE_TURN__SINGLE_FLIGHT", "false".to_owned()), ("ASKLINE_WORKERS__SWEEP_MS", "100".to_owned())]
}

fn replace(processes: &mut Processes, role: &str, by: PathBuf) {
    let mut process = processes.running.remove(role).unwrap_or_else(|| panic!("{role} runs"));
    let status = process.terminate();
    assert!(status.success(), "{role} stopped with {status}");
    processes.start_role_of(&by, role, &[]);
}

async fn is_answered(client: &mut Client, question: &str, part: &str) {
    let transcript = client.ask(question).await;
    assert_eq!(transcript.check().status(), "completed", "{:?}", transcript.terminal());
    assert!(transcript.text().contains(part), "{question}: {}", transcript.text());
}

async fn answers(processes: &Processes) {
    let mut client = processes.client();
    is_answered(&mut client, COUNT, "28").await;
    is_answered(&mut client, "Hello!", "").await;
    is_answered(&mut client, "How many products do we have?", "2").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the executable of an earlier release: make test-skew"]
async fn an_earlier_api_is_served_by_the_workers_of_this_release() {
    answers(&with_earlier(&["api"]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the executable of an earlier release: make test-skew"]
async fn earlier_workers_serve_the_api_of_this_release() {
    answers(&with_earlier(&ROLES[..6]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the executable of an earlier release: make test-skew"]
async fn every_second_step_is_of_the_earlier_release() {
    answers(&with_earlier(&["classify", "execute_sql"]).await).await;
    answers(&with_earlier(&["generate_sql", "reply", "sweep"]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the executable of an earlier release: make test-skew"]
async fn a_rollout_under_load_loses_nothing_and_so_does_the_way_back() {
    let mut processes = with_earlier(&ROLES).await;
    for (by, roles) in [(binary(), ROLES.to_vec()), (earlier(), ROLES.iter().rev().copied().collect())] {
        for role in roles {
            let running: Vec<String> = asked(&processes, 8).await;
            replace(&mut processes, role, by.clone());
            processes.until_ready().await;
            let mut client = processes.client();
            for response in running {
                let transcript = client.follow(&response).await;
                assert_eq!(transcript.check().status(), "completed", "{role}: {:?}", transcript.terminal());
                assert!(transcript.text().contains("28"), "{role}: {}", transcript.text());
            }
        }
    }
}

/// Accepted questions, not yet answered when this returns, or just so.
async fn asked(processes: &Processes, count: usize) -> Vec<String> {
    let mut client = processes.client();
    for _ in 0..count {
        client.create(json!({"input": COUNT})).await;
    }
    let mut ids: Vec<String> = Vec::new();
    while ids.len() < count {
        let event: Value = client.next().await.expect("the connection holds");
        assert_ne!(event["type"], "error", "{event}");
        if event["type"] == "response.created" {
            ids.push(event["response"]["id"].as_str().expect("an id").to_owned());
        }
    }
    ids
}
