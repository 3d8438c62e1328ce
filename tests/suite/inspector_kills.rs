//! `kill -9` of who tests, reads and imports databases, at each point: one end, and the connection is ready.

use crate::files::upload;
use crate::kills::{POINTS, pause, short_lease, until_exists};
use app::Demo;
use serde_json::{Value, json};
use testkit::{Client, Embedded, Processes, faults_binary, free_port};

const KINDS: &[&str] = &["test_connection", "introspect", "import_file"];

fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
    KINDS.iter().flat_map(|kind| POINTS.iter().map(move |point| (*kind, *point)))
}

/// Starts what the kind does: the response to follow, and its connection.
async fn begin(demo: &Demo, kind: &str, point: &str) -> (String, String) {
    if kind == "import_file" {
        let (status, made) = upload(demo, &format!("Sales {point}"), "sales.csv", b"day,sold\n1,10\n2,20\n").await;
        assert_eq!(status, 201, "{made}");
        return (text(&made["response_id"]), text(&made["connection"]["id"]));
    }
    let connection = text(&connections(demo).await[0]["id"]);
    let path = format!("{}/v1/connections/{connection}/test", demo.url);
    let begun = reqwest::Client::new().post(path).bearer_auth(&demo.token).json(&json!({})).send().await.unwrap();
    (text(&begun.json::<Value>().await.unwrap()["response_id"]), connection)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn connections(demo: &Demo) -> Vec<Value> {
    let listed = reqwest::Client::new().get(format!("{}/v1/connections", demo.url)).bearer_auth(&demo.token);
    let listed: Value = listed.send().await.unwrap().json().await.unwrap();
    listed["data"].as_array().unwrap().clone()
}

async fn ends_well(demo: &Demo, response: &str, connection: &str, case: &str) {
    let transcript = Client::new(&demo.url, &demo.token).follow(response).await;
    assert_eq!(transcript.check().status(), "completed", "{case}: {:#?}", transcript.terminal());
    let connections = connections(demo).await;
    let stored = connections.iter().find(|one| one["id"] == connection).unwrap();
    assert_eq!(stored["status"], "ready", "{case}: {stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspector_killed_at_any_point_leaves_a_connection_that_is_ready() {
    let mut processes = Processes::start(&faults_binary(), &short_lease()).await;
    let folder = tempfile::tempdir().unwrap();
    for (kind, point) in cases() {
        let case = format!("{kind} {point}");
        let reached = folder.path().join(format!("{kind}-{point}"));
        processes.running.remove("inspect").unwrap().terminate();
        processes.start_role("inspect", &pause(kind, point, &reached));
        processes.until_ready().await;
        let (response, connection) = begin(&processes.demo, kind, point).await;
        until_exists(&reached).await;
        processes.running.get_mut("inspect").unwrap().kill();
        processes.start_role("inspect", &[]);
        ends_well(&processes.demo, &response, &connection, &case).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_process_killed_while_it_inspects_leaves_a_connection_that_is_ready() {
    let binary = faults_binary();
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    drop(Embedded::start(&binary, &folder, port, &[]).await);
    for (kind, point) in cases() {
        let case = format!("{kind} {point}");
        let reached = folder.path().join(format!("{kind}-{point}"));
        let mut first = Embedded::start(&binary, &folder, port, &pause(kind, point, &reached)).await;
        let (response, connection) = begin(&first.demo, kind, point).await;
        until_exists(&reached).await;
        first.process.kill();
        let second = Embedded::start(&binary, &folder, port, &[]).await;
        ends_well(&second.demo, &response, &connection, &case).await;
    }
}
