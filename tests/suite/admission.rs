//! Who waits, for how long, and what becomes of those who do. Every case runs in both modes.

use crate::crowd::{Crowd, ask_and_leave};
use crate::mode::Mode;
use contracts::{BusinessId, Lane};
use ports::audit::verdict;
use ports::broker::{Destination, Message, Queue};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::llm_server::Script;
use testkit::{Client, ScriptedLlm, Transcript, World};
use tokio_util::sync::CancellationToken;

in_both_modes!(
    who_waits_hears_where_it_stands_and_is_answered_in_order,
    a_waiting_question_is_stopped_at_once,
    a_waiting_question_ends_at_its_deadline,
    beyond_the_line_a_question_is_refused_and_leaves_nothing,
    a_backfill_that_waits_holds_up_no_question_of_a_person,
    a_dispatcher_that_dies_at_any_point_costs_no_answer,
    two_dispatchers_begin_each_turn_once,
    a_business_with_many_questions_does_not_hold_up_the_others,
    a_thousand_questions_of_one_business_at_most_double_what_two_others_wait,
);

const COUNT: &str = "How many customers do we have?";
const PATIENCE: Duration = Duration::from_secs(60);

/// Every case asks one question many times, and means as many runs.
fn each_is_run() -> (&'static str, String) {
    ("ASKLINE_TURN__SINGLE_FLIGHT", "false".to_owned())
}

fn lane(share: u32, window: u32, max_waiting: u32, deadline_s: u64) -> String {
    format!("{{share={share},window={window},max_waiting={max_waiting},deadline_s={deadline_s}}}")
}

/// A world whose language model never answers a question that says "wait for me", and answers every other one at once.
async fn holding(mode: Mode, interactive: String) -> (World, ScriptedLlm) {
    let llm = ScriptedLlm::hearing(|purpose, prompt| match purpose {
        _ if prompt.contains("wait for me") => Script::hang(),
        "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
        "generate_sql" => Script::answer(&["SELECT COUNT(*) FROM customers"]),
        _ => Script::answer(&["There are 28."]),
    })
    .await;
    let provider = llm.provider("scripted").replace("first_byte_timeout_s=2", "first_byte_timeout_s=100");
    let pairs = [
        ("ASKLINE_LLM__PROVIDERS", format!("[{provider}]")),
        ("ASKLINE_ADMISSION__INTERACTIVE", interactive),
        each_is_run(),
    ];
    (mode.world(&pairs).await, llm)
}

/// Asks the question that is never answered, and waits until it has the only place.
async fn hold(world: &World, llm: &ScriptedLlm) -> (Client, String) {
    let mut client = world.client();
    let before = llm.server.received().len();
    client.create(json!({"input": "wait for me"})).await;
    let heard = client.listen_until(|event| event["type"] == "response.in_progress").await;
    assert!(llm.server.was_asked(before + 1).await);
    (client, id_of(&heard))
}

fn id_of(heard: &[Value]) -> String {
    heard.iter().find_map(|event| event["response_id"].as_str()).unwrap().to_owned()
}

async fn stop(client: &mut Client, id: &str) {
    client.send(json!({"type": "response.cancel", "response_id": id})).await;
}

/// Asks, and waits until it stands at this position.
async fn wait_at(world: &World, position: u64) -> (Client, Vec<Value>) {
    let mut client = world.client();
    client.create(json!({"input": COUNT})).await;
    let is_there = |event: &Value| event["type"] == POSITION && event["position"] == position;
    let heard = client.listen_until(is_there).await;
    let types: Vec<_> = heard.iter().filter_map(|event| event["type"].as_str()).collect();
    assert!(types.contains(&"response.created") && types.contains(&"response.queued"), "{types:?}");
    let last = heard.last().unwrap();
    assert!(last["sequence_number"].is_null() && last["estimated_wait_ms"].is_u64(), "{last}");
    (client, heard)
}

const POSITION: &str = "response.askline.queue.position";

/// Listens to the end; positions are no part of the response.
async fn rest(client: &mut Client, heard: Vec<Value>) -> Transcript {
    client.listen_on(heard.into_iter().filter(|event| event["sequence_number"].is_u64()).collect()).await
}

