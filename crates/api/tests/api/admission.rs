use crate::support::World;
use contracts::Role;
use ports::store::TurnState;
use serde_json::{Value, json};

async fn crowded() -> World {
    let world = World::with(|settings| settings.admission.interactive.max_waiting = 1).await;
    world.store.use_up_shares();
    world
}

fn question(key: &str) -> Value {
    json!({"input": "How many?", "idempotency_key": key, "stream": true})
}

#[tokio::test]
async fn a_question_beyond_the_share_waits_and_its_client_hears_so_at_once() {
    let world = crowded().await;
    let (_sse, id) = world.ask_streaming().await;
    assert_eq!(world.effects.all(), ["offer", "wait", "log"]);
    assert_eq!(world.store.state_of(&id), TurnState::Waiting);
    let stored = world.get(&format!("/v1/responses/{id}")).token(&world.token(Role::Member)).send().await.json();
    assert_eq!(stored["status"], "queued");
}

#[tokio::test]
async fn who_waits_hears_its_position_without_a_number() {
    let world = crowded().await;
    let (mut sse, id) = world.ask_streaming().await;
    let position = sse.next().await.unwrap();
    assert_eq!(position["type"], "response.askline.queue.position");
    assert_eq!((&position["position"], &position["response_id"]), (&json!(1), &json!(id)));
    assert!(position["estimated_wait_ms"].is_u64() && position["sequence_number"].is_null(), "{position}");
    world.work(&id);
    assert_eq!(sse.next().await.unwrap()["sequence_number"], 2);
}

#[tokio::test]
async fn the_same_key_follows_the_turn_that_waits() {
    let world = crowded().await;
    let mut first = world.ask(question("k1")).stream().await;
    let mut second = world.ask(question("k1")).stream().await;
    assert_eq!(first.next().await.unwrap()["response_id"], second.next().await.unwrap()["response_id"]);
    assert_eq!(world.store.count(), 1);
}

#[tokio::test]
async fn a_full_line_is_a_429_and_leaves_nothing() {
    let world = crowded().await;
    let (_sse, _) = world.ask_streaming().await;
    for body in [json!({"input": "Next?"}), json!({"input": "Next?", "stream": true})] {
        let answer = world.ask(body).send().await;
        assert_eq!(answer.error(), (429, "too_many_waiting".into()));
        assert_eq!(answer.header("retry-after"), Some("5"));
        assert_eq!(answer.json()["error"]["type"], "rate_limit_error");
    }
    let mut ws = world.socket().await;
    ws.send(json!({"type": "response.create", "input": "Next?", "idempotency_key": "k9"})).await;
    let error = ws.next().await;
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("too_many_waiting")));
    assert_eq!((&error["retryable"], &error["idempotency_key"]), (&json!(true), &json!("k9")));
    assert_eq!(world.store.count(), 1);
    assert_eq!(world.broker.published().len(), 0);
}

#[tokio::test]
async fn a_question_whose_wait_cannot_be_told_is_refused() {
    let world = crowded().await;
    world.log.set_down(true);
    assert_eq!(world.ask(json!({"input": "How many?"})).send().await.error(), (503, "queue_unavailable".into()));
    assert_eq!(world.effects.all(), ["offer", "wait", "refuse"]);
}

#[tokio::test]
async fn a_lane_travels_and_an_unknown_one_is_refused() {
    let world = World::new().await;
    let asked = json!({"input": "How many?", "stream": true, "metadata": {"lane": "backfill"}});
    let mut sse = world.ask(asked).stream().await;
    sse.next().await.unwrap();
    assert_eq!(world.broker.envelopes()[0].meta.lane, contracts::Lane::Backfill);
    assert_eq!(world.broker.published()[0].0, backfill_queue());
    let unknown = world.ask(json!({"input": "How many?", "metadata": {"lane": "express"}})).send().await;
    assert_eq!(unknown.error(), (400, "unknown_lane".into()));
    assert_eq!(unknown.json()["error"]["param"], "metadata.lane");
}

fn backfill_queue() -> ports::broker::Destination {
    ports::broker::Destination::Work(ports::broker::Queue::of("classify", contracts::Lane::Backfill))
}
