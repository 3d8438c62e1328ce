use crate::support::{World, answer, brief, completed, delta};
use contracts::{Frame, LoggedEvent};
use ports::event_log::Heard;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

const STEP: &str = "response.askline.step.started";
const DELTA: &str = "response.output_text.delta";
const COMPLETED: &str = "response.completed";
const IN_PROGRESS: &str = "response.in_progress";

fn numbered(events: &[(u64, &str)]) -> Vec<(u64, String)> {
    events.iter().map(|(seq, kind)| (*seq, (*kind).to_owned())).collect()
}

async fn terminal(sse: &mut crate::support::Sse) -> Value {
    let event = sse.next().await.unwrap();
    assert_eq!(event["type"], COMPLETED);
    assert!(sse.next().await.is_none());
    event
}

#[tokio::test]
async fn a_response_streams_from_its_start_to_its_end() {
    let world = World::new().await;
    let (mut sse, id) = world.ask_streaming().await;
    assert_eq!(sse.headers["content-type"], "text/event-stream");
    assert_eq!(
        (&sse.headers["x-accel-buffering"], &sse.headers["cache-control"]),
        (&"no".parse().unwrap(), &"no-cache".parse().unwrap())
    );
    world.work(&id);
    world.end(&id);
    assert_eq!(sse.rest().await, numbered(&[(2, STEP), (3, DELTA), (4, DELTA), (5, COMPLETED)]));
}

#[tokio::test]
async fn without_streaming_the_answer_is_the_response_when_it_has_ended() {
    let world = World::new().await;
    let call = tokio::spawn(world.ask(json!({"input": "How many?"})).send());
    world.log.watched().await;
    world.work("resp_1");
    world.end("resp_1");
    let answer = call.await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.json()["status"].as_str()), (200, Some("completed")));
    assert_eq!(answer.json()["output"][0]["content"][0]["text"], "There are 42.");
}

#[tokio::test]
async fn who_comes_back_goes_on_after_the_last_number() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    world.work(&id);
    world.end(&id);
    let rest = numbered(&[(4, DELTA), (5, COMPLETED)]);
    assert_eq!(world.resume(&id, "&starting_after=3").stream().await.rest().await, rest);
    assert_eq!(world.resume(&id, "").header("last-event-id", "3").stream().await.rest().await, rest);
    assert_eq!(world.resume(&id, "&starting_after=-1").stream().await.rest().await.len(), 6);
    let nonsense = world.resume(&id, "").header("last-event-id", "abc").send().await;
    assert_eq!(nonsense.error(), (400, "invalid_cursor".into()));
}

#[tokio::test]
async fn who_has_seen_the_end_hears_it_again() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    world.end(&id);
    let mut sse = world.resume(&id, "&starting_after=2").stream().await;
    assert_eq!(sse.rest().await, numbered(&[(3, COMPLETED)]));
    let mut far = world.resume(&id, "&starting_after=9007199254740991").stream().await;
    assert_eq!(far.rest().await, numbered(&[(9007199254740992, COMPLETED)]));
}

#[tokio::test]
async fn news_that_was_seen_is_dropped() {
    let world = World::new().await;
    let (mut sse, id) = world.ask_streaming().await;
    world.work(&id);
    assert_eq!(sse.take(3).await, numbered(&[(2, STEP), (3, DELTA), (4, DELTA)]));
    let again = (3..6).map(|seq| LoggedEvent { seq, json: serde_json::to_string(&delta("x")).unwrap() }).collect();
    world.log.announce(&id, Heard::Frame(Frame { turn: id.as_str().into(), events: again }));
    assert_eq!(sse.take(1).await, numbered(&[(5, DELTA)]));
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_repaired_from_the_log() {
    let world = World::new().await;
    let (mut sse, id) = world.ask_streaming().await;
    world.log.set_mute(true);
    world.work(&id);
    world.log.set_mute(false);
    let before = Instant::now();
    world.log.emit(&id, 0, &[delta("!")]);
    assert_eq!(sse.take(4).await, numbered(&[(2, STEP), (3, DELTA), (4, DELTA), (5, DELTA)]));
    assert_eq!(before.elapsed(), Duration::ZERO, "it did not wait for silence");
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_missed_is_read_from_the_log() {
    let world = World::new().await;
    let (mut sse, id) = world.ask_streaming().await;
    world.log.set_mute(true);
    world.work(&id);
    let before = Instant::now();
    world.log.announce(&id, Heard::Missed);
    assert_eq!(sse.take(3).await.len(), 3);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn after_five_seconds_of_silence_the_log_is_read() {
    let world = World::new().await;
    let (mut sse, id) = world.ask_streaming().await;
    world.log.set_mute(true);
    world.work(&id);
    let before = Instant::now();
    assert_eq!(sse.take(1).await, numbered(&[(2, STEP)]));
    assert_eq!(before.elapsed(), Duration::from_secs(5));
}

#[tokio::test]
async fn a_long_log_is_read_page_by_page() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    let deltas: Vec<_> = (0..1_000).map(|n| delta(&n.to_string())).collect();
    world.log.emit(&id, 0, &deltas);
    world.end(&id);
    let numbers: Vec<_> = world.resume(&id, "").stream().await.rest().await.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(numbers, (0..=1_002).collect::<Vec<_>>());
}

#[tokio::test]
async fn when_the_log_is_lost_the_end_comes_from_history() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    world.work(&id);
    world.end_in_store(&id);
    world.log.lose(&id);
    let event = terminal(&mut world.resume(&id, "&starting_after=3").stream().await).await;
    assert_eq!(event["sequence_number"], 5, "the number of the terminal event");
    let response = &event["response"];
    assert_eq!(response["output"][0]["content"][0]["text"], "There are 42.");
    assert_eq!(
        (&response["metadata"]["sql"], &response["metadata"]["result_id"]),
        (&json!("SELECT 42"), &json!("res_1"))
    );
    assert_eq!(response["usage"]["total_tokens"], 7);
}

/// The worker writes its last events and stores the end after the log was read and before the store is asked.
#[tokio::test(start_paused = true)]
async fn what_was_written_before_the_end_is_not_skipped_when_the_store_knows_the_end_first() {
    let world = World::new().await;
    let (mut sse, id) = world.ask_streaming().await;
    world.log.set_mute(true);
    world.log.come_late(&id, 2, &[delta("There "), delta("are 42.")]);
    world.store.end(&id, answer(), 4);
    assert_eq!(sse.take(2).await, numbered(&[(2, DELTA), (3, DELTA)]));
    assert_eq!(sse.rest().await, numbered(&[(4, COMPLETED)]));
}

#[tokio::test]
async fn history_and_the_snapshot_tell_the_same() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    world.end_in_store(&id);
    world.log.lose(&id);
    let snapshot = terminal(&mut world.resume(&id, "").stream().await).await;
    let token = world.token(contracts::Role::Viewer);
    let history = world.get(&format!("/v1/responses/{id}")).token(&token).send().await.json();
    assert_eq!(snapshot["response"], history);
}