async fn who_waits_hears_where_it_stands_and_is_answered_in_order(mode: Mode) {
    let (world, llm) = holding(mode, lane(1, 1, 10, 0)).await;
    let (mut holder, held) = hold(&world, &llm).await;
    let (mut first, heard_first) = wait_at(&world, 1).await;
    let (mut second, heard_second) = wait_at(&world, 2).await;
    stop(&mut holder, &held).await;
    let (first, second) = tokio::join!(rest(&mut first, heard_first), rest(&mut second, heard_second));
    for transcript in [&first, &second] {
        assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    }
    let mut ended = Vec::new();
    for transcript in [&first, &second] {
        let turn = world.ports.store.turn(&"biz_demo".into(), &transcript.id().into()).await.unwrap().unwrap();
        ended.push(turn.end.unwrap().ended_ms);
    }
    assert!(ended[0] <= ended[1], "who came first was answered first");
    world.stop().await;
}

async fn a_waiting_question_is_stopped_at_once(mode: Mode) {
    let (world, llm) = holding(mode, lane(1, 1, 10, 0)).await;
    let (_holder, _) = hold(&world, &llm).await;
    let (mut client, heard) = wait_at(&world, 1).await;
    let started = Instant::now();
    stop(&mut client, &id_of(&heard)).await;
    let transcript = rest(&mut client, heard).await;
    assert_eq!(transcript.check().status(), "incomplete");
    assert_eq!(transcript.terminal()["response"]["incomplete_details"]["reason"], "cancelled");
    assert!(started.elapsed() < Duration::from_secs(3), "it took {:?}", started.elapsed());
    assert_eq!(transcript.of("response.askline.step.started").count(), 0, "nobody worked on it");
    assert_eq!(world.ports.store.lines(Lane::Interactive).await.unwrap(), []);
    abandon(world).await;
}

async fn a_waiting_question_ends_at_its_deadline(mode: Mode) {
    let (world, llm) = holding(mode, lane(1, 1, 10, 8)).await;
    let (_holder, _) = hold(&world, &llm).await;
    let (mut client, heard) = wait_at(&world, 1).await;
    // A dispatcher that has died keeps it from being let in meanwhile.
    let lease = Duration::from_secs(60);
    assert_eq!(world.ports.store.take(Lane::Interactive, &"biz_demo".into(), 1, lease).await.unwrap().len(), 1);
    let transcript = rest(&mut client, heard).await;
    assert_eq!(transcript.check().status(), "incomplete", "{:#?}", transcript.terminal());
    assert_eq!(transcript.terminal()["response"]["incomplete_details"]["reason"], "deadline");
    abandon(world).await;
}

async fn beyond_the_line_a_question_is_refused_and_leaves_nothing(mode: Mode) {
    let (world, llm) = holding(mode, lane(1, 1, 1, 0)).await;
    let (_holder, _) = hold(&world, &llm).await;
    let (_client, _) = wait_at(&world, 1).await;
    let mut refused = world.client();
    refused.create(json!({"input": COUNT, "idempotency_key": "late"})).await;
    let heard = refused.listen_until(|event| event["type"] == "error").await;
    let error = heard.last().unwrap();
    assert_eq!((&error["code"], &error["retryable"]), (&json!("too_many_waiting"), &json!(true)), "{error}");
    for stream in [true, false] {
        let answer = reqwest::Client::new()
            .post(format!("{}/v1/responses", world.demo.url))
            .bearer_auth(&world.demo.token)
            .json(&json!({"input": COUNT, "stream": stream}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 429);
        assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
        assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], "too_many_waiting");
    }
    let user = "usr_demo".into();
    let conversations = world.ports.store.conversations(&"biz_demo".into(), &user, 10).await.unwrap();
    assert_eq!(conversations.len(), 2, "only what was taken is there: {conversations:?}");
    abandon(world).await;
}

