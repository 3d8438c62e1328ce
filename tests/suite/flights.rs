//! The same question, asked by several at the same moment, is run once. Every case runs in both modes.

use crate::mode::Mode;
use ports::audit::AuditPhase;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use testkit::llm_server::Script;
use testkit::{Client, Embedded, Processes, ScriptedLlm, Transcript, World, binary, free_port};

const COUNT: &str = "How many customers do we have?";
const STARTED: &str = "response.askline.step.started";

macro_rules! in_both_modes {
    ($($case:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() { super::$case(super::Mode::Embedded).await; })*
        }
        mod distributed {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() { super::$case(super::Mode::Distributed).await; })*
        }
    };
}

in_both_modes!(
    a_question_in_flight_is_run_once_for_all_who_ask_it,
    who_stops_leaves_the_others_their_answer,
    a_leader_that_is_stopped_hands_over_what_it_has_found,
    the_error_of_a_question_is_everybodys,
    with_the_setting_off_each_question_is_run,
    a_follower_outlasts_the_longest_run_and_repeats_nothing,
);

/// Holds the first call of one purpose until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        tokio::task::block_in_place(|| {
            let open = self.0.0.lock().unwrap();
            drop(self.0.1.wait_timeout_while(open, Duration::from_secs(60), |open| !*open).unwrap());
        });
    }
}

struct Stage {
    llm: ScriptedLlm,
    gate: Gate,
}

impl Stage {
    async fn holding(held: &'static str, sql: &'static str) -> Self {
        let gate = Gate::default();
        let (closed, is_first) = (gate.clone(), AtomicBool::new(true));
        let llm = ScriptedLlm::with(move |purpose, _| {
            if purpose == held && is_first.swap(false, Ordering::SeqCst) {
                closed.pass();
            }
            match purpose {
                "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
                "generate_sql" => Script::answer(&[sql]),
                _ => Script::answer(&["There ", "are ", "28."]),
            }
        })
        .await;
        Self { llm, gate }
    }

    fn pairs(&self) -> Vec<(&'static str, String)> {
        let provider = self.llm.provider("scripted").replace("first_byte_timeout_s=2", "first_byte_timeout_s=100");
        vec![
            ("ASKLINE_LLM__PROVIDERS", format!("[{provider}]")),
            ("ASKLINE_TURN__CORRECTION_ROUNDS", "0".to_owned()),
            ("ASKLINE_WORKERS__LEASE_MS", "1500".to_owned()),
            ("ASKLINE_WORKERS__RENEW_MS", "400".to_owned()),
        ]
    }

    async fn world(&self, mode: Mode) -> World {
        mode.world(&self.pairs()).await
    }

    fn calls(&self) -> usize {
        self.llm.server.received().len()
    }
}

const SOUND: &str = "SELECT COUNT(*) FROM customers";

type Asking = (Client, Vec<Value>);

/// Asks, and waits until this step has begun.
async fn ask_until(mut client: Client, step: &str) -> Asking {
    client.create(json!({"input": COUNT})).await;
    let heard = client.listen_until(|event| event["type"] == STARTED && event["step"] == step).await;
    (client, heard.into_iter().filter(|event| event["response_id"].is_string()).collect())
}

async fn stop(asking: &mut Asking) {
    let id = asking.1[0]["response_id"].clone();
    asking.0.send(json!({"type": "response.cancel", "response_id": id})).await;
}

async fn end((mut client, heard): Asking) -> Transcript {
    let transcript = client.listen_on(heard).await;
    transcript.check();
    transcript
}

fn is_answered(transcript: &Transcript) {
    assert_eq!(transcript.status(), "completed", "{:#?}", transcript.terminal());
    assert_eq!(transcript.text(), "There are 28.");
    assert_eq!(transcript.streamed(), transcript.text());
    assert_eq!(transcript.of("response.askline.rows").last().unwrap()["rows"], json!([[28]]));
}

async fn verdicts(world: &World, transcript: &Transcript) -> Vec<String> {
    let rows = world.ports.store.audit_of(&"biz_demo".into(), &transcript.id().into()).await.unwrap();
    rows.into_iter().filter(|row| row.phase != AuditPhase::Outcome).map(|row| row.verdict).collect()
}

