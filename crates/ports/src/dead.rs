//! The dead-letter desk: jobs that were given up, kept until a person decides.

use crate::PortError;
use async_trait::async_trait;
use bytes::Bytes;
use contracts::{BusinessId, DeadId, HopId, Lane, TurnId};
use std::collections::BTreeMap;

/// A job that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadJob {
    /// Its id, which follows from the job: the same job is kept once.
    pub id: DeadId,
    /// Whose it is; `None` when that cannot be told, and then only operators see it.
    pub business: Option<BusinessId>,
    /// The turn that it ended, when it is known.
    pub turn: Option<TurnId>,
    /// The piece of work.
    pub hop: HopId,
    /// The kind of the queue that it lay in.
    pub kind: String,
    /// The lane of that queue.
    pub lane: Lane,
    /// The error that its turn ended with, or `unreadable`, `unknown_turn`, `not_settled`.
    pub code: String,
    /// What went wrong in the last run, without addresses and keys.
    pub error: String,
    /// Runs that failed.
    pub attempts: u32,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// The envelope, or what stood in its place.
    pub body: Bytes,
    /// When it was given up, Unix milliseconds.
    pub at_ms: i64,
    /// What became of it.
    pub state: DeadState,
    /// The turn that goes on with it. Noted before that turn is offered.
    pub replayed_as: Option<TurnId>,
    /// Who decided, and when.
    pub decided: Option<Decision>,
}

/// What became of a dead job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadState {
    /// Nobody has decided.
    Open,
    /// A new turn goes on with it.
    Replayed,
    /// Not to be done.
    Dropped,
}

impl DeadState {
    /// The stored and transmitted name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Dropped => "dropped",
        }
    }

    /// Reads a name; `None` for a name that is none.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Replayed, Self::Dropped].into_iter().find(|state| state.as_str() == name)
    }
}

/// Who decided about a dead job, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// A user's id, or `operator`.
    pub by: String,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// Whose dead jobs are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of one business.
    Business(BusinessId),
    /// All, those of no business too: for who runs the installation.
    Operator,
}

/// Which dead jobs are meant. What is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadFilter {
    /// What became of them.
    pub state: Option<DeadState>,
    /// Their kind.
    pub kind: Option<String>,
    /// Their code, or a part of their error, in either case of letters.
    pub error: Option<String>,
    /// Given up then or later, Unix milliseconds.
    pub since_ms: Option<i64>,
    /// Given up before then, Unix milliseconds.
    pub until_ms: Option<i64>,
    /// Those that come after this one in a list.
    pub after: Option<DeadId>,
}

/// Dead jobs.
#[async_trait]
pub trait DeadJobs: Send + Sync {
    /// Keeps a dead job; durable when it returns. False when it was kept before, whatever became of it.
    async fn keep_dead(&self, job: &DeadJob) -> Result<bool, PortError>;
    /// A dead job.
    async fn dead_job(&self, scope: &Scope, id: &DeadId) -> Result<Option<DeadJob>, PortError>;
    /// Dead jobs, oldest first, at most `limit`.
    async fn dead_jobs(&self, scope: &Scope, filter: &DeadFilter, limit: u32) -> Result<Vec<DeadJob>, PortError>;
    /// How many there are.
    async fn count_dead(&self, scope: &Scope, filter: &DeadFilter) -> Result<u64, PortError>;
    /// Notes the turn that is going to replay an open job, if none is noted, or if the one noted is `instead_of`.
    /// False when nothing was noted: look at the job.
    async fn plan_replay(
        &self,
        scope: &Scope,
        id: &DeadId,
        turn: &TurnId,
        instead_of: Option<&TurnId>,
    ) -> Result<bool, PortError>;
    /// Open → replayed, by the turn that was planned. False when it is not open, or another turn is planned.
    async fn mark_replayed(
        &self,
        scope: &Scope,
        id: &DeadId,
        turn: &TurnId,
        decision: &Decision,
    ) -> Result<bool, PortError>;
    /// Open → dropped. False when it is not open.
    async fn drop_dead(&self, scope: &Scope, id: &DeadId, decision: &Decision) -> Result<bool, PortError>;
}
