//! The dead-letter desk: what was given up is kept, shown to whom it belongs, and run again from the failed step.

use crate::fake_llm::{answer_to, said};
use crate::mode::Mode;
use async_trait::async_trait;
use contracts::job::{Classify, GenerateSql};
use contracts::{DeadId, Envelope, HopId, Role};
use ports::broker::{Destination, HEADER_ERROR, HEADER_WAITS, Message, Queue};
use ports::dead::{DeadFilter, Scope};
use ports::llm::{Call, Error as LlmError, Llm, Pieces};
use ports::store::NewTurn;
use ports::{PortError, Ports};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::{World, add_member, binary};

const COUNT: &str = "How many customers do we have?";
const PATIENCE: Duration = Duration::from_secs(30);

async fn world_of(mode: Mode) -> World {
    mode.world(&[("ASKLINE_WORKERS__SWEEP_MS", "100".to_owned())]).await
}

in_both_modes!(
    a_job_that_the_broker_gave_up_ends_its_turn_and_is_run_again_from_the_failed_step,
    a_message_that_cannot_be_read_is_for_operators_alone,
    twenty_replays_at_once_make_one_turn,
    many_are_replayed_and_dropped_by_kind_and_error,
);

/// Somebody at the desk.
struct Clerk {
    url: String,
    token: String,
}

impl Clerk {
    /// The demo's user, as administrator.
    async fn admin(world: &World) -> Self {
        let (user, business) = ("usr_demo".into(), "biz_demo".into());
        world.ports.store.set_membership(&user, &business, Role::Admin).await.unwrap();
        Self::login(world, &world.demo.email, &world.demo.password).await
    }

    async fn login(world: &World, email: &str, password: &str) -> Self {
        let answer = reqwest::Client::new()
            .post(format!("{}/v1/auth/login", world.demo.url))
            .json(&json!({"email": email, "password": password}))
            .send()
            .await
            .unwrap();
        let body: Value = answer.json().await.unwrap();
        let token = body["token"].as_str().or(body["access_token"].as_str()).expect("a token").to_owned();
        Self { url: world.demo.url.clone(), token }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        let answer = if body.is_null() { request } else { request.json(&body) }.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, body).await
    }
}

/// Asks until there is an answer.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A question that was taken, and the job of its second step.
async fn taken(ports: &Ports, id: &str) -> Message {
    let now_ms = ports.clock.now_ms();
    let turn = NewTurn {
        id: id.into(),
        business: "biz_demo".into(),
        user: "usr_demo".into(),
        conversation: Some("conv_dead".into()),
        connection: Some("con_sample_shop".into()),
        question: COUNT.to_owned(),
        idempotency_key: None,
        lane: Default::default(),
        share: None,
        created_ms: now_ms,
        deadline_ms: now_ms + 600_000,
        replay_of: None,
    };
    let first = Classify { question: COUNT.to_owned(), shared_schema_ms: None };
    ports.store.offer(&turn, &Envelope::first(turn.meta(), 2, &first).unwrap()).await.unwrap();
    assert!(ports.store.accept(&turn.id).await.unwrap());
    let job = GenerateSql { question: COUNT.to_owned(), round: 0, rejected: None };
    let envelope = Envelope::first(turn.meta(), 2, &job).unwrap();
    Message::carrying(&envelope, None).unwrap()
}

/// A question whose second step the broker gave up: nobody works on it, and its turn has not ended.
async fn given_up(ports: &Ports, id: &str) -> DeadId {
    let mut message = taken(ports, id).await;
    let dead = DeadId::of(&HopId(message.id.clone()));
    message.headers.insert(HEADER_ERROR.to_owned(), "postgres://u:canary-secret@db.internal:5432/x is away".to_owned());
    let queue = Destination::Dead(Queue::interactive("generate_sql"));
    ports.broker.publish(&queue, message).await.unwrap();
    dead
}