async fn a_question_in_flight_is_run_once_for_all_who_ask_it(mode: Mode) {
    let stage = Stage::holding("generate_sql", SOUND).await;
    let world = stage.world(mode).await;
    let leader = ask_until(world.client(), "generate_sql").await;
    let first = ask_until(world.client(), "follow").await;
    let second = ask_until(world.client(), "follow").await;
    stage.gate.open();
    let (leader, first, second) = tokio::join!(end(leader), end(first), end(second));
    [&leader, &first, &second].into_iter().for_each(is_answered);
    assert_eq!(stage.calls(), 3, "one run: classify, generate, reply");
    assert_eq!(verdicts(&world, &leader).await, ["execute"]);
    for follower in [&first, &second] {
        assert_eq!(verdicts(&world, follower).await, ["shared"]);
        let turn = world.ports.store.turn(&"biz_demo".into(), &follower.id().into()).await.unwrap().unwrap();
        assert_eq!(turn.end.unwrap().answer, "There are 28.");
    }
    let later = world.client().ask(COUNT).await;
    is_answered(&later);
    assert_eq!(stage.calls(), 6, "a question whose answer is there is asked anew");
    world.stop().await;
}

async fn who_stops_leaves_the_others_their_answer(mode: Mode) {
    let stage = Stage::holding("generate_sql", SOUND).await;
    let world = stage.world(mode).await;
    let leader = ask_until(world.client(), "generate_sql").await;
    let mut first = ask_until(world.client(), "follow").await;
    let second = ask_until(world.client(), "follow").await;
    stop(&mut first).await;
    let stopped = end(first).await;
    assert_eq!(stopped.terminal()["response"]["incomplete_details"]["reason"], "cancelled");
    stage.gate.open();
    let (leader, second) = tokio::join!(end(leader), end(second));
    [&leader, &second].into_iter().for_each(is_answered);
    assert_eq!(stage.calls(), 3);
    world.stop().await;
}

async fn a_leader_that_is_stopped_hands_over_what_it_has_found(mode: Mode) {
    let stage = Stage::holding("reply", SOUND).await;
    let world = stage.world(mode).await;
    let mut leader = ask_until(world.client(), "reply").await;
    let first = ask_until(world.client(), "follow").await;
    let second = ask_until(world.client(), "follow").await;
    assert!(stage.llm.server.was_asked(3).await);
    stop(&mut leader).await;
    let leader = end(leader).await;
    assert_eq!(leader.status(), "incomplete");
    let (first, second) = tokio::join!(end(first), end(second));
    [&first, &second].into_iter().for_each(is_answered);
    assert_eq!(stage.calls(), 4, "only the step that was broken off is done again, and once");
    assert_eq!(verdicts(&world, &leader).await, ["execute"]);
    assert_eq!((verdicts(&world, &first).await, verdicts(&world, &second).await), (shared(), shared()));
    stage.gate.open();
    world.stop().await;
}

fn shared() -> Vec<String> {
    vec!["shared".to_owned()]
}

async fn the_error_of_a_question_is_everybodys(mode: Mode) {
    let stage = Stage::holding("generate_sql", "SELECT * FROM payroll").await;
    let world = stage.world(mode).await;
    let leader = ask_until(world.client(), "generate_sql").await;
    let follower = ask_until(world.client(), "follow").await;
    stage.gate.open();
    let (leader, follower) = tokio::join!(end(leader), end(follower));
    assert_eq!((leader.status(), follower.status()), ("failed", "failed"));
    assert_eq!(leader.error(), follower.error());
    assert_eq!(leader.error().0, "statement_refused");
    assert_eq!(stage.calls(), 2);
    world.stop().await;
}

async fn with_the_setting_off_each_question_is_run(mode: Mode) {
    let stage = Stage::holding("generate_sql", SOUND).await;
    let mut pairs = stage.pairs();
    pairs.push(("ASKLINE_TURN__SINGLE_FLIGHT", "false".to_owned()));
    let world = mode.world(&pairs).await;
    let first = ask_until(world.client(), "generate_sql").await;
    is_answered(&world.client().ask(COUNT).await);
    stage.gate.open();
    is_answered(&end(first).await);
    assert_eq!(stage.calls(), 6);
    world.stop().await;
}

