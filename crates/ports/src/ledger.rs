//! Who works on what, what came of it, and what a turn may still spend.
//!
//! Three words: a *hop* is the piece of work; the *fence* grows with each claim of any hop of a turn; an
//! *attempt* is a run of a hop. A hop has at most one outcome. A turn has at most one terminal state.

use crate::PortError;
use crate::store::{EndState, LlmCallRecord, StoredResult};
use async_trait::async_trait;
use contracts::{Envelope, HopId, TurnId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A request to work on a hop.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The hop.
    pub hop: HopId,
    /// Its turn.
    pub turn: TurnId,
    /// Who asks: one id per process start.
    pub owner: String,
    /// How long the claim holds without renewal.
    pub lease: Duration,
    /// For work that streams text: the claim survives a crash of the store, so that a run after it is known to be another
    /// attempt.
    pub must_last: bool,
    /// For work that asks a language model.
    pub prepays: Option<Prepay>,
}

/// Calls to language models that a claim spends, so that its run need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepay {
    /// So many.
    pub calls: u32,
    /// Of all that the turn may make.
    pub most: u32,
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Claimed {
    /// Go ahead.
    Granted(Grant),
    /// Somebody else holds it for at most this long.
    Busy(Duration),
    /// The hop has an outcome: publish it if it says so, and do no more.
    Done(Box<Outcome>),
    /// The turn has ended, was refused, or is unknown: drop the job.
    Over,
}

/// A granted claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// This claim's fence.
    pub fence: u64,
    /// Which run of the hop this is, from 1. A released run that used nothing does not count.
    pub attempt: u32,
    /// Attempts of the hop that are spent when this run fails, from 1: every run so far but those that were given back
    /// without having failed. A run that ended its process counts.
    pub spent: u32,
    /// True when the user has asked to stop.
    pub cancel_requested: bool,
    /// Calls to language models that are spent by this claim, and may be made.
    pub prepaid: u32,
}

/// What a run has used of its hop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Used {
    /// Nothing: the next run is the same attempt.
    #[default]
    Nothing,
    /// Its number, because clients or the audit know the run by it. It has not failed: a drain, a snooze, a server of
    /// ours that was away.
    Number,
    /// Its number, and one of the attempts after which the job is given up.
    Attempt,
}

/// What a claim that is given back has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Back {
    /// Of the hop.
    pub used: Used,
    /// Calls that the claim spent and that were not made.
    pub unused_calls: u32,
}

/// What came of a hop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The hop.
    pub hop: HopId,
    /// Its turn.
    pub turn: TurnId,
    /// Under which claim.
    pub fence: u64,
    /// What to publish next.
    pub next: Vec<Envelope>,
    /// The terminal event's JSON, when the hop ended the turn.
    pub terminal_event: Option<String>,
    /// Number for that event: see `Append::floor`.
    pub next_seq: u64,
    /// Appends that the hop made under its fence: see `Append::batch`.
    pub batches: u64,
    /// Trace context of the run, carried on to what it publishes.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// Why the job of the hop belongs in the dead queue; `None` when it does not.
    #[serde(default)]
    pub dead: Option<String>,
    /// True when all of it has been published. It is not where the run went on with the next hop ([`Commit::then`]), whose
    /// job is in no queue: whoever comes upon the outcome must publish it.
    #[serde(default)]
    pub published: bool,
}

/// What is stored with an outcome, in one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The outcome.
    pub outcome: Outcome,
    /// The rows that the hop found.
    pub result: Option<StoredResult>,
    /// How the turn ends, when the hop ends it.
    pub end: Option<EndState>,
    /// The calls to language models that the run made.
    pub calls: Vec<LlmCallRecord>,
    /// Calls that the claim spent and that were not made: the turn may make them.
    pub unused_calls: u32,
    /// The claim of the next hop, made in the same transaction. It is granted where the outcome is stored: whoever works
    /// goes on at once, and the next job is in no queue.
    pub then: Option<Claim>,
}

