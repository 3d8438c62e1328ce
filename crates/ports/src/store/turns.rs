//! Questions, and what came of them.

use crate::PortError;
use async_trait::async_trait;
use contracts::event::{ResponseError, Status, Usage};
use contracts::{BusinessId, ConnectionId, ConversationId, Envelope, Lane, Meta, ResultId, ResultSet, TurnId, UserId};
use serde::{Deserialize, Serialize};

/// A question that the API wants to take.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTurn {
    /// The id that it gets when it is new.
    pub id: TurnId,
    /// Whose it is.
    pub business: BusinessId,
    /// Who asks.
    pub user: UserId,
    /// The conversation; `None` for connection tests and discovery.
    pub conversation: Option<ConversationId>,
    /// The database.
    pub connection: Option<ConnectionId>,
    /// As the user wrote it.
    pub question: String,
    /// Key under which the same request may be sent again, unique per business and user.
    pub idempotency_key: Option<String>,
    /// What it waits behind.
    pub lane: Lane,
    /// At most so many turns of its business and lane may be in flight when it is offered; `None` is no bound.
    pub share: Option<u32>,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// Unix milliseconds.
    pub deadline_ms: i64,
    /// The turn that it goes on with, when it replays a dead job or does what was decided about a change.
    pub replay_of: Option<TurnId>,
}

impl NewTurn {
    /// What its first job needs to know.
    pub fn meta(&self) -> Meta {
        Meta {
            turn: self.id.clone(),
            business: self.business.clone(),
            user: self.user.clone(),
            conversation: self.conversation.clone(),
            connection: self.connection.clone(),
            created_ms: self.created_ms,
            deadline_ms: self.deadline_ms,
            spent: Usage::default(),
            lane: self.lane,
            replay_of: self.replay_of.clone(),
        }
    }
}

/// The answer to an offer.
#[derive(Clone, Debug, PartialEq)]
pub enum Offered {
    /// Stored as `offered`.
    New,
    /// The key stands for an earlier turn with the same text, and this one was refused before it was accepted: it is
    /// `offered` again, under its old id.
    Reopened(TurnId),
    /// The key stands for this turn, with the same text.
    Known(TurnId),
    /// The key stands for another text.
    KeyReused,
    /// Nothing was stored: the business has its share in flight, or turns of it wait already.
    Beyond,
}

/// How far a turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Stored; its job may not be in the queue.
    Offered,
    /// Taken, and kept in line until its business's share has room: see [`Line`](crate::line::Line).
    Waiting,
    /// Its job is in the queue: it will end.
    Accepted,
    /// Not taken: the broker could not be reached.
    Refused,
    /// Ended with an answer.
    Completed,
    /// Ended with an error.
    Failed,
    /// Ended early.
    Incomplete,
}

impl TurnState {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
        }
    }
    /// Reads a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::Offered,
            Self::Waiting,
            Self::Accepted,
            Self::Refused,
            Self::Completed,
            Self::Failed,
            Self::Incomplete,
        ];
        all.into_iter().find(|state| state.as_str() == name)
    }
    /// True when the turn has ended; a refused turn has not: it never began.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Incomplete)
    }
    /// What clients call it.
    pub fn status(self) -> Status {
        match self {
            Self::Waiting => Status::Queued,
            Self::Offered | Self::Accepted => Status::InProgress,
            Self::Completed => Status::Completed,
            Self::Failed | Self::Refused => Status::Failed,
            Self::Incomplete => Status::Incomplete,
        }
    }
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndState {
    /// `Completed`, `Failed` or `Incomplete`.
    pub state: TurnState,
    /// The answer's whole text; empty when there is none.
    pub answer: String,
    /// The id of the message that holds it.
    pub message_id: String,
    /// The statement that was executed.
    #[serde(default)]
    pub sql: Option<String>,
    /// Its rows.
    #[serde(default)]
    pub result: Option<ResultId>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<ResponseError>,
    /// Why it ended early.
    #[serde(default)]
    pub reason: Option<String>,
    /// Unix milliseconds.
    pub ended_ms: i64,
}