/// Longer than this no run may take, and no step of the leader does.
const LONGEST: Duration = Duration::from_secs(2);

/// A leader whose steps take a second and more each: a statement that is refused, a better one, a long answer.
async fn slow_leader() -> Stage {
    let llm = ScriptedLlm::with(|purpose, count| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
        "generate_sql" if count == 1 => Script::answer(&["SELECT * FROM payroll"]).after(Duration::from_millis(1_200)),
        "generate_sql" => Script::answer(&[SOUND]).after(Duration::from_millis(1_200)),
        _ => Script::answer(&["There ", "are ", "28", "."]).paced(Duration::from_millis(200)),
    })
    .await;
    Stage { llm, gate: Gate::default() }
}

async fn a_follower_outlasts_the_longest_run_and_repeats_nothing(mode: Mode) {
    let stage = slow_leader().await;
    let mut pairs = stage.pairs();
    pairs.retain(|(name, _)| *name != "ASKLINE_TURN__CORRECTION_ROUNDS");
    pairs.push(("ASKLINE_WORKERS__LONGEST_RUN_S", LONGEST.as_secs().to_string()));
    let world = mode.world(&pairs).await;
    let leader = ask_until(world.client(), "generate_sql").await;
    let follower = ask_until(world.client(), "follow").await;
    let began = Instant::now();
    let (leader, follower) = tokio::join!(end(leader), end(follower));
    assert!(began.elapsed() > LONGEST, "the follower took longer than one run may");
    [&leader, &follower].into_iter().for_each(is_answered);
    let once = ["response.askline.sql.rejected", "response.askline.rows", "response.output_item.added"];
    for (kind, expected) in once.into_iter().map(|kind| (kind, 1)).chain([("response.askline.sql.generated", 2)]) {
        assert_eq!(follower.of(kind).count(), expected, "{kind}: {:#?}", follower.types());
    }
    let follows = follower.of(STARTED).filter(|event| event["step"] == "follow").map(|event| event["attempt"].as_u64());
    assert_eq!(follows.collect::<Vec<_>>(), [Some(1)], "it goes on, it does not begin again");
    assert_eq!(deltas(&follower).concat(), "There are 28.", "no piece of the text is said twice");
    assert!(deltas(&follower).len() > 1, "the answer is streamed as it comes");
    assert_eq!(stage.calls(), 4, "one run: classify, generate twice, reply");
    world.stop().await;
}

fn deltas(transcript: &Transcript) -> Vec<&str> {
    transcript.of("response.output_text.delta").filter_map(|event| event["delta"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_killed_every_asker_has_the_answer() {
    let stage = Stage::holding("generate_sql", SOUND).await;
    let mut processes = Processes::start(&binary(), &stage.pairs()).await;
    let leader = ask_until(processes.client(), "generate_sql").await;
    let follower = ask_until(processes.client(), "follow").await;
    for role in ["classify", "generate_sql"] {
        processes.running.get_mut(role).unwrap().kill();
        processes.start_role(role, &[]);
    }
    stage.gate.open();
    let (leader, follower) = tokio::join!(end(leader), end(follower));
    [&leader, &follower].into_iter().for_each(is_answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_embedded_process_is_killed_and_every_asker_has_the_answer() {
    let stage = Stage::holding("generate_sql", SOUND).await;
    let (binary, folder, port) = (binary(), tempfile::tempdir().unwrap(), free_port());
    let mut first = Embedded::start(&binary, &folder, port, &stage.pairs()).await;
    let leader = ask_until(first.client(), "generate_sql").await;
    let follower = ask_until(first.client(), "follow").await;
    first.process.kill();
    stage.gate.open();
    let second = Embedded::start(&binary, &folder, port, &stage.pairs()).await;
    let (leader, follower) = tokio::join!(end(leader), end(follower));
    [&leader, &follower].into_iter().for_each(is_answered);
    drop(second);
}
