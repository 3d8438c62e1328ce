//! What is durable beside the ledger. Every row belongs to a business, and every read names it.

pub use crate::audit::{AuditLog, AuditPhase, AuditRow};
pub use crate::records::{LlmCallRecord, Records};

use crate::PortError;
use crate::approvals::Approvals;
use crate::dead::DeadJobs;
use crate::leader::Leaders;
use crate::line::Line;
use crate::retention::Retention;
use async_trait::async_trait;
use contracts::event::{ResponseError, Status, Usage};
use contracts::{
    BusinessId, ConnectionId, ConversationId, Dialect, Envelope, Lane, Meta, ResultId, ResultSet, Role, Schema, TurnId,
    UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Business {
    /// Its id.
    pub id: BusinessId,
    /// Its name.
    pub name: String,
    /// Unix milliseconds.
    pub created_ms: i64,
}

/// A person who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Lower case, unique.
    pub email: String,
    /// Argon2id, PHC string.
    pub password_hash: String,
    /// Unix milliseconds.
    pub created_ms: i64,
}

/// A user in a business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The business.
    pub business: BusinessId,
    /// Its name.
    pub business_name: String,
    /// What the user may do there.
    pub role: Role,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Not yet tested.
    New,
    /// Tested, schema known.
    Ready,
    /// The last test or discovery failed.
    Failed,
}

impl ConnectionStatus {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
    /// Reads a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::New, Self::Ready, Self::Failed].into_iter().find(|status| status.as_str() == name)
    }
}

/// A database that a business asks questions of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose it is.
    pub business: BusinessId,
    /// Unique in the business.
    pub name: String,
    /// Its dialect.
    pub dialect: Dialect,
    /// Its URL, sealed by the vault.
    pub sealed_url: String,
    /// The URL for approved changes, sealed by the vault in a slot of its own; `None`: no changes.
    pub sealed_write_url: Option<String>,
    /// How far it is.
    pub status: ConnectionStatus,
    /// What the last test or discovery said, for people.
    pub status_message: String,
    /// Rows that a statement may be expected to go through; `None`: as the settings say.
    pub max_scanned_rows: Option<u64>,
    /// When its schema was read last, Unix milliseconds. Told by the store; not stored with the connection.
    pub schema_ms: Option<i64>,
    /// Unix milliseconds.
    pub created_ms: i64,
}

/// A connection, and what decides what a user may see of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The connection.
    pub connection: Connection,
    /// What the user may do in its business; `None`: nothing.
    pub role: Option<Role>,
    /// What each role may see; `None` when nobody has said.
    pub policy: Option<Value>,
}

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

/// Businesses, users and memberships.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Stores a business; false when the id exists.
    async fn create_business(&self, business: &Business) -> Result<bool, PortError>;
    /// A business.
    async fn business(&self, id: &BusinessId) -> Result<Option<Business>, PortError>;
    /// Stores a user; false when the e-mail address is taken.
    async fn create_user(&self, user: &User) -> Result<bool, PortError>;
    /// A user by (lower-case) e-mail address.
    async fn user_by_email(&self, email: &str) -> Result<Option<User>, PortError>;
    /// A user by id.
    async fn user(&self, id: &UserId) -> Result<Option<User>, PortError>;
    /// Makes the user a member, or changes the role.
    async fn set_membership(&self, user: &UserId, business: &BusinessId, role: Role) -> Result<(), PortError>;
    /// The user may do nothing there any more; false when that was so before.
    async fn remove_membership(&self, user: &UserId, business: &BusinessId) -> Result<bool, PortError>;
    /// Where the user may do what, by name of the business.
    async fn memberships(&self, user: &UserId) -> Result<Vec<Membership>, PortError>;
    /// What the user may do in one business now; `None` when nothing.
    async fn role_in(&self, user: &UserId, business: &BusinessId) -> Result<Option<Role>, PortError>;
}