impl Commit {
    /// An outcome and nothing beside it.
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, result: None, end: None, calls: Vec::new(), unused_calls: 0, then: None }
    }

    /// True when what it holds can be had from nowhere else: the turn's end, rows that the next hop reads, the word
    /// that a job is dead, the claim of a run that streams, a next job under a name that another run would not give it. An
    /// outcome that only says what comes next may be forgotten by a store that crashes: its job is delivered again and
    /// decides anew, or the next one was published before.
    pub fn must_last(&self) -> bool {
        let claims_for_good = self.then.as_ref().is_some_and(|claim| claim.must_last);
        let outcome = &self.outcome;
        let is_as_ever = |next: &Envelope| next.hop == outcome.hop.child(&next.kind, 0);
        let names_anew = !outcome.next.iter().all(is_as_ever);
        self.end.is_some() || self.result.is_some() || outcome.dead.is_some() || claims_for_good || names_anew
    }
}

/// The answer to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Stored.
    Stored,
    /// Stored, and the next hop is claimed under this grant.
    WentOn(Grant),
    /// A newer claim holds the turn, or the turn has ended: nothing was stored, and the writer must stop.
    Fenced,
}

/// The answer to a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// Still held.
    Held {
        /// True when the user has asked to stop.
        cancel_requested: bool,
    },
    /// Lost: stop.
    Lost,
}

/// The ledger.
///
/// A store that crashes may forget claims of its last moments that need not last. It never gives the fence of such a claim
/// again.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Asks to work on a hop.
    async fn claim(&self, claim: Claim) -> Result<Claimed, PortError>;
    /// Holds a claim for another `lease`.
    async fn renew(&self, turn: &TurnId, fence: u64, lease: Duration) -> Result<Renewed, PortError>;
    /// Gives a claim back.
    async fn release(&self, turn: &TurnId, fence: u64, back: Back) -> Result<(), PortError>;
    /// Stores what came of a hop, if its fence is still the turn's newest and the turn has not ended, and claims the next
    /// hop with it where [`Commit::then`] says so. Survives a crash of the store where [`Commit::must_last`] says so.
    async fn commit(&self, commit: Commit) -> Result<Committed, PortError>;
    /// Notes that all of the outcome has been published that a hop had under a fence. A store that crashed may have
    /// forgotten that one and hold another, of which the mark says nothing.
    async fn mark_published(&self, hop: &HopId, fence: u64) -> Result<(), PortError>;
    /// Spends one call to a language model. False when the turn has spent `max`.
    async fn spend_llm_call(&self, turn: &TurnId, max: u32) -> Result<bool, PortError>;
    /// Claims a turn whatever holds it, so that its end can be written. `None` when it has ended.
    async fn seize(&self, turn: &TurnId, owner: &str, lease: Duration) -> Result<Option<Grant>, PortError>;
    /// Outcomes that were stored more than `older_than` ago and not marked as published, oldest first. Those from which a
    /// run went on are not among them: see [`Ledger::expired`].
    async fn unpublished(&self, older_than: Duration, limit: u32) -> Result<Vec<Outcome>, PortError>;
    /// Turns in flight whose claim ended more than `older_than` ago without being given back, with its fence.
    async fn expired(&self, older_than: Duration, limit: u32) -> Result<Vec<(TurnId, u64)>, PortError>;
    /// Turns in flight that nobody has claimed, with the fence of their last claim, oldest first. The job of each is in the
    /// broker, or on its way there, unless it is lost.
    async fn idle(&self, limit: u32) -> Result<Vec<(TurnId, u64)>, PortError>;
    /// The job that an open turn waits for, or is at. `None` when it has ended, or waits for no job.
    async fn awaited(&self, turn: &TurnId) -> Result<Option<Envelope>, PortError>;
    /// The job that a turn is at, or was when it ended, as the step before left it. `None` when no step was done.
    async fn unfinished(&self, turn: &TurnId) -> Result<Option<Envelope>, PortError>;
    /// Voids every claim (embedded mode at start: claims of an earlier boot are nobody's).
    async fn void_claims(&self) -> Result<(), PortError>;
}
