//! One job of one worker, run inline: on SQLite files, with the sample shop, a scripted language model, a clock that
//! stands still and ids that count. What it returned, told and asked of the ports is there to be looked at, and each
//! of its calls can be made to fail.

mod tape;
mod tapped;

use crate::world::{embedded_env, load};
use app::{Composed, Overrides, Roles};
use async_trait::async_trait;
use contracts::job::Classify;
use contracts::{ConnectionId, ConversationId, Envelope, Job, TurnId};
use ports::broker::{Delivery, Message, Receipt};
use ports::ledger::Commit;
use ports::store::NewTurn;
use ports::{Clock, Ids, Llm, PortError, Ports};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tape::{Failing, Tape};
use tapped::Tapped;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use worker_kit::{CancelRegistry, Flush, Handler, Limits, Runner, ShownSchemas};

const NOW_MS: i64 = 1_760_000_000_000;

/// Where jobs run inline.
pub struct Inline {
    runner: Runner,
    /// Everything outside, without the tape: to look at what was stored.
    pub ports: Ports,
    tape: Arc<Tape>,
    commits: Arc<Mutex<Vec<Commit>>>,
    events: Arc<Mutex<Vec<String>>>,
    turns: AtomicU64,
    _composed: Composed,
    _folder: TempDir,
}

/// What one run came to.
#[derive(Debug)]
pub struct Ran {
    /// What was stored: next job, end of the turn, rows. `None` when the job runs again.
    pub done: Option<Commit>,
    /// What the client heard, as JSON.
    pub events: Vec<Value>,
    /// What was asked of the ports, in order.
    pub calls: Vec<&'static str>,
}

/// A job of a turn, which may be run several times.
pub struct Order {
    /// The turn.
    pub turn: TurnId,
    message: Message,
}

struct StandingClock;