/// Connections and what discovery found.
#[async_trait]
pub trait Connections: Send + Sync {
    /// Stores a connection; false when the name is taken in the business.
    async fn create_connection(&self, connection: &Connection) -> Result<bool, PortError>;
    /// A connection.
    async fn connection(&self, business: &BusinessId, id: &ConnectionId) -> Result<Option<Connection>, PortError>;
    /// A connection as a user sees it, all of one moment.
    async fn seen(&self, business: &BusinessId, id: &ConnectionId, user: &UserId) -> Result<Option<Seen>, PortError>;
    /// All of a business, oldest first.
    async fn connections(&self, business: &BusinessId) -> Result<Vec<Connection>, PortError>;
    /// All of every business, oldest first. For the operator, never for a client.
    async fn every_connection(&self) -> Result<Vec<Connection>, PortError>;
    /// Replaces the sealed URL of a connection; false when it is not `old` any more.
    async fn reseal(&self, business: &BusinessId, id: &ConnectionId, old: &str, new: &str) -> Result<bool, PortError>;
    /// Sets the sealed URL for changes, or takes it away; false when there is no such connection.
    async fn set_write_url(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        sealed: Option<&str>,
    ) -> Result<bool, PortError>;
    /// Replaces the sealed URL for changes; false when it is not `old` any more.
    async fn reseal_write_url(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        old: &str,
        new: &str,
    ) -> Result<bool, PortError>;
    /// Notes how far a connection is.
    async fn set_connection_status(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        status: ConnectionStatus,
        message: &str,
    ) -> Result<(), PortError>;
    /// Sets how many rows a statement may be expected to go through; false when there is no such connection.
    async fn set_max_scanned_rows(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        rows: Option<u64>,
    ) -> Result<bool, PortError>;
    /// Replaces the schema of a connection.
    async fn save_schema(&self, business: &BusinessId, id: &ConnectionId, schema: &Schema) -> Result<(), PortError>;
    /// The schema of a connection.
    async fn schema(&self, business: &BusinessId, id: &ConnectionId) -> Result<Option<Schema>, PortError>;
    /// The schema of a connection as it was at the connection's `schema_ms`, or a later one. While it stays the same it
    /// may be read once and shared.
    async fn schema_of(&self, connection: &Connection) -> Result<Option<Arc<Schema>>, PortError>;
    /// What each role may see of a connection; `None` when nobody has said.
    async fn connection_policy(&self, business: &BusinessId, id: &ConnectionId) -> Result<Option<Value>, PortError>;
    /// Replaces the policy of a connection.
    async fn save_connection_policy(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        policy: &Value,
    ) -> Result<(), PortError>;
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

/// Stands for the URL of a connection that is an uploaded file. No URL that a person enters is like it.
pub const FILE_URL: &str = "file:";

/// What a stored file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// As a person uploaded it.
    Upload,
    /// The database that was made of it.
    Database,
}

impl FileKind {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Database => "database",
        }
    }
    /// Reads a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Upload, Self::Database].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A file of a connection. It lies in the store, because who takes it and who reads it may be on two machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub business: BusinessId,
    /// The connection that is made of it.
    pub connection: ConnectionId,
    /// What it is.
    pub kind: FileKind,
    /// As its owner calls it.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256, hex; empty when nobody needs it.
    pub sha256: String,
    /// Unix milliseconds.
    pub created_ms: i64,
}

/// Files of connections.
#[async_trait]
pub trait Files: Send + Sync {
    /// Stores a file. It is there only once all of it is; a second time changes nothing.
    async fn save_file(&self, file: &StoredFile, body: &[u8]) -> Result<(), PortError>;
    /// The newest file of a kind.
    async fn file_of(
        &self,
        business: &BusinessId,
        connection: &ConnectionId,
        kind: FileKind,
    ) -> Result<Option<StoredFile>, PortError>;
    /// What a file holds; `None` when it is not there any more.
    async fn file_body(&self, file: &StoredFile) -> Result<Option<Vec<u8>>, PortError>;
    /// Removes a file, if it is there.
    async fn remove_file(&self, business: &BusinessId, id: &str) -> Result<(), PortError>;
}

/// The app store.
#[async_trait]
pub trait AppStore:
    Identity + Connections + Turns + Line + AuditLog + Records + Files + DeadJobs + Approvals + Leaders + Retention
{
    /// Fails unless the store answers.
    async fn ping(&self) -> Result<(), PortError>;
}
