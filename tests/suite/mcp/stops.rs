//! A call that is cancelled, sent again, or abandoned.

use super::{COUNT, agent};
use crate::mcp::client::Agent;
use crate::mode::Mode;
use contracts::TurnId;
use ports::store::{Turn, TurnState};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::llm_server::Script;
use testkit::{ScriptedLlm, World};

in_both_modes!(
    a_cancelled_call_ends_its_turn_and_stops_the_language_model,
    a_client_of_the_version_without_sessions_cancels_by_going_away,
    a_call_that_is_sent_again_runs_once,
);

const PATIENCE: Duration = Duration::from_secs(30);
const STATELESS: &str = "2026-07-28";

/// Answers as small talk, and never to the end.
async fn talker() -> ScriptedLlm {
    ScriptedLlm::with(|purpose, _| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"chat"}"#]),
        _ => Script::answer_then_hang(&["Well, "]),
    })
    .await
}

async fn talking(mode: Mode, llm: &ScriptedLlm) -> World {
    mode.world(&[("ASKLINE_LLM__PROVIDERS", format!("[{}]", llm.provider("scripted")))]).await
}

/// The one turn that was asked, when it has ended.
async fn ended(world: &World) -> Turn {
    let started = Instant::now();
    loop {
        let conversations = world.ports.store.conversations(&"biz_demo".into(), &"usr_demo".into(), 5).await.unwrap();
        if let Some(conversation) = conversations.first() {
            let turns = world.ports.store.turns(&"biz_demo".into(), &conversation.id, 5).await.unwrap();
            if let Some(turn) = turns.into_iter().find(|turn| turn.end.is_some()) {
                return turn;
            }
        }
        assert!(started.elapsed() < PATIENCE, "the turn has not ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn question(id: u64) -> Value {
    let params = json!({"name": "ask", "arguments": {"question": "Talk to me"}});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
}

fn assert_cancelled(turn: &Turn) {
    assert_eq!(turn.state, TurnState::Incomplete);
    assert_eq!(turn.end.as_ref().unwrap().reason.as_deref(), Some("cancelled"));
}

async fn a_cancelled_call_ends_its_turn_and_stops_the_language_model(mode: Mode) {
    let llm = talker().await;
    let world = talking(mode, &llm).await;
    let agent = Arc::new(agent(&world).await);
    let asking = tokio::spawn({
        let agent = agent.clone();
        async move { agent.post(&question(77)).await.status() }
    });
    assert!(llm.server.was_asked(2).await, "the answer is being written");
    let cancel = |id: u64| json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id, "reason": "enough"}});
    // Of another call, and of another client: neither stops this one.
    assert_eq!(agent.post(&cancel(78)).await.status().as_u16(), 202);
    let other = Agent::open(&world.demo.url, &world.demo.token).await;
    assert_eq!(other.post(&cancel(77)).await.status().as_u16(), 202);
    assert_eq!(llm.server.broken_off(), 0);
    assert_eq!(agent.post(&cancel(77)).await.status().as_u16(), 202);
    assert_cancelled(&ended(&world).await);
    assert!(llm.server.was_broken_off(1).await, "the call to the language model is broken off");
    assert_eq!(asking.await.unwrap().as_u16(), 200, "the call is answered all the same");
    world.stop().await;
}

async fn a_client_of_the_version_without_sessions_cancels_by_going_away(mode: Mode) {
    let llm = talker().await;
    let world = talking(mode, &llm).await;
    let agent = Agent::closed(&world.demo.url, &world.demo.token);
    let mut message = question(1);
    message["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let request = agent.request().header("mcp-protocol-version", STATELESS);
    let request = request.header("mcp-method", "tools/call").header("mcp-name", "ask").json(&message);
    let asking = tokio::spawn(async move { request.send().await.map(|answer| answer.status()) });
    assert!(llm.server.was_asked(2).await, "the answer is being written");
    asking.abort();
    assert_cancelled(&ended(&world).await);
    assert!(llm.server.was_broken_off(1).await, "the call to the language model is broken off");
    world.stop().await;
}

async fn a_call_that_is_sent_again_runs_once(mode: Mode) {
    let world = mode.world(&[]).await;
    let agent = agent(&world).await;
    let call = |sql: &str| {
        json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call",
            "params": {"name": "execute_sql", "arguments": {"sql": sql}}})
    };
    let result = async |message: Value| {
        super::client::messages(agent.post(&message).await).await.pop().unwrap()["result"].clone()
    };
    let (first, again) = (result(call(COUNT)).await, result(call(COUNT)).await);
    assert_eq!(first, again);
    let turn = TurnId::new(first["structuredContent"]["response_id"].as_str().unwrap());
    assert_eq!(
        world.ports.store.audit_of(&"biz_demo".into(), &turn).await.unwrap().len(),
        2,
        "one intent, one outcome"
    );
    let other = result(call("SELECT 1")).await;
    assert!(other["isError"] == true && other.to_string().contains("used for another"), "{other}");
    world.stop().await;
}