async fn kept(world: &World, id: &DeadId) {
    let scope = Scope::Operator;
    until("the dead job", || async { world.ports.store.dead_job(&scope, id).await.unwrap() }).await;
}

async fn a_job_that_the_broker_gave_up_ends_its_turn_and_is_run_again_from_the_failed_step(mode: Mode) {
    let world = world_of(mode).await;
    let clerk = Clerk::admin(&world).await;
    let id = given_up(&world.ports, "resp_given_up").await;
    kept(&world, &id).await;

    let ended = world.client().follow("resp_given_up").await;
    assert_eq!((ended.status(), ended.error().0.as_str()), ("failed", "attempts_used_up"));
    assert!(ended.error().1.contains(id.as_str()), "{}", ended.error().1);
    assert_eq!(ended.terminal()["response"]["error"]["dead_job"], id.as_str());
    let stored = clerk.get("/v1/responses/resp_given_up").await;
    assert_eq!(stored["error"], ended.terminal()["response"]["error"], "stream and history say the same");

    let list = clerk.get("/v1/dead?state=open").await;
    assert_eq!((list["total"].as_u64(), list["data"][0]["id"].as_str()), (Some(1), Some(id.as_str())));
    let shown = clerk.get(&format!("/v1/dead/{id}")).await;
    assert_eq!(shown["input"]["question"], COUNT);
    assert_eq!((shown["kind"].as_str(), shown["response_id"].as_str()), (Some("generate_sql"), Some("resp_given_up")));
    let said = shown.to_string();
    assert!(!said.contains("canary-secret") && !said.contains("db.internal"), "{said}");

    let (status, replaying) = clerk.post(&format!("/v1/dead/{id}/replay"), Value::Null).await;
    assert_eq!(status, 202, "{replaying}");
    let again = world.client().follow(replaying["response_id"].as_str().unwrap()).await;
    assert_eq!(again.check().status(), "completed", "{:#?}", again.terminal());
    assert!(again.text().contains("28"), "{}", again.text());
    let steps: Vec<_> = again.of("response.askline.step.started").map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["generate_sql", "execute_sql", "reply"], "it goes on from the failed step");
    for event in ["response.created", "response.completed"] {
        assert_eq!(again.of(event).next().unwrap()["response"]["metadata"]["replay_of"], "resp_given_up");
    }
    let kept = clerk.get(&format!("/v1/dead/{id}")).await;
    assert_eq!((kept["state"].as_str(), &kept["replayed_as"]), (Some("replayed"), &replaying["response_id"]));
    assert_eq!(kept["decided_by"], "usr_demo");
    let stored = clerk.get(&format!("/v1/responses/{}", again.id())).await;
    assert_eq!(stored["metadata"], again.terminal()["response"]["metadata"]);

    let (status, repeated) = clerk.post(&format!("/v1/dead/{id}/replay"), Value::Null).await;
    assert_eq!((status, repeated), (202, replaying), "a second replay finds the first");
    let (status, refused) = clerk.post(&format!("/v1/dead/{id}/drop"), Value::Null).await;
    assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("decided")));
    world.stop().await;
}

