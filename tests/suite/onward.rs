//! A process that does the next step, too, goes on with it without a queue.

use crate::fake_llm::{answer_to, said};
use crate::mode::{Mode, numbers};
use app::Overrides;
use async_trait::async_trait;
use ports::dead::{DeadFilter, Scope};
use ports::llm::{Call, Error, Llm, Pieces};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use testkit::{Transcript, World};

const COUNT: &str = "How many customers do we have?";
/// classify, generate_sql, execute_sql, reply.
const STEPS: i64 = 4;
const PATIENCE: Duration = Duration::from_secs(30);
const FOR_LONG_MS: u64 = 30_000;
/// Nothing is deferred for longer.
const RENEW_MS: u64 = 3_000;

in_both_modes!(
    a_turn_passes_one_queue_where_one_process_does_all_steps,
    a_turn_passes_every_queue_where_that_is_asked_for,
    a_turn_that_takes_long_is_passed_along,
    a_step_that_fails_comes_again_by_its_own_queue,
    a_step_that_is_given_up_is_kept_under_its_own_kind,
    steps_that_take_no_time_are_stored_with_the_one_after_them,
    what_took_long_is_stored_by_itself,
    a_step_that_fails_after_one_that_is_not_stored_comes_again_alone,
    a_step_that_is_given_up_after_one_that_is_not_stored_is_kept_under_its_own_kind,
    a_cancel_ends_a_step_and_those_before_it_that_are_not_stored,
);

/// Sorts questions after a while, panics some times before it writes a statement, and may never write one.
#[derive(Default)]
struct Moody {
    sorts_after: Duration,
    panics: AtomicU32,
    hangs: bool,
}

impl Moody {
    fn panicking(times: u32) -> Self {
        Self { panics: AtomicU32::new(times), ..Self::default() }
    }

    fn panics_now(&self) -> bool {
        let fewer = |left: u32| left.checked_sub(1);
        self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok()
    }
}

#[async_trait]
impl Llm for Moody {
    async fn stream(&self, call: Call) -> Result<Pieces, Error> {
        if !call.budget.spend().await? {
            return Err(Error::BudgetSpent);
        }
        match call.request.purpose.as_str() {
            "classify" => tokio::time::sleep(self.sorts_after).await,
            "generate_sql" if self.panics_now() => panic!("as the test wants it"),
            "generate_sql" if self.hangs => std::future::pending().await,
            _ => {}
        }
        Ok(said(answer_to(call.request.purpose.as_str())))
    }

    fn providers(&self) -> Vec<String> {
        vec!["fake".to_owned()]
    }

    async fn check(&self) -> Vec<(String, Result<String, String>)> {
        Vec::new()
    }
}

struct Asked {
    world: World,
    transcript: Transcript,
    went_on: i64,
    steps: i64,
}

/// Every step is stored by itself.
async fn asked(mode: Mode, llm: Moody, go_on_ms: u64) -> Asked {
    asked_deferring(mode, llm, go_on_ms, 0).await
}

async fn asked_deferring(mode: Mode, llm: Moody, go_on_ms: u64, defer_ms: u64) -> Asked {
    let world = world(mode, llm, go_on_ms, defer_ms).await;
    let transcript = world.client().ask(COUNT).await;
    let [went_on, steps] = stored(mode, &world, transcript.check().id()).await;
    Asked { world, transcript, went_on, steps }
}

async fn world(mode: Mode, llm: Moody, go_on_ms: u64, defer_ms: u64) -> World {
    let pairs = [
        ("ASKLINE_WORKERS__GO_ON_MS", go_on_ms.to_string()),
        ("ASKLINE_WORKERS__DEFER_MS", defer_ms.to_string()),
        ("ASKLINE_WORKERS__RENEW_MS", RENEW_MS.to_string()),
        ("ASKLINE_WORKERS__MAX_ATTEMPTS", "2".to_owned()),
    ];
    mode.world_with(&pairs, Overrides { llm: Some(Arc::new(llm)), ..Overrides::default() }).await
}

/// Outcomes from which a run went on, and all.
async fn stored(mode: Mode, world: &World, turn: &str) -> [i64; 2] {
    let of = |what: &str| format!("SELECT count(*) FROM hops WHERE turn_id = '{turn}' AND {what}");
    let counts = numbers(&mode.store_url(world), &[&of("went_on"), &of("hop <> ''")]).await;
    [counts[0], counts[1]]
}

impl Asked {
    /// It was answered, and so many of its steps led on without a queue.
    async fn answers(self, went_on: i64) {
        let begun: Vec<_> = self.transcript.of("response.askline.step.started").collect();
        assert_eq!(self.transcript.text(), answer_to("reply"), "{:#?}", self.transcript.terminal());
        assert_eq!((self.went_on, self.steps), (went_on, STEPS), "{begun:#?}");
        self.classified_once();
        self.world.stop().await;
    }

    /// It was answered, and so many outcomes tell of all that was done.
    async fn answers_with(self, outcomes: i64) {
        assert_eq!(self.transcript.text(), answer_to("reply"), "{:#?}", self.transcript.terminal());
        assert_eq!((self.went_on, self.steps), (outcomes - 1, outcomes));
        let steps: Vec<_> = self.transcript.of("response.askline.step.completed").map(|step| &step["step"]).collect();
        assert_eq!(steps, ["classify", "generate_sql", "execute_sql", "reply"]);
        self.classified_once();
        self.world.stop().await;
    }

