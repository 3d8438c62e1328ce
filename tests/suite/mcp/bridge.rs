//! `askline mcp`: standard input and output, over a real process in either mode.

use super::COUNT;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use testkit::{Embedded, Processes, binary, free_port};

const SECRET: &str = "a-token-that-is-a-secret";

struct Bridge {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Bridge {
    fn start(url: &str, token: &str) -> Self {
        let mut process = command(url, token).spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, input, output }
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no message: {line:?}"))
    }

    fn ask(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let answer = self.next();
        assert_eq!(answer["id"], json!(id), "{answer}");
        answer
    }
}

fn command(url: &str, token: &str) -> Command {
    let mut command = Command::new(binary());
    command.args(["mcp", "--url", url]).env("ASKLINE_TOKEN", token);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A whole session, from the greeting to the end of the input.
fn session(url: &str, token: &str) {
    let mut bridge = Bridge::start(url, token);
    let hello =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let opened = bridge.ask(1, "initialize", hello);
    assert_eq!(opened["result"]["serverInfo"]["name"], "askline", "{opened}");
    bridge.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let tools = bridge.ask(2, "tools/list", json!({}));
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 4);
    let rows = bridge.ask(3, "tools/call", json!({"name": "execute_sql", "arguments": {"sql": COUNT}}));
    assert_eq!(rows["result"]["structuredContent"]["rows"], json!([[28]]), "{rows}");
    writeln!(bridge.input, "this is no message").unwrap();
    let broken = bridge.next();
    assert_eq!((&broken["id"], &broken["error"]["code"]), (&Value::Null, &json!(-32700)));
    let asked = json!({"name": "ask", "arguments": {"question": "How many customers do we have?"},
        "_meta": {"progressToken": 9}});
    bridge.send(&json!({"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": asked}));
    // What is still to come when the input ends is written all the same.
    drop(bridge.input);
    let rest: Vec<Value> = bridge.output.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert!(rest.iter().any(|message| message["method"] == "notifications/progress"), "{rest:?}");
    let last = rest.last().unwrap();
    assert!(last["id"] == json!(4) && last.to_string().contains("28"), "{last}");
    assert!(bridge.process.wait().unwrap().success());
}

/// What it says when it cannot work; nothing on standard output, and the token nowhere.
fn refusal(url: &str, token: &str) -> String {
    let output = command(url, token).stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains(SECRET), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_speaks_to_an_embedded_server_and_hears_why_when_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let running = Embedded::start(&binary(), &folder, free_port(), &[]).await;
    session(&running.demo.url, &running.demo.token);
    let refused = refusal(&running.demo.url, SECRET);
    assert!(refused.contains("token is not valid"), "{refused}");
    let none = refusal(&running.demo.url, "");
    assert!(none.contains("ASKLINE_TOKEN"), "{none}");
    let away = refusal(&format!("http://127.0.0.1:{}", free_port()), SECRET);
    assert!(away.contains("does not answer"), "{away}");
    let argument = Command::new(binary()).args(["mcp", "--token", SECRET]).output().unwrap();
    assert!(!argument.status.success(), "a token is no argument");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_speaks_to_a_process_of_each_role_and_to_a_server_that_comes_back() {
    let mut processes = Processes::start(&binary(), &[]).await;
    let (url, token) = (processes.demo.url.clone(), processes.demo.token.clone());
    session(&url, &token);
    let mut bridge = Bridge::start(&url, &token);
    bridge.ask(1, "ping", json!({}));
    processes.running.remove("api").unwrap().terminate();
    let away = bridge.ask(2, "tools/list", json!({}));
    assert!(away["error"]["message"].as_str().unwrap().contains("does not answer"), "{away}");
    processes.start_role("api", &[]);
    processes.until_ready().await;
    // No session lies in a process: what began before the restart goes on.
    let rows = bridge.ask(3, "tools/call", json!({"name": "execute_sql", "arguments": {"sql": COUNT}}));
    assert_eq!(rows["result"]["structuredContent"]["rows"], json!([[28]]), "{rows}");
    drop(bridge.input);
    assert!(bridge.process.wait().unwrap().success());
}