async fn a_message_that_cannot_be_read_is_for_operators_alone(mode: Mode) {
    let world = world_of(mode).await;
    let clerk = Clerk::admin(&world).await;
    let bodies: [&[u8]; 4] = [b"\xff\xfe", b"{\"v\":", b"[]", br#"{"v":1,"kind":"reply","hop":"x","job":{}}"#];
    for (n, body) in bodies.into_iter().enumerate() {
        let message = Message { id: format!("bad-{n}"), headers: BTreeMap::new(), body: body.to_vec().into() };
        world.ports.broker.publish(&Destination::Work(Queue::interactive("reply")), message).await.unwrap();
    }
    let filter = DeadFilter { error: Some("unreadable".to_owned()), ..DeadFilter::default() };
    let store = &world.ports.store;
    let all = until("four dead jobs", || async {
        let jobs = store.dead_jobs(&Scope::Operator, &filter, 10).await.unwrap();
        (jobs.len() == 4).then_some(jobs)
    })
    .await;
    let mut kept: Vec<_> = all.iter().map(|job| job.body.to_vec()).collect();
    let mut sent: Vec<_> = bodies.iter().map(|body| body.to_vec()).collect();
    kept.sort();
    sent.sort();
    assert_eq!(kept, sent, "byte for byte");
    assert!(all.iter().all(|job| job.business.is_none() && job.error.contains("not an envelope")));
    assert_eq!(clerk.get("/v1/dead").await["total"], 0);
    let (status, _) = clerk.call(Method::GET, &format!("/v1/dead/{}", all[0].id), Value::Null).await;
    assert_eq!(status, 404);
    assert_eq!(world.client().ask(COUNT).await.check().status(), "completed");
    world.stop().await;
}

async fn twenty_replays_at_once_make_one_turn(mode: Mode) {
    let world = world_of(mode).await;
    let clerk = Clerk::admin(&world).await;
    let id = given_up(&world.ports, "resp_many").await;
    kept(&world, &id).await;
    let path = format!("/v1/dead/{id}/replay");
    let replays = (0..20).map(|_| clerk.post(&path, Value::Null));
    let answers = futures_util::future::join_all(replays).await;
    let first = answers[0].1["response_id"].as_str().unwrap().to_owned();
    for (status, answer) in &answers {
        assert_eq!((*status, answer["response_id"].as_str()), (202, Some(first.as_str())));
    }
    assert_eq!(world.client().follow(&first).await.check().status(), "completed");
    let turns = world.ports.store.turns(&"biz_demo".into(), &"conv_dead".into(), 100).await.unwrap();
    assert_eq!(turns.len(), 2, "the failed turn and one that goes on with it");
    world.stop().await;
}

async fn many_are_replayed_and_dropped_by_kind_and_error(mode: Mode) {
    let world = world_of(mode).await;
    let clerk = Clerk::admin(&world).await;
    for n in 0..5 {
        kept(&world, &given_up(&world.ports, &format!("resp_bulk_{n}")).await).await;
    }
    let (_, nothing) = clerk.post("/v1/dead/replay", json!({"kind": "reply"})).await;
    assert_eq!((nothing["done"].as_array().unwrap().len(), nothing["left"].as_u64()), (0, Some(0)));
    let (status, some) = clerk.post("/v1/dead/replay", json!({"error": "is AWAY", "limit": 2})).await;
    assert_eq!((status, some["done"].as_array().unwrap().len(), some["left"].as_u64()), (200, 2, Some(3)));
    for done in some["done"].as_array().unwrap() {
        let transcript = world.client().follow(done["response_id"].as_str().unwrap()).await;
        assert_eq!(transcript.check().status(), "completed");
    }
    let (_, rest) = clerk.post("/v1/dead/drop", json!({"kind": "generate_sql", "since_ms": 0})).await;
    assert_eq!((rest["done"].as_array().unwrap().len(), rest["failed"].as_array().unwrap().len()), (3, 0));
    assert_eq!(clerk.get("/v1/dead?state=open").await["total"], 0);
    let dropped = clerk.get("/v1/dead?state=dropped").await;
    assert!(dropped["data"].as_array().unwrap().iter().all(|job| job["decided_by"] == "usr_demo"));
    let (status, answer) =
        clerk.post(&format!("/v1/dead/{}/replay", dropped["data"][0]["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (409, Some("dropped")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_and_another_business_see_nothing_of_the_desk() {
    let world = world_of(Mode::Embedded).await;
    let id = given_up(&world.ports, "resp_ours").await;
    kept(&world, &id).await;
    let manager = Clerk { url: world.demo.url.clone(), token: world.demo.token.clone() };
    add_member(&world.ports, "eve@example.org", "a-long-password", "Other").await;
    let eve = world.ports.store.user_by_email("eve@example.org").await.unwrap().unwrap();
    world.ports.store.set_membership(&eve.id, &"biz_other".into(), Role::Admin).await.unwrap();
    let other = Clerk::login(&world, "eve@example.org", "a-long-password").await;
    assert_eq!(other.get("/v1/dead").await["total"], 0);
    for (method, path) in [
        (Method::GET, format!("/v1/dead/{id}")),
        (Method::POST, format!("/v1/dead/{id}/replay")),
        (Method::POST, format!("/v1/dead/{id}/drop")),
    ] {
        assert_eq!(manager.call(method.clone(), &path, Value::Null).await.0, 403, "{path}");
        assert_eq!(other.call(method, &path, Value::Null).await.0, 404, "{path}");
    }
    let nothing = other.post("/v1/dead/drop", json!({})).await.1;
    assert_eq!(nothing["done"], json!([]));
    assert_eq!(manager.call(Method::GET, "/v1/dead", Value::Null).await.0, 403);
    world.stop().await;
}

/// Broken until it is repaired.
struct Flaky {
    broken: AtomicBool,
    error: fn() -> PortError,
}

const SECRET: &str = "amqps://svc:canary-secret@10.1.2.3:5671 refused";

fn refused() -> PortError {
    PortError::refused("store", "spend a call", SECRET)
}

fn away() -> PortError {
    PortError::unavailable("store", "spend a call", SECRET)
}

#[async_trait]
impl Llm for Flaky {
    async fn stream(&self, call: Call) -> Result<Pieces, LlmError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(LlmError::Port((self.error)()));
        }
        Ok(said(answer_to(call.request.purpose.as_str())))
    }

    fn providers(&self) -> Vec<String> {
        vec!["flaky".to_owned()]
    }

    async fn check(&self) -> Vec<(String, Result<String, String>)> {
        Vec::new()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_tries_all_failed_is_named_in_the_error_and_works_again_after_the_repair() {
    let llm = Arc::new(Flaky { broken: AtomicBool::new(true), error: refused });
    let pairs = [("ASKLINE_WORKERS__SWEEP_MS", "100".to_owned()), ("ASKLINE_WORKERS__MAX_ATTEMPTS", "2".to_owned())];
    let overrides = testkit::overrides_with_llm(llm.clone());
    let world = World::embedded_with(&pairs, overrides).await;
    let clerk = Clerk::admin(&world).await;
    let failed = world.client().ask(COUNT).await;
    assert_eq!((failed.status(), failed.error().0.as_str()), ("failed", "attempts_used_up"));
    let id = failed.terminal()["response"]["error"]["dead_job"].as_str().unwrap().to_owned();
    assert!(failed.error().1.contains(&id));
    kept(&world, &id.as_str().into()).await;
    let shown = clerk.get(&format!("/v1/dead/{id}")).await;
    assert_eq!((shown["code"].as_str(), shown["attempts"].as_u64()), (Some("attempts_used_up"), Some(2)));
    let error = shown["error"].as_str().unwrap();
    assert!(error.contains("spend a call") && !error.contains("canary-secret"), "{error}");

    llm.broken.store(false, Ordering::SeqCst);
    let (_, replaying) = clerk.post(&format!("/v1/dead/{id}/replay"), Value::Null).await;
    let again = world.client().follow(replaying["response_id"].as_str().unwrap()).await;
    assert_eq!((again.check().status(), again.text().as_str()), ("completed", "There are 28 customers."));
    let attempts = again.of("response.askline.step.started").map(|step| step["attempt"].as_u64());
    assert!(attempts.into_iter().all(|attempt| attempt == Some(1)), "attempts are counted anew");
    world.stop().await;
}

/// The last of very many waits. One that has waited less waits on (`audit`).
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_has_waited_for_servers_too_often_is_given_up() {
    let llm = Arc::new(Flaky { broken: AtomicBool::new(true), error: away });
    let world = World::embedded_with(&[], testkit::overrides_with_llm(llm)).await;
    let mut message = taken(&world.ports, "resp_waited").await;
    message.headers.insert(HEADER_WAITS.to_owned(), "1000".to_owned());
    let queue = Destination::Work(Queue::interactive("generate_sql"));
    world.ports.broker.publish(&queue, message).await.unwrap();
    let ended = world.client().follow("resp_waited").await;
    assert_eq!((ended.status(), ended.error().0.as_str()), ("failed", "attempts_used_up"));
    world.stop().await;
}

/// The program at the desk: exit code, what it printed, what it said.
fn askline(arguments: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(binary());
    let output = command.args(arguments).envs(env.iter().copied()).stdin(std::process::Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_works_on_the_command_line() {
    let world = world_of(Mode::Embedded).await;
    let clerk = Clerk::admin(&world).await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(given_up(&world.ports, &format!("resp_cli_{n}")).await);
        kept(&world, &ids[n]).await;
    }
    let folder = world.folder.path().display().to_string();
    let env = [
        ("ASKLINE_URL", clerk.url.as_str()),
        ("ASKLINE_TOKEN", clerk.token.as_str()),
        ("ASKLINE_EMBEDDED__DATA_DIR", folder.as_str()),
    ];
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| askline(arguments, &env));
    let (code, listed, said) = run(&["dead", "list", "--kind", "generate_sql", "--since", "1h"]);
    assert_eq!((code, listed.lines().count()), (Some(0), 3), "{listed}{said}");
    let (_, none, _) = run(&["dead", "list", "--error", "no such error", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&none).unwrap()["total"], 0);
    let (code, shown, _) = run(&["dead", "show", ids[0].as_str()]);
    assert!(code == Some(0) && shown.contains(COUNT), "{shown}");

    let (code, replayed, said) = run(&["dead", "replay", ids[0].as_str()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(replayed.contains("goes on as resp_") && replayed.contains("1 replayed, 0 failed."), "{replayed}");
    let (code, _, said) = run(&["dead", "replay", "--all"]);
    assert!(code == Some(1) && said.contains("2 jobs fit: add --yes"), "{said}");
    let (code, replayed, said) = run(&["dead", "replay", "--all", "--kind", "generate_sql", "--yes", "--json"]);
    assert_eq!((code, replayed.trim()), (Some(0), r#"{"failed":0,"replayed":2}"#), "{said}");

    let bad = Message { id: "bad".to_owned(), headers: BTreeMap::new(), body: b"{".to_vec().into() };
    world.ports.broker.publish(&Destination::Work(Queue::interactive("reply")), bad).await.unwrap();
    let store = &world.ports.store;
    let filter = DeadFilter { error: Some("unreadable".to_owned()), ..DeadFilter::default() };
    until("it", || async { store.dead_jobs(&Scope::Operator, &filter, 1).await.unwrap().pop() }).await;
    let operator = |rest: &[&str]| {
        let env = [("ASKLINE_EMBEDDED__DATA_DIR", folder.as_str())];
        let arguments = [&["dead"], rest, &["--operator"]].concat();
        tokio::task::block_in_place(|| askline(&arguments, &env))
    };
    let (code, listed, said) = operator(&["list", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((listed["total"].as_u64(), listed["data"][0]["body"].as_str()), (Some(1), Some("{")));
    let (code, _, said) = operator(&["replay", "--all", "--yes"]);
    assert!(code == Some(1) && said.contains("administrator"), "{said}");
    let (code, dropped, said) = operator(&["drop", listed["data"][0]["id"].as_str().unwrap()]);
    assert_eq!((code, dropped.trim()), (Some(0), "1 dropped, 0 failed."), "{said}");
    world.stop().await;
}