/// A turn as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// Whose it is.
    pub business: BusinessId,
    /// Who asked.
    pub user: UserId,
    /// Its conversation.
    pub conversation: Option<ConversationId>,
    /// Its database.
    pub connection: Option<ConnectionId>,
    /// As the user wrote it.
    pub question: String,
    /// What it waits behind.
    pub lane: Lane,
    /// Its number in the line of its business and lane, while it waits.
    pub place: Option<u64>,
    /// How far it is.
    pub state: TurnState,
    /// True when the user has asked to stop.
    pub cancel_requested: bool,
    /// Tokens over all calls so far.
    pub usage: Usage,
    /// How it ended.
    pub end: Option<EndState>,
    /// Number of its terminal event, or a bound below which every number was given: see `Append::floor`.
    pub next_seq: u64,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// Unix milliseconds.
    pub deadline_ms: i64,
    /// The turn that it goes on with, when it replays a dead job.
    pub replay_of: Option<TurnId>,
}

impl Turn {
    /// What its next job needs to know.
    pub fn meta(&self) -> Meta {
        Meta {
            turn: self.id.clone(),
            business: self.business.clone(),
            user: self.user.clone(),
            conversation: self.conversation.clone(),
            connection: self.connection.clone(),
            created_ms: self.created_ms,
            deadline_ms: self.deadline_ms,
            spent: self.usage,
            lane: self.lane,
            replay_of: self.replay_of.clone(),
        }
    }
}

/// Where an open turn stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenStep {
    /// The kind of the job that it waits for, or that runs.
    pub kind: String,
    /// When the turn was asked, Unix milliseconds.
    pub asked_ms: i64,
}

/// A conversation in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationSummary {
    /// Its id.
    pub id: ConversationId,
    /// Its first question.
    pub title: String,
    /// Unix milliseconds of its last turn.
    pub updated_ms: i64,
    /// Number of turns.
    pub turns: u64,
}

/// Rows to keep.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredResult {
    /// Their id.
    pub id: ResultId,
    /// Whose they are.
    pub business: BusinessId,
    /// The turn that asked for them.
    pub turn: TurnId,
    /// The rows.
    pub rows: ResultSet,
}

/// Turns and what they left.
#[async_trait]
pub trait Turns: Send + Sync {
    /// Stores a turn as `offered`, or says what its idempotency key stands for. Keys count for 24 h. The first job is kept
    /// with it, should the broker lose that: see [`Ledger::awaited`](crate::Ledger::awaited).
    async fn offer(&self, turn: &NewTurn, first: &Envelope) -> Result<Offered, PortError>;
    /// `offered` → `accepted`. False when it was not `offered` any more and never was accepted (refused); true also
    /// when a fast worker has ended it already.
    async fn accept(&self, turn: &TurnId) -> Result<bool, PortError>;
    /// `offered` or `waiting` → `refused`. False when it was neither any more.
    async fn refuse(&self, turn: &TurnId) -> Result<bool, PortError>;
    /// A turn.
    async fn turn(&self, business: &BusinessId, id: &TurnId) -> Result<Option<Turn>, PortError>;
    /// Notes that the user wants it to stop. False when it has ended or is unknown.
    async fn request_cancel(&self, business: &BusinessId, id: &TurnId) -> Result<bool, PortError>;
    /// The last `limit` ended turns of a conversation, oldest first.
    async fn history(&self, business: &BusinessId, id: &ConversationId, limit: u32) -> Result<Vec<Turn>, PortError>;
    /// Every turn of a conversation, running ones too, oldest first, at most `limit` (the newest).
    async fn turns(&self, business: &BusinessId, id: &ConversationId, limit: u32) -> Result<Vec<Turn>, PortError>;
    /// A user's conversations, newest first.
    async fn conversations(
        &self,
        business: &BusinessId,
        user: &UserId,
        limit: u32,
    ) -> Result<Vec<ConversationSummary>, PortError>;
    /// Accepted or offered turns of any business whose deadline is before `before_ms`, oldest first. For the sweeper.
    async fn overdue(&self, before_ms: i64, limit: u32) -> Result<Vec<Turn>, PortError>;
    /// Where open turns of any business stand, those that must end first first, at most `limit`. For the sweeper.
    async fn open_steps(&self, limit: u32) -> Result<Vec<OpenStep>, PortError>;
    /// Rows that a turn left.
    async fn result(&self, business: &BusinessId, id: &ResultId) -> Result<Option<ResultSet>, PortError>;
}