#[tokio::test]
async fn a_hole_in_a_running_response_is_bridged_by_one_snapshot() {
    let world = World::new().await;
    let (mut sse, id) = world.ask_streaming().await;
    world.log.lose(&id);
    world.log.emit(&id, 40, &[delta("on"), delta("ward")]);
    let snapshot = sse.next().await.unwrap();
    assert_eq!(brief(&snapshot), (39, IN_PROGRESS.into()));
    assert_eq!(snapshot["response"]["metadata"]["snapshot"], "true");
    assert_eq!(sse.take(2).await, numbered(&[(40, DELTA), (41, DELTA)]));
    world.end(&id);
    assert_eq!(sse.rest().await, numbered(&[(42, COMPLETED)]));
}

#[tokio::test]
async fn who_comes_back_to_a_log_that_begins_later_gets_the_snapshot_first() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    world.log.lose(&id);
    world.log.emit(&id, 40, &[delta("on")]);
    let mut sse = world.resume(&id, "&starting_after=1").stream().await;
    assert_eq!(sse.take(2).await, numbered(&[(39, IN_PROGRESS), (40, DELTA)]));
}

#[tokio::test]
async fn the_end_is_heard_although_a_lost_log_numbers_it_below_the_cursor() {
    let world = World::new().await;
    let (mut sse, id) = world.ask_streaming().await;
    world.work(&id);
    assert_eq!(sse.take(3).await.len(), 3);
    world.log.lose(&id);
    world.store.end(&id, answer(), 2);
    world.log.emit(&id, 2, &[completed(&id)]);
    assert_eq!(sse.rest().await, numbered(&[(5, COMPLETED)]));
}

#[tokio::test(start_paused = true)]
async fn the_end_comes_from_the_store_when_the_log_has_died() {
    let world = World::new().await;
    let (mut sse, id) = world.ask_streaming().await;
    world.log.set_down(true);
    world.end_in_store(&id);
    let before = Instant::now();
    assert_eq!(sse.rest().await, numbered(&[(2, COMPLETED)]));
    assert!(before.elapsed() <= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_the_log_is_down_gets_all_when_it_is_back() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    world.work(&id);
    world.log.set_down(true);
    let mut sse = world.resume(&id, "&starting_after=1").stream().await;
    assert!(tokio::time::timeout(Duration::from_secs(9), sse.next()).await.is_err(), "nothing is made up");
    world.log.set_down(false);
    world.end(&id);
    assert_eq!(sse.rest().await, numbered(&[(2, STEP), (3, DELTA), (4, DELTA), (5, COMPLETED)]));
}

#[tokio::test(start_paused = true)]
async fn with_log_and_store_down_it_waits_for_either() {
    let world = World::new().await;
    let (mut sse, id) = world.ask_streaming().await;
    world.end_in_store(&id);
    world.log.set_down(true);
    world.store.set_down(true);
    assert!(tokio::time::timeout(Duration::from_secs(60), sse.next()).await.is_err());
    world.store.set_down(false);
    assert_eq!(sse.rest().await, numbered(&[(2, COMPLETED)]));
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_kept_alive() {
    let world = World::new().await;
    let (mut sse, _) = world.ask_streaming().await;
    assert!(tokio::time::timeout(Duration::from_secs(120), sse.next()).await.is_err());
    assert!(sse.comments() >= 7, "{} comments", sse.comments());
}

#[tokio::test]
async fn a_process_that_stops_ends_its_streams_and_disowns_no_question() {
    let world = World::new().await;
    let (mut sse, _) = world.ask_streaming().await;
    world.log.watched().await;
    let waiting = tokio::spawn(world.ask(json!({"input": "How many?"})).send());
    world.log.watched().await;
    world.state.shutdown.cancel();
    assert!(sse.next().await.is_none());
    let answer = waiting.await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.json()["status"].as_str()), (200, Some("in_progress")));
    assert_eq!(answer.json()["id"], "resp_2");
}
