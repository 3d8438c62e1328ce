use crate::support::{Answer, Call, Mode, World};
use contracts::job::{Direct, ExecuteSql};
use contracts::{Dialect, Lane, Role};
use ports::broker::{Destination, Queue};
use ports::store::TurnState;
use serde_json::{Value, json};
use std::time::Duration;

const SELECT: &str = "SELECT 42";

fn post(world: &World, token: &str, message: Value) -> Call {
    let call = world.post("/mcp").token(token).header("host", "localhost").json(message);
    call.header("accept", "application/json, text/event-stream").header("content-type", "application/json")
}

fn execute(arguments: Value) -> Value {
    let params = json!({"name": "execute_sql", "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})
}

fn said(answer: &Answer) -> String {
    let result = answer.json()["result"].clone();
    assert_eq!(result["isError"], true, "{result}");
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_statement_is_a_turn_of_one_job_without_a_conversation() {
    let world = World::new().await;
    let arguments = json!({"sql": SELECT, "max_rows": 5, "dry_run": true});
    let token = world.token(Role::Member);
    let calling = tokio::spawn(post(&world, &token, execute(arguments)).header("mcp-session-id", "s").send());
    let envelope = loop {
        match world.broker.envelopes().pop() {
            Some(envelope) => break envelope,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!(world.broker.published()[0].0, Destination::Work(Queue::of("execute_sql", Lane::Interactive)));
    assert_eq!((envelope.meta.conversation.as_ref(), envelope.meta.business.as_str()), (None, "biz_a"));
    let job: ExecuteSql = serde_json::from_value(envelope.job).unwrap();
    let direct = Some(Direct { max_rows: Some(5), timeout_ms: None, dry_run: true });
    let expected = ExecuteSql {
        question: format!("SQL: {SELECT}"),
        sql: SELECT.into(),
        dialect: Dialect::Sqlite,
        round: 0,
        direct,
    };
    assert_eq!(job, expected);
    let id = envelope.meta.turn.0;
    // A cancel of another session means another call.
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
    for (session, wanted) in [("other", false), ("s", true)] {
        let answer = post(&world, &token, cancel.clone()).header("mcp-session-id", session).send().await;
        assert_eq!(answer.status, 202);
        assert_eq!(world.effects.all().contains(&format!("signal {id}")), wanted, "{session}");
    }
    world.end(&id);
    let result = calling.await.unwrap().json()["result"]["structuredContent"].clone();
    assert_eq!((&result["response_id"], &result["connection"]), (&json!(id), &json!("con_shop")));
    assert_eq!(world.store.state_of(&id), TurnState::Completed);
}

#[tokio::test]
async fn a_queue_that_is_away_is_told_in_words() {
    let world = World::new().await;
    world.broker.behave(Mode::Down);
    let answer = post(&world, &world.token(Role::Member), execute(json!({"sql": SELECT}))).send().await;
    let said = said(&answer);
    assert!(said.contains("was not taken") && !said.contains("secret-host"), "{said}");
    assert_eq!(world.effects.all(), ["offer", "log", "refuse"]);
}

#[tokio::test]
async fn a_token_that_has_expired_opens_nothing() {
    let world = World::new().await;
    let token = world.token(Role::Member);
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(post(&world, &token, list.clone()).send().await.status, 200);
    world.clock.advance(Duration::from_secs(7_260));
    let answer = post(&world, &token, list).send().await;
    assert_eq!((answer.error(), answer.header("www-authenticate")), ((401, "token_expired".into()), Some("Bearer")));
}

#[tokio::test]
async fn a_host_list_that_lets_nobody_in_is_told_at_the_start() {
    let mut settings = settings::load(&settings::Source::default()).unwrap();
    settings.mcp.allowed_hosts.clear();
    let secret = "a secret of at least thirty-two bytes";
    let error = World::try_bare(&settings, secret).err().unwrap().to_string();
    assert!(error.contains("mcp.allowed_hosts") && error.contains("switch"), "{error}");
    settings.mcp.enabled = false;
    assert!(World::try_bare(&settings, secret).is_ok());
}
