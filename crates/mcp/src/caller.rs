//! What the protocol needs of the application: somebody who was let in, and what they may do.

use async_trait::async_trait;
use contracts::job::Direct;
use contracts::{BusinessId, ConnectionId, Dialect, Event, ResultId, ResultSet, Schema, TurnId};

/// Somebody with a valid token, in the one business that the token and the request's header name. Nothing that a
/// client sends in a call changes it.
#[async_trait]
pub trait Caller: Send + Sync {
    /// The business.
    fn business(&self) -> &BusinessId;
    /// A name for a client's session that nobody guesses. Nothing is kept under it.
    fn new_session(&self) -> String;
    /// The databases of the business, oldest first.
    async fn databases(&self) -> Result<Vec<Database>, Problem>;
    /// The tables of one as the caller's role may know them; `None` when they are not known yet.
    async fn schema(&self, database: &ConnectionId) -> Result<Option<Schema>, Problem>;
    /// Asks a question.
    async fn ask(&self, question: Question, call: Option<&CallKey>) -> Result<Box<dyn Answer>, Problem>;
    /// Has a statement checked and run, as one that a model wrote is.
    async fn execute(&self, statement: Statement, call: Option<&CallKey>) -> Result<Box<dyn Answer>, Problem>;
    /// Rows that an answer left; `None` when they are not kept any more.
    async fn rows(&self, id: &ResultId) -> Result<Option<ResultSet>, Problem>;
    /// Stops what a call began, when it still runs.
    async fn cancel(&self, call: &CallKey) -> Result<(), Problem>;
}

/// The events of what was asked, in order.
#[async_trait]
pub trait Answer: Send {
    /// Its id.
    fn id(&self) -> &TurnId;
    /// The next event. `None` after the one that ends it, and when this server stops first.
    async fn next(&mut self) -> Option<Event>;
    /// Stops it.
    async fn cancel(&mut self) -> Result<(), Problem>;
}

/// A database that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its id.
    pub id: ConnectionId,
    /// Its name, unique in the business.
    pub name: String,
    /// Its dialect.
    pub dialect: Dialect,
}

/// A question in a person's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// As it was written.
    pub text: String,
    /// The database to ask.
    pub database: ConnectionId,
    /// The conversation that it goes on with; a new one when there is none.
    pub conversation: Option<String>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// As it was written.
    pub sql: String,
    /// The database to run it on.
    pub database: Database,
    /// How.
    pub direct: Direct,
}

/// Stands for one call of one session of one client: the same call, sent again, has the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallKey(pub String);

/// Why something was not done. The sentence is for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// Stable, for programs.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

impl Problem {
    /// With a code and a sentence.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}
