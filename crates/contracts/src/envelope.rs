//! What lies in a queue: a job, and what every job of a turn needs to know.

use crate::event::Usage;
use crate::{BusinessId, ConnectionId, ConversationId, HopId, Job, TurnId, UserId};
use serde::{Deserialize, Serialize};

/// The version that this release writes. A reader accepts this and every earlier one.
pub const ENVELOPE_VERSION: u32 = 1;

/// A job on its way. Serialised as JSON, UTF-8.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// `ENVELOPE_VERSION` of the writer.
    pub v: u32,
    /// The kind of `job`.
    pub kind: String,
    /// This piece of work.
    pub hop: HopId,
    /// What every hop of the turn needs.
    pub meta: Meta,
    /// No event of this hop has a lower number, even when the event log was lost.
    #[serde(default)]
    pub next_seq: u64,
    /// The job, by `kind`.
    pub job: serde_json::Value,
}

/// What every hop of a turn needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The turn.
    pub turn: TurnId,
    /// Whose turn it is. Everything a hop reads or writes is filtered by it.
    pub business: BusinessId,
    /// Who asked.
    pub user: UserId,
    /// The conversation; `None` for jobs that nobody asked in a chat (connection test, discovery).
    #[serde(default)]
    pub conversation: Option<ConversationId>,
    /// The database to ask.
    #[serde(default)]
    pub connection: Option<ConnectionId>,
    /// When the turn was asked, Unix milliseconds.
    #[serde(default)]
    pub created_ms: i64,
    /// When the turn must have ended, Unix milliseconds.
    pub deadline_ms: i64,
    /// Tokens that the hops before this one spent.
    #[serde(default)]
    pub spent: Usage,
    /// What waits for whom.
    #[serde(default)]
    pub lane: Lane,
    /// The turn that this one goes on with, when it replays a dead job or does what was decided about a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<TurnId>,
}

/// What waits for whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// A person waits.
    #[default]
    Interactive,
    /// A schedule asked.
    Scheduled,
    /// A backfill.
    Backfill,
}

impl Lane {
    /// Every lane, the one that goes first first.
    pub const ALL: &'static [Self] = &[Self::Interactive, Self::Scheduled, Self::Backfill];

    /// The transmitted and stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Scheduled => "scheduled",
            Self::Backfill => "backfill",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|lane| lane.as_str() == name)
    }
}

/// A job that a handler returns: the kit adds hop, meta and number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NextJob {
    /// Its kind.
    pub kind: String,
    /// The job.
    pub job: serde_json::Value,
}

impl NextJob {
    /// Wraps a job.
    pub fn new<J: Job>(job: &J) -> Result<Self, serde_json::Error> {
        Ok(Self { kind: J::KIND.to_owned(), job: serde_json::to_value(job)? })
    }
}

impl Envelope {
    /// The first envelope of a turn.
    pub fn first<J: Job>(meta: Meta, next_seq: u64, job: &J) -> Result<Self, serde_json::Error> {
        Ok(Self::opening(meta, next_seq, NextJob::new(job)?))
    }

    /// The first envelope of a turn, for a job that is JSON already.
    pub fn opening(meta: Meta, next_seq: u64, first: NextJob) -> Self {
        let hop = HopId::first(&meta.turn, &first.kind);
        Self { v: ENVELOPE_VERSION, kind: first.kind, hop, meta, next_seq, job: first.job }
    }

    /// The envelope of the `index`-th job that this hop returned.
    pub fn child(&self, index: usize, next: NextJob, next_seq: u64) -> Self {
        let hop = self.hop.child(&next.kind, index);
        Self { v: ENVELOPE_VERSION, kind: next.kind, hop, meta: self.meta.clone(), next_seq, job: next.job }
    }
}