async fn a_backfill_that_waits_holds_up_no_question_of_a_person(mode: Mode) {
    let llm = ScriptedLlm::hearing(|purpose, prompt| match purpose {
        _ if prompt.contains("wait for me") => Script::hang(),
        "classify" => Script::answer(&[r#"{"intent":"chat"}"#]),
        _ => Script::answer(&["Hello."]),
    })
    .await;
    let provider = llm.provider("scripted").replace("first_byte_timeout_s=2", "first_byte_timeout_s=100");
    let pairs = [
        ("ASKLINE_LLM__PROVIDERS", format!("[{provider}]")),
        ("ASKLINE_ADMISSION__BACKFILL", lane(50, 50, 10, 0)),
        ("ASKLINE_WORKERS__CONCURRENCY", "2".to_owned()),
        ("ASKLINE_WORKERS__BACKFILL_CONCURRENCY", "2".to_owned()),
    ];
    let world = mode.world(&pairs).await;
    let http = reqwest::Client::new();
    for n in 0..8 {
        let body = json!({"input": format!("wait for me {n}"), "metadata": {"lane": "backfill"}});
        ask_and_leave(&http, &world.demo.url, &world.demo.token, body).await.unwrap();
    }
    assert!(llm.server.was_asked(2).await, "the places of the lane are taken");
    let transcript = world.client().ask("Hello").await;
    assert_eq!(transcript.check().status(), "completed");
    abandon(world).await;
}

/// Ends although questions are still held.
async fn abandon(world: World) {
    world.shutdown.abandon.cancel();
    world.stop().await;
}

async fn a_dispatcher_that_dies_at_any_point_costs_no_answer(mode: Mode) {
    let (world, llm) = holding(mode, lane(1, 1, 10, 0)).await;
    let (mut holder, held) = hold(&world, &llm).await;
    let mut waiting = Vec::new();
    for position in 1..=3 {
        waiting.push(wait_at(&world, position).await);
    }
    let business = BusinessId::from("biz_demo");
    let lease = Duration::from_secs(2);
    let taken = world.ports.store.take(Lane::Interactive, &business, 2, lease).await.unwrap();
    assert_eq!(taken.len(), 2);
    // One dies after it has taken the first, and after it has published the second.
    let published = &taken[1].beginning;
    let message = Message::carrying(&published.envelope, None).unwrap();
    world.ports.broker.publish(&Destination::Work(Queue::interactive("classify")), message).await.unwrap();
    stop(&mut holder, &held).await;
    for (mut client, heard) in waiting {
        let transcript = rest(&mut client, heard).await;
        assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
        only_once(&world, &business, transcript.id()).await;
    }
    world.stop().await;
}

async fn only_once(world: &World, business: &BusinessId, id: &str) {
    let rows = world.ports.store.audit_of(business, &id.into()).await.unwrap();
    let executed = rows.iter().filter(|row| row.verdict == verdict::EXECUTE).count();
    assert_eq!(executed, 1, "the statement of {id} ran once");
}

async fn two_dispatchers_begin_each_turn_once(mode: Mode) {
    let world = mode.world(&[("ASKLINE_ADMISSION__INTERACTIVE", lane(1, 6, 500, 0)), each_is_run()]).await;
    let second = dispatch::Dispatcher {
        ports: world.ports.clone(),
        owner: "own_second".into(),
        lanes: vec![(Lane::Interactive, dispatch::Bounds { share: 1, window: 6 })],
        weights: Default::default(),
        every: Duration::from_millis(20),
    };
    let end = CancellationToken::new();
    let running = tokio::spawn({
        let end = end.clone();
        async move { second.run(end).await }
    });
    let crowd = Crowd::of(&world, "biz_demo");
    let asked = crowd.clone().ask_many(60).await;
    crowd.all_answered(&asked, PATIENCE).await;
    let mut client = world.client();
    for id in &asked {
        let transcript = client.follow(id).await;
        let attempts = transcript.check().of("response.askline.step.started").map(|step| step["attempt"].as_u64());
        assert!(attempts.into_iter().all(|attempt| attempt == Some(1)), "no step ran twice");
        only_once(&world, &"biz_demo".into(), id).await;
    }
    end.cancel();
    running.await.unwrap();
    world.stop().await;
}

/// The others are answered while the flood is in line; first come, first served, they would wait for all of it.
async fn a_business_with_many_questions_does_not_hold_up_the_others(mode: Mode) {
    // A busy machine may take its time with a question: here it must not be refused for that.
    let patient = ("ASKLINE_SERVER__ENQUEUE_TIMEOUT_MS", "30000".to_owned());
    let world =
        mode.world(&[("ASKLINE_ADMISSION__INTERACTIVE", lane(1, 64, 2_000, 300)), patient, each_is_run()]).await;
    let mut others = Vec::new();
    for n in 0..4 {
        others.push(Crowd::with_a_database(&world, &format!("Other {n}")).await);
    }
    let flood = Crowd::of(&world, "biz_demo");
    let alone = p95_of(latencies(&others, 4).await);
    let asked = flood.clone().ask_many(400).await;
    let beside = p95_of(latencies(&others, 4).await);
    assert_ne!(world.ports.store.lines(Lane::Interactive).await.unwrap(), [], "the flood was there all the time");
    eprintln!("p95 of the others: {alone:?} alone, {beside:?} beside the flood");
    flood.all_answered(&asked, PATIENCE * 2).await;
    world.stop().await;
}

/// Questions of the business that asks many. Some of them are in flight at once, the rest waits.
const FLOOD: usize = 1_100;
const WAITING: u64 = 1_000;
/// Each call to the model takes this long, so that turns mostly wait, as they do for a real one.
const TAKES: Duration = Duration::from_millis(150);
/// Questions that each of the others has in flight, less than a share; and how often it asks them.
const A_FEW: usize = 3;
const ROUNDS: usize = 20;

/// A model that takes its time, and answers a flood only once the gate is open.
async fn steady(gate: &CancellationToken) -> ScriptedLlm {
    let gate = gate.clone();
    ScriptedLlm::hearing(move |purpose, prompt| {
        let script = match purpose {
            "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
            "generate_sql" => Script::answer(&["SELECT COUNT(*) FROM customers"]),
            _ => Script::answer(&["There are 28."]),
        };
        if prompt.contains("flood") { script.after(TAKES).behind(&gate) } else { script.after(TAKES) }
    })
    .await
}

async fn a_thousand_questions_of_one_business_at_most_double_what_two_others_wait(mode: Mode) {
    let gate = CancellationToken::new();
    let llm = steady(&gate).await;
    let provider = llm.provider("scripted").replace("first_byte_timeout_s=2", "first_byte_timeout_s=300");
    let pairs = [
        ("ASKLINE_LLM__PROVIDERS", format!("[{provider}]")),
        ("ASKLINE_ADMISSION__INTERACTIVE", lane(4, 64, 2_000, 300)),
        ("ASKLINE_SERVER__ENQUEUE_TIMEOUT_MS", "30000".to_owned()),
        each_is_run(),
    ];
    let world = mode.world(&pairs).await;
    let others = [Crowd::with_a_database(&world, "First").await, Crowd::with_a_database(&world, "Second").await];
    let flood = Crowd::of(&world, "biz_demo");
    let mut alone = a_few_at_a_time(&others).await;
    // Who asks beside the others from the start never has what one who is alone may have.
    let asked = tokio::select! {
        asked = flood.clone().ask_many_times("flood", FLOOD) => asked,
        never = go_on_asking(&others) => match never {},
    };
    let before = waiting(&world).await;
    assert!(before >= WAITING, "{before} wait");
    gate.cancel();
    let beside = a_few_at_a_time(&others).await;
    let after = waiting(&world).await;
    assert!(after > 0, "the flood was there all the time");
    flood.all_answered(&asked, PATIENCE * 3).await;
    // Before and after: what else the machine does changes meanwhile.
    alone.extend(a_few_at_a_time(&others).await);
    let (alone, beside) = (p95_of(alone), p95_of(beside));
    let ratio = beside.as_secs_f64() / alone.as_secs_f64();
    let figure = json!({"figure": "fairness", "mode": mode.as_str(), "ratio": ratio,
        "p95_alone_ms": alone.as_millis(), "p95_beside_ms": beside.as_millis(), "waiting": [before, after]});
    println!("{figure}");
    assert!(ratio <= 2.0, "{figure}");
    for id in &asked {
        only_once(&world, &"biz_demo".into(), id).await;
        ends_once(&world, id).await;
    }
    world.stop().await;
}

async fn waiting(world: &World) -> u64 {
    world.ports.store.lines(Lane::Interactive).await.unwrap().iter().map(ports::line::Queued::len).sum()
}

async fn ends_once(world: &World, id: &str) {
    let log = world.ports.events.read(&id.into(), 0, 1_000).await.unwrap();
    let is_end = |event: &contracts::LoggedEvent| {
        serde_json::from_str::<contracts::Event>(&event.json).is_ok_and(|event| event.is_terminal())
    };
    assert_eq!(log.iter().filter(|event| is_end(event)).count(), 1, "{id} ends once");
}

async fn go_on_asking(others: &[Crowd]) -> std::convert::Infallible {
    loop {
        latencies(others, 1).await;
    }
}

/// How long questions took that each of these asked, a few at a time; each was answered once.
async fn a_few_at_a_time(others: &[Crowd]) -> Vec<Duration> {
    let clients: Vec<Crowd> = others.iter().flat_map(|other| vec![other.clone(); A_FEW]).collect();
    latencies(&clients, ROUNDS).await
}

/// How long questions took that each of these asked one after the other.
async fn latencies(others: &[Crowd], each: usize) -> Vec<Duration> {
    let asking = others.iter().map(|other| other.latencies(each));
    futures_util::future::join_all(asking).await.into_iter().flatten().collect()
}

fn p95_of(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() * 95 / 100]
}
