use crate::support::{OTHER, World, Ws, delta};
use contracts::Role;
use ports::store::TurnState;
use serde_json::{Value, json};

const CREATED: &str = "response.created";
const QUEUED: &str = "response.queued";
const STEP: &str = "response.askline.step.started";
const DELTA: &str = "response.output_text.delta";
const COMPLETED: &str = "response.completed";

fn numbered(events: &[(u64, &str)]) -> Vec<(u64, String)> {
    events.iter().map(|(seq, kind)| (*seq, (*kind).to_owned())).collect()
}

fn question(text: &str, key: &str) -> Value {
    json!({"type": "response.create", "input": text, "idempotency_key": key})
}

/// Asks, and gives the response's id after its first two events.
async fn ask(ws: &mut Ws, key: &str) -> String {
    ws.send(question("How many?", key)).await;
    let created = ws.next().await;
    assert_eq!((created["type"].as_str(), ws.next().await["type"].as_str()), (Some(CREATED), Some(QUEUED)));
    created["response_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_says_its_limits() {
    let world = World::new().await;
    let token = world.token(Role::Member);
    let mut ws = Ws::open(world.serve().await, &[("authorization", &format!("Bearer {token}"))]).await;
    let created = ws.next().await;
    assert_eq!((&created["ttl"], &created["ping_interval_ms"]), (&json!(7200), &json!(25_000)));
    let limits = json!({"max_frame_bytes": 65536, "max_question_bytes": 16384, "max_responses": 32});
    assert_eq!((&created["limits"], created["session_id"].is_string()), (&limits, true));
}

#[tokio::test]
async fn a_question_streams_from_its_start_to_its_end() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    let id = ask(&mut ws, "k1").await;
    assert_eq!(world.effects.all(), ["offer", "log", "publish", "accept"]);
    world.work(&id);
    world.end(&id);
    assert_eq!(ws.take(4).await, numbered(&[(2, STEP), (3, DELTA), (4, DELTA), (5, COMPLETED)]));
}

#[tokio::test]
async fn several_responses_share_a_socket() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    let (first, second) = (ask(&mut ws, "k1").await, ask(&mut ws, "k2").await);
    world.log.emit(&second, 0, &[delta("b")]);
    assert_eq!(ws.next().await["response_id"], second.as_str());
    world.log.emit(&first, 0, &[delta("a")]);
    assert_eq!(ws.next().await["response_id"], first.as_str());
}

#[tokio::test]
async fn the_token_may_come_as_a_protocol_which_is_not_echoed() {
    let world = World::new().await;
    let protocols = format!("askline, bearer.{}", world.token(Role::Member));
    let mut ws = Ws::open(world.serve().await, &[("sec-websocket-protocol", &protocols)]).await;
    assert_eq!(ws.next().await["type"], "session.created");
    assert_eq!(ws.protocol.as_deref(), Some("askline"));
}

#[tokio::test]
async fn the_token_may_come_in_the_first_frame() {
    let world = World::new().await;
    let mut ws = Ws::open(world.serve().await, &[]).await;
    ws.send(question("How many?", "k1")).await;
    assert_eq!(ws.error().await, "no_token");
    ws.send(json!({"type": "session.update", "token": world.token(Role::Member)})).await;
    assert_eq!(ws.next().await["type"], "session.created");
    ask(&mut ws, "k1").await;
}

#[tokio::test]
async fn another_device_follows_from_where_it_wants() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    let id = ask(&mut ws, "k1").await;
    drop(ws);
    world.work(&id);
    let mut other = world.socket().await;
    other.send(json!({"type": "response.subscribe", "response_id": id, "starting_after": 2})).await;
    assert_eq!(other.take(2).await, numbered(&[(3, DELTA), (4, DELTA)]));
    world.end(&id);
    assert_eq!(other.take(1).await, numbered(&[(5, COMPLETED)]));
}

#[tokio::test]
async fn following_twice_gives_each_event_once() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    let id = ask(&mut ws, "k1").await;
    ws.send(json!({"type": "response.subscribe", "response_id": id, "starting_after": 0})).await;
    assert_eq!(ws.take(1).await, numbered(&[(1, QUEUED)]));
    world.work(&id);
    world.end(&id);
    assert_eq!(ws.take(4).await, numbered(&[(2, STEP), (3, DELTA), (4, DELTA), (5, COMPLETED)]));
    ws.send(json!({"type": "ping", "t": 1})).await;
    assert_eq!(ws.next().await, json!({"type": "pong", "t": 1}));
}

#[tokio::test]
async fn the_same_key_is_asked_once() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    let first = ask(&mut ws, "k1").await;
    assert_eq!(ask(&mut ws, "k1").await, first);
    ws.send(question("How much?", "k1")).await;
    let error = ws.next().await;
    assert_eq!((&error["code"], &error["idempotency_key"]), (&json!("idempotency_key_reused"), &json!("k1")));
    assert_eq!(world.broker.published().len(), 1);
}

#[tokio::test]
async fn a_disconnect_stops_nothing() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    let id = ask(&mut ws, "k1").await;
    ws.socket.close(None).await.unwrap();
    drop(ws);
    assert_eq!(world.store.state_of(&id), TurnState::Accepted);
    assert!(!world.effects.all().contains(&"request_cancel".to_owned()));
}

#[tokio::test]
async fn a_stop_reaches_the_store_and_the_workers() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    let id = ask(&mut ws, "k1").await;
    ws.send(json!({"type": "response.cancel", "response_id": id})).await;
    ws.send(json!({"type": "response.cancel", "response_id": "resp_none"})).await;
    let error = ws.next().await;
    assert_eq!((&error["code"], &error["response_id"]), (&json!("not_found"), &json!("resp_none")));
    let signalled = async {
        while world.effects.all().last() != Some(&format!("signal {id}")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), signalled).await.unwrap();
}

#[tokio::test]
async fn a_response_of_another_business_is_unknown() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    let mut ws = world.socket_with(&world.token_in(&[(OTHER, Role::Admin)])).await;
    ws.send(json!({"type": "response.subscribe", "response_id": id})).await;
    let error = ws.next().await;
    assert_eq!((&error["code"], &error["response_id"]), (&json!("not_found"), &json!(id)));
}

#[tokio::test]
async fn a_refusal_comes_as_an_error_that_may_be_tried_again() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    world.broker.behave(crate::support::Mode::Down);
    ws.send(question("How many?", "k1")).await;
    let error = ws.next().await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("queue_unavailable"), &json!(true)));
    assert_eq!(error["idempotency_key"], "k1");
}

#[tokio::test]
async fn what_is_no_frame_is_an_error_and_the_socket_stays_open() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    for (frame, code) in [
        (json!({"type": "response.delete"}), "unknown_type"),
        (json!({"input": "x"}), "unknown_type"),
        (json!([1]), "unknown_type"),
        (json!({"type": "response.cancel"}), "invalid_request"),
        (json!({"type": "response.create", "input": ""}), "empty_question"),
        (json!({"type": "response.create", "input": "x".repeat(20_000)}), "input_too_long"),
        (json!({"type": "response.create", "input": "x", "connection": "none"}), "unknown_connection"),
        (json!({"type": "response.subscribe", "response_id": "r", "starting_after": 1_u64 << 60}), "invalid_cursor"),
    ] {
        ws.send(frame.clone()).await;
        assert_eq!(ws.error().await, code, "{frame}");
    }
    ws.send_raw(tokio_tungstenite::tungstenite::Message::binary(vec![1])).await;
    assert_eq!(ws.error().await, "not_text");
    ask(&mut ws, "k1").await;
}
