//! The jobs of the pipeline. One struct, one kind, one queue.

use crate::{ConnectionId, Dialect, Lane, ResultId, TurnId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The stable name of a job's type, and the name of its queue. For ever: renamed only by an alias.
pub type Kind = &'static str;

/// A job that can travel.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its stable name.
    const KIND: Kind;
}

macro_rules! job {
    ($name:ident, $kind:literal) => {
        impl Job for $name {
            const KIND: Kind = $kind;
        }
    };
}

/// Every kind that a worker of this release handles, in the order in which a turn meets them.
pub const KINDS: &[Kind] = &[
    Classify::KIND,
    GenerateSql::KIND,
    ExecuteSql::KIND,
    Reply::KIND,
    ImportFile::KIND,
    TestConnection::KIND,
    Introspect::KIND,
    Follow::KIND,
];

/// The lanes that jobs of a kind travel in. Only a manager who waits has a connection tested or read.
pub fn lanes_of(kind: &str) -> &'static [Lane] {
    match kind {
        ImportFile::KIND | TestConnection::KIND | Introspect::KIND => &[Lane::Interactive],
        _ => Lane::ALL,
    }
}

/// Decide what a question asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classify {
    /// As the user wrote it.
    pub question: String,
    /// When the schema of the connection was read last, where the same question in flight may answer this one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_schema_ms: Option<i64>,
}
job!(Classify, "classify");

/// Write one SQL statement that answers the question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerateSql {
    /// As the user wrote it.
    pub question: String,
    /// 0 for the first try, then one more for each correction.
    #[serde(default)]
    pub round: u32,
    /// What was wrong with the statement of the round before.
    #[serde(default)]
    pub rejected: Option<Rejected>,
}
job!(GenerateSql, "generate_sql");

/// A statement that the guard refused or the database failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejected {
    /// The statement as the model wrote it.
    pub sql: String,
    /// The rule or error class, stable (`unknown_table`, `database_error`, …).
    pub rule: String,
    /// What was wrong, in a sentence.
    pub message: String,
}

/// Check one statement with the guard and run it on the turn's connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecuteSql {
    /// As the user wrote it.
    pub question: String,
    /// As the model or the program wrote it: untrusted.
    pub sql: String,
    /// The dialect of the connection.
    pub dialect: Dialect,
    /// The round that wrote the statement.
    #[serde(default)]
    pub round: u32,
    /// A program wrote the statement, and its rows are the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<Direct>,
}
job!(ExecuteSql, "execute_sql");

/// How a statement runs that a program sent as it is: it is never corrected, and its rows end the turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direct {
    /// Rows that are wanted; the executor's own limit holds too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// Time that it may take, milliseconds; the executor's own limit holds too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Check it and have it planned, and run nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Write the answer and end the turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// As the user wrote it.
    pub question: String,
    /// What the answer is made of.
    pub basis: Basis,
}
job!(Reply, "reply");

/// What an answer is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Basis {
    /// Small talk or a question about the product: no data.
    Chat,
    /// The question asked for a named workflow, and none is defined.
    NoWorkflow,
    /// Rows.
    Rows {
        /// The statement as it was executed.
        sql: String,
        /// Where the rows lie.
        result: ResultId,
    },
}

/// Make a database of a connection's uploaded file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportFile {
    /// The connection whose file it is.
    pub connection: ConnectionId,
}
job!(ImportFile, "import_file");

/// Connect to a source and say what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestConnection {
    /// The connection to test.
    pub connection: ConnectionId,
    /// Go on with discovery when the test passes.
    #[serde(default)]
    pub then_introspect: bool,
}
job!(TestConnection, "test_connection");

/// Read the schema of a source, with sample values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Introspect {
    /// The connection to read.
    pub connection: ConnectionId,
}
job!(Introspect, "introspect");

/// Wait for the answer of a turn that asked the same a moment before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Follow {
    /// As the user wrote it.
    pub question: String,
    /// The turn that runs the question.
    pub leader: TurnId,
    /// The key under which the question is the same.
    pub flight: String,
}
job!(Follow, "follow");