    fn classified_once(&self) {
        let begun: Vec<_> = self.transcript.of("response.askline.step.started").collect();
        let classified = begun.iter().filter(|step| step["step"] == "classify").count();
        assert_eq!(classified, 1, "what was done is not done again: {begun:#?}");
    }
}

/// The kinds of the jobs at the desk, once there are any.
async fn kept_kinds(world: &World) -> Vec<String> {
    let started = Instant::now();
    loop {
        let kept = world.ports.store.dead_jobs(&Scope::Operator, &DeadFilter::default(), 10).await.unwrap();
        if !kept.is_empty() {
            return kept.into_iter().map(|job| job.kind).collect();
        }
        assert!(started.elapsed() < PATIENCE, "no job came to the desk");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn a_turn_passes_one_queue_where_one_process_does_all_steps(mode: Mode) {
    asked(mode, Moody::default(), FOR_LONG_MS).await.answers(STEPS - 1).await;
}

async fn a_turn_passes_every_queue_where_that_is_asked_for(mode: Mode) {
    asked(mode, Moody::default(), 0).await.answers(0).await;
}

/// It goes on under the next delivery.
async fn a_turn_that_takes_long_is_passed_along(mode: Mode) {
    let (go_on_ms, sorts_after) = (4_000, Duration::from_millis(4_000));
    asked(mode, Moody { sorts_after, ..Moody::default() }, go_on_ms).await.answers(STEPS - 2).await;
}

async fn a_step_that_fails_comes_again_by_its_own_queue(mode: Mode) {
    asked(mode, Moody::panicking(1), FOR_LONG_MS).await.answers(STEPS - 1).await;
}

async fn a_step_that_is_given_up_is_kept_under_its_own_kind(mode: Mode) {
    let asked = asked(mode, Moody::panicking(2), FOR_LONG_MS).await;
    assert_eq!(asked.transcript.error().0, "attempts_used_up", "{:#?}", asked.transcript.terminal());
    assert_eq!(kept_kinds(&asked.world).await, ["generate_sql"]);
    asked.world.stop().await;
}

/// Those of the sorter, the generator and the executor are one outcome, because the rows must be kept.
async fn steps_that_take_no_time_are_stored_with_the_one_after_them(mode: Mode) {
    let asked = asked_deferring(mode, Moody::default(), FOR_LONG_MS, FOR_LONG_MS).await;
    let turn = asked.transcript.id().to_owned();
    let calls = format!("SELECT count(*) FROM llm_calls WHERE turn_id = '{turn}'");
    let spent = format!("SELECT llm_calls FROM turns WHERE id = '{turn}'");
    let counts = numbers(&mode.store_url(&asked.world), &[&calls, &spent]).await;
    assert_eq!(counts, [3, 3], "each call to the model is on record, and spent");
    asked.answers_with(2).await;
}

async fn what_took_long_is_stored_by_itself(mode: Mode) {
    let sorts_after = Duration::from_millis(RENEW_MS);
    asked_deferring(mode, Moody { sorts_after, ..Moody::default() }, FOR_LONG_MS, FOR_LONG_MS)
        .await
        .answers_with(3)
        .await;
}

async fn a_step_that_fails_after_one_that_is_not_stored_comes_again_alone(mode: Mode) {
    asked_deferring(mode, Moody::panicking(1), FOR_LONG_MS, FOR_LONG_MS).await.answers_with(3).await;
}

async fn a_step_that_is_given_up_after_one_that_is_not_stored_is_kept_under_its_own_kind(mode: Mode) {
    let asked = asked_deferring(mode, Moody::panicking(2), FOR_LONG_MS, FOR_LONG_MS).await;
    assert_eq!(asked.transcript.error().0, "attempts_used_up", "{:#?}", asked.transcript.terminal());
    assert_eq!(kept_kinds(&asked.world).await, ["generate_sql"]);
    let kept = asked.world.ports.store.dead_jobs(&Scope::Operator, &DeadFilter::default(), 10).await.unwrap();
    assert_eq!(asked.transcript.terminal()["response"]["error"]["dead_job"], kept[0].id.as_str());
    asked.world.stop().await;
}

async fn a_cancel_ends_a_step_and_those_before_it_that_are_not_stored(mode: Mode) {
    let world = world(mode, Moody { hangs: true, ..Moody::default() }, FOR_LONG_MS, FOR_LONG_MS).await;
    let mut client = world.client();
    client.create(json!({"input": COUNT})).await;
    let begins = |event: &Value| event["type"] == "response.askline.step.started" && event["step"] == "generate_sql";
    let heard = client.listen_until(begins).await;
    let id = heard.last().expect("a step begins")["response_id"].clone();
    client.send(json!({"type": "response.cancel", "response_id": id})).await;
    let ended = client.listen_on(heard.into_iter().filter(|event| event["response_id"].is_string()).collect()).await;
    assert_eq!(ended.check().status(), "incomplete", "{:#?}", ended.terminal());
    assert_eq!(stored(mode, &world, ended.id()).await, [0, 1]);
    world.stop().await;
}