impl Clock for StandingClock {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn next(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// The journal of a job that runs inline is the test itself.
struct NoReceipt;

#[async_trait]
impl Receipt for NoReceipt {
    async fn ack(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }

    async fn requeue(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}

impl Inline {
    /// For a worker, with this language model.
    pub async fn new(handler: Arc<dyn Handler>, llm: Arc<dyn Llm>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = load(&embedded_env(&folder, &[]));
        let overrides = Overrides {
            llm: Some(llm),
            clock: Some(Arc::new(StandingClock)),
            ids: Some(Arc::new(CountingIds::default())),
            ..Overrides::default()
        };
        let composed = app::compose(&mut settings, &Roles::all(), overrides).await.expect("it is composed");
        let ports = composed.ports.clone();
        app::prepare_demo(&ports, &settings).await.expect("the sample shop is there");
        let (tape, commits, events) = (Arc::<Tape>::default(), Arc::default(), Arc::default());
        let runner = runner(handler, tapped(&ports, &tape, &commits, &events));
        Self { runner, ports, tape, commits, events, turns: AtomicU64::new(0), _composed: composed, _folder: folder }
    }

    /// A job of a turn of its own.
    pub async fn order<J: Job>(&self, job: &J) -> Order {
        let turn = self.turn().await;
        order_of(turn, job)
    }

    /// As `order`, about another connection than the sample shop.
    pub async fn order_on<J: Job>(&self, connection: &ConnectionId, job: &J) -> Order {
        order_of(self.turn_on(connection).await, job)
    }

    /// As `order`, in a turn that begins its conversation. The other orders go on with one.
    pub async fn order_beginning<J: Job>(&self, job: &J) -> Order {
        let turn = self.turn().await;
        order_of(NewTurn { conversation: Some(ConversationId::begun_by(&turn.id)), ..turn }, job)
    }

    /// As `order`, in a turn that may take so long.
    pub async fn order_due_in<J: Job>(&self, left: Duration, job: &J) -> Order {
        let left_ms = i64::try_from(left.as_millis()).expect("a time in range");
        order_of(NewTurn { deadline_ms: NOW_MS + left_ms, ..self.turn().await }, job)
    }

    /// As `order`, for a job that must know its turn.
    pub async fn order_for<J: Job>(&self, make: impl AsyncFnOnce(&TurnId) -> J) -> Order {
        let turn = self.turn().await;
        let job = make(&turn.id).await;
        order_of(turn, &job)
    }

    /// Runs it once, as if it had just been delivered.
    pub async fn run(&self, order: &Order) -> Ran {
        self.play(order, None).await
    }

    /// As `run`; the call of this number, from 0, fails.
    pub async fn run_failing(&self, order: &Order, number: usize) -> Ran {
        self.play(order, Some(Failing::Number(number))).await
    }

    /// As `run`; each call of this name fails.
    pub async fn run_without(&self, order: &Order, call: &'static str) -> Ran {
        self.play(order, Some(Failing::Named(call))).await
    }

    /// As `run`; the call of this name and number, from 0, fails.
    pub async fn run_without_nth(&self, order: &Order, call: &'static str, number: usize) -> Ran {
        self.play(order, Some(Failing::Nth(call, number))).await
    }

    async fn play(&self, order: &Order, failing: Option<Failing>) -> Ran {
        self.tape.rewind(failing);
        self.commits.lock().unwrap().clear();
        self.events.lock().unwrap().clear();
        let (message, receipt) = (order.message.clone(), Box::new(NoReceipt));
        self.runner.process(Delivery { message, redelivered: false, receipt }).await;
        let events = self.events.lock().unwrap().iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        Ran { done: self.commits.lock().unwrap().pop(), events, calls: self.tape.calls() }
    }

    /// Runs the job once for each call that it makes, and fails that call. Whatever fails, the job comes to what it
    /// comes to undisturbed, or its turn ends with a clear error, or it runs again and comes to the same then. Gives
    /// the calls.
    pub async fn fails_safely_at_every_call<J: Job>(&self, job: &J) -> Vec<&'static str> {
        let order = self.order(job).await;
        let undisturbed = self.run(&order).await;
        let expected = undisturbed.essence(&order).expect("the job is done when nothing fails");
        for (n, call) in undisturbed.calls.iter().enumerate() {
            let order = self.order(job).await;
            let disturbed = self.run_failing(&order, n).await;
            match disturbed.essence(&order) {
                Some(essence) if essence == expected || disturbed.is_clear_error() => continue,
                Some(wrong) => panic!("{call} ({n}) failed, and the job came to {wrong:#}"),
                None => {}
            }
            let again = self.run(&order).await;
            assert_eq!(again.essence(&order).as_ref(), Some(&expected), "the run after {call} ({n}) failed");
        }
        undisturbed.calls
    }

    /// Runs the job to the point where its outcome should be stored, lets that fail, and runs it again.
    pub async fn comes_to_the_same_twice<J: Job>(&self, job: &J) {
        let order = self.order(job).await;
        let first = self.run(&order).await;
        let order_again = self.order(job).await;
        let lost = self.run_without(&order_again, "commit").await;
        assert!(lost.done.is_none(), "the outcome was not stored");
        let second = self.run(&order_again).await;
        assert_eq!(second.essence(&order_again), first.essence(&order));
    }

    async fn turn(&self) -> NewTurn {
        self.turn_on(&"con_sample_shop".into()).await
    }

    async fn turn_on(&self, connection: &ConnectionId) -> NewTurn {
        let turn = NewTurn {
            id: TurnId(format!("resp_inline{:04}", self.turns.fetch_add(1, Ordering::Relaxed))),
            business: "biz_demo".into(),
            user: "usr_demo".into(),
            conversation: Some("conv_inline".into()),
            connection: Some(connection.clone()),
            question: "How many customers do we have?".to_owned(),
            idempotency_key: None,
            lane: contracts::Lane::Interactive,
            share: None,
            created_ms: NOW_MS,
            deadline_ms: NOW_MS + 60_000,
            replay_of: None,
        };
        let job = Classify { question: turn.question.clone(), shared_schema_ms: None };
        let first = Envelope::first(turn.meta(), 2, &job).expect("a job is JSON");
        self.ports.store.offer(&turn, &first).await.expect("the turn is offered");
        assert!(self.ports.store.accept(&turn.id).await.expect("the turn is accepted"));
        turn
    }
}

impl Ran {
    /// The event types that the client heard.
    pub fn heard(&self) -> Vec<&str> {
        self.events.iter().filter_map(|event| event["type"].as_str()).collect()
    }

    /// What was decided, with the turn's own id left out; `None` when nothing was.
    fn essence(&self, order: &Order) -> Option<Value> {
        let commit = self.done.as_ref()?;
        let next: Vec<_> = commit.outcome.next.iter().map(|next| json!({"kind": next.kind, "job": next.job})).collect();
        let rows = commit.result.as_ref().map(|result| &result.rows);
        let decided = json!({"next": next, "end": commit.end, "rows": rows}).to_string();
        let own = order.turn.as_str();
        let neutral = decided.replace(own, "TURN").replace(own.trim_start_matches("resp_"), "TURN");
        Some(serde_json::from_str(&neutral).expect("JSON stays JSON"))
    }

    /// True when it ended the turn with an error that has a code and a sentence.
    fn is_clear_error(&self) -> bool {
        let end = self.done.as_ref().and_then(|commit| commit.end.as_ref());
        let error = end.and_then(|end| end.error.as_ref());
        error.is_some_and(|error| !error.code.is_empty() && error.message.len() > 20)
    }
}

fn order_of<J: Job>(turn: NewTurn, job: &J) -> Order {
    let envelope = Envelope::first(turn.meta(), 2, job).expect("a job is JSON");
    Order { turn: turn.id, message: Message::carrying(&envelope, None).expect("an envelope is JSON") }
}

fn runner(handler: Arc<dyn Handler>, ports: Ports) -> Runner {
    let limits = Limits {
        lease: Duration::from_secs(60),
        renew: Duration::from_secs(20),
        keep_outcome: Duration::from_millis(100),
        longest_run: Duration::from_secs(60),
        defer: Duration::ZERO,
        stuck_after: Duration::ZERO,
        max_attempts: 5,
        llm_calls: 8,
        masking: Arc::default(),
        schemas: Arc::new(ShownSchemas::new(Arc::default(), 1)),
        clear_to_llm: false,
        flush: Flush { after: Duration::from_millis(1), bytes: 4_096 },
    };
    Runner::new(handler, ports, limits, "inline".to_owned(), CancelRegistry::default(), CancellationToken::new())
}

fn tapped(
    ports: &Ports,
    tape: &Arc<Tape>,
    commits: &Arc<Mutex<Vec<Commit>>>,
    events: &Arc<Mutex<Vec<String>>>,
) -> Ports {
    fn tap<P: ?Sized>(port: &Arc<P>, like: &Tapped<()>) -> Arc<Tapped<P>> {
        let (tape, commits, events) = (like.tape.clone(), like.commits.clone(), like.events.clone());
        Arc::new(Tapped { port: port.clone(), tape, commits, events })
    }
    let like = Tapped { port: Arc::new(()), tape: tape.clone(), commits: commits.clone(), events: events.clone() };
    Ports {
        ledger: tap(&ports.ledger, &like),
        store: tap(&ports.store, &like),
        events: tap(&ports.events, &like),
        llm: tap(&ports.llm, &like),
        sources: tap(&ports.sources, &like),
        vault: tap(&ports.vault, &like),
        ..ports.clone()
    }
}

/// Answers each purpose with a text.
pub struct ByPurpose(BTreeMap<&'static str, &'static str>);

impl ByPurpose {
    /// Pairs of a purpose (`classify`, `generate_sql`, `reply`) and a text.
    pub fn new(texts: &[(&'static str, &'static str)]) -> Arc<Self> {
        Arc::new(Self(texts.iter().copied().collect()))
    }
}

#[async_trait]
impl Llm for ByPurpose {
    async fn stream(&self, call: ports::llm::Call) -> Result<ports::llm::Pieces, ports::llm::Error> {
        use ports::llm::{Completion, Error, Piece};
        if !call.budget.spend().await? {
            return Err(Error::BudgetSpent);
        }
        let purpose = call.request.purpose.as_str();
        let text = self.0.get(purpose).ok_or_else(|| Error::Unavailable(format!("no text for {purpose}")))?;
        let completion = Completion {
            text: (*text).to_owned(),
            usage: Default::default(),
            provider: "scripted".to_owned(),
            model: "scripted".to_owned(),
            cut: false,
            confidence: None,
        };
        let pieces = [Piece::Delta((*text).to_owned()), Piece::Done(completion)].map(Ok);
        Ok(Box::pin(futures_util::stream::iter(pieces)))
    }

    fn providers(&self) -> Vec<String> {
        vec!["scripted".to_owned()]
    }

    async fn check(&self) -> Vec<(String, Result<String, String>)> {
        Vec::new()
    }
}
