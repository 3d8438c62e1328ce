//! What the suites of the ledger and the store stand on.

use crate::ledger::{Claim, Claimed, Commit, Committed, Grant, Outcome};
use crate::store::{AppStore, EndState, LlmCallRecord, NewTurn, Offered, StoredResult, TurnState};
use crate::{Clock, Ledger};
use contracts::event::Usage;
use contracts::job::Classify;
use contracts::{BusinessId, Envelope, HopId, Lane, ResultId, ResultSet, TurnId, UserId};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub const LEASE: Duration = Duration::from_secs(10);
pub const BUSINESS: &str = "biz_1";
pub const USER: &str = "usr_1";

/// The port under test: both traits on one database, and the clock that it was given.
#[derive(Clone)]
pub struct Bench {
    pub ledger: Arc<dyn Ledger>,
    pub store: Arc<dyn AppStore>,
    pub clock: Arc<ManualClock>,
}

/// A clock that stands still until it is told otherwise.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Any day will do.
    pub const START_MS: i64 = 1_760_000_000_000;

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self(AtomicI64::new(Self::START_MS))
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.now_ms().unsigned_abs()
    }
}

/// A question of the first user of the first business.
pub fn question(id: &str) -> NewTurn {
    NewTurn {
        id: id.into(),
        business: BUSINESS.into(),
        user: USER.into(),
        conversation: None,
        connection: None,
        question: "How many?".to_owned(),
        idempotency_key: None,
        lane: Lane::Interactive,
        share: None,
        created_ms: ManualClock::START_MS,
        deadline_ms: ManualClock::START_MS + 60_000,
        replay_of: None,
    }
}

pub fn business() -> BusinessId {
    BUSINESS.into()
}

pub fn user() -> UserId {
    USER.into()
}

/// What a turn begins with.
pub fn first_job(turn: &NewTurn) -> Envelope {
    let job = Classify { question: turn.question.clone(), shared_schema_ms: None };
    Envelope::first(turn.meta(), 2, &job).expect("a question is JSON")
}

pub fn hop(turn: &str) -> HopId {
    HopId::first(&turn.into(), "classify")
}

pub fn completed(answer: &str) -> EndState {
    EndState {
        state: TurnState::Completed,
        answer: answer.to_owned(),
        message_id: "msg_1".to_owned(),
        sql: None,
        result: None,
        error: None,
        reason: None,
        ended_ms: ManualClock::START_MS + 1_000,
    }
}

/// An outcome without next jobs.
pub fn outcome(turn: &str, hop: &HopId, fence: u64) -> Outcome {
    Outcome {
        hop: hop.clone(),
        turn: turn.into(),
        fence,
        next: Vec::new(),
        terminal_event: None,
        next_seq: 7,
        batches: 2,
        traceparent: None,
        dead: None,
        published: false,
    }
}

/// The grant of a first run.
pub fn first(fence: u64) -> Grant {
    Grant { fence, attempt: 1, spent: 1, cancel_requested: false, prepaid: 0 }
}

/// A call that took ten tokens and gave two.
pub fn call(turn: &str, id: &str) -> LlmCallRecord {
    LlmCallRecord {
        id: id.to_owned(),
        business: business(),
        turn: turn.into(),
        purpose: "reply".to_owned(),
        provider: "local".to_owned(),
        model: "small".to_owned(),
        usage: Usage { input_tokens: 10, output_tokens: 2, total_tokens: 12 },
        duration_ms: 5,
        at_ms: ManualClock::START_MS,
    }
}

pub fn rows(turn: &str, id: &str) -> StoredResult {
    let rows = ResultSet { columns: Vec::new(), rows: vec![vec![serde_json::json!(42)]], truncated: false };
    StoredResult { id: ResultId::from(id), business: business(), turn: turn.into(), rows }
}

impl Bench {
    pub async fn offer(&self, turn: NewTurn) -> Offered {
        self.store.offer(&turn, &first_job(&turn)).await.expect("offer")
    }

    /// A turn whose job is in the queue.
    pub async fn accepted(&self, id: &str) -> TurnId {
        self.accept(question(id)).await
    }

    pub async fn accept(&self, turn: NewTurn) -> TurnId {
        let id = turn.id.clone();
        assert_eq!(self.offer(turn).await, Offered::New);
        assert!(self.store.accept(&id).await.expect("accept"));
        id
    }

    /// A claim for work that asks no language model.
    pub fn claim_of(&self, turn: &str, hop: &HopId, owner: &str) -> Claim {
        Claim {
            hop: hop.clone(),
            turn: turn.into(),
            owner: owner.to_owned(),
            lease: LEASE,
            must_last: false,
            prepays: None,
        }
    }

    pub async fn claim(&self, turn: &str, hop: &HopId, owner: &str) -> Claimed {
        self.ledger.claim(self.claim_of(turn, hop, owner)).await.expect("claim")
    }

    pub async fn granted(&self, turn: &str, hop: &HopId) -> Grant {
        match self.claim(turn, hop, "worker").await {
            Claimed::Granted(grant) => grant,
            other => panic!("{hop} was not granted: {other:?}"),
        }
    }

    pub async fn commit(&self, outcome: Outcome, end: Option<EndState>) -> Committed {
        self.ledger.commit(Commit { end, ..Commit::of(outcome) }).await.expect("commit")
    }

    /// Runs a hop to its outcome.
    pub async fn done(&self, turn: &str, hop: &HopId) -> Outcome {
        let done = outcome(turn, hop, self.granted(turn, hop).await.fence);
        assert_eq!(self.commit(done.clone(), None).await, Committed::Stored);
        done
    }

    /// Asks a question and answers it in one hop.
    pub async fn answered(&self, turn: NewTurn, answer: &str) -> TurnId {
        let id = self.accept(turn).await;
        let hop = hop(id.as_str());
        let fence = self.granted(id.as_str(), &hop).await.fence;
        assert_eq!(self.commit(outcome(id.as_str(), &hop, fence), Some(completed(answer))).await, Committed::Stored);
        id
    }
}
