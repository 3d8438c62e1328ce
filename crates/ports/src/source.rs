//! Customers' databases, one statement at a time: read-only, and for approved changes by a credential of their own.

use async_trait::async_trait;
use contracts::{BusinessId, ChangeKind, Dialect, ResultSet, Schema};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How to reach a source.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// Its dialect.
    pub dialect: Dialect,
    /// Connection URL with credentials (`postgres://…`, `mysql://…`, `sqlite:path`). Never logged.
    pub url: String,
}

/// A statement to run.
#[derive(Clone, Debug)]
pub struct Statement {
    /// As printed by the guard. Never the model's own text.
    pub sql: String,
    /// The database stops it after this.
    pub timeout: Duration,
    /// At most so many rows are kept.
    pub max_rows: usize,
    /// At most so many bytes of cells are kept.
    pub max_bytes: usize,
    /// Stops it in the database.
    pub cancel: CancellationToken,
    /// All that it may read, whatever the source's role may; `None`: what the role may.
    pub reads: Option<Arc<Reads>>,
    /// Refused before it runs when the database expects it to go through more rows than this; `None`: no gate.
    pub max_scanned_rows: Option<u64>,
}

/// Tables and views that a statement may read. The session checks it once more, in the database's own terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(Vec<(Option<String>, String)>);

impl Reads {
    /// From pairs of namespace (schema, database) and name.
    pub fn new(tables: impl IntoIterator<Item = (Option<String>, String)>) -> Self {
        Self(tables.into_iter().collect())
    }

    /// Whether a table is listed. Case is ignored, and a namespace only counts where both name one.
    pub fn allow(&self, namespace: Option<&str>, name: &str) -> bool {
        self.0.iter().any(|(listed_in, listed)| {
            let same_place = match (listed_in.as_deref(), namespace) {
                (Some(listed_in), Some(namespace)) => listed_in.eq_ignore_ascii_case(namespace),
                _ => true,
            };
            same_place && listed.eq_ignore_ascii_case(name)
        })
    }

    /// The listed tables.
    pub fn tables(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.0.iter().map(|(namespace, name)| (namespace.as_deref(), name.as_str()))
    }
}

/// What a source says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Product and version.
    pub version: String,
    /// What a person should know: a role that could write, no tables.
    pub warnings: Vec<String>,
}

/// How much discovery reads.
#[derive(Clone, Copy, Debug)]
pub struct DiscoveryLimits {
    /// At most so many tables.
    pub max_tables: usize,
    /// Distinct values kept per text column.
    pub samples: usize,
    /// Rows of a table that are looked at for them.
    pub sampled_rows: usize,
    /// Time for each statement.
    pub timeout: Duration,
}

/// A file that somebody uploaded to ask questions of.
#[derive(Clone)]
pub struct Upload {
    /// As its owner calls it.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// How much of a file is taken.
#[derive(Clone, Copy, Debug)]
pub struct ImportLimits {
    /// Rows of a table.
    pub max_rows: usize,
    /// Columns of a table.
    pub max_columns: usize,
    /// Bytes of the database that is made of it.
    pub max_database_bytes: usize,
}

/// Asked again and again by long work that nothing else can reach: whether somebody still wants it. To ask is to say that
/// the work has come on.
#[derive(Clone)]
pub struct GoOn(Arc<dyn Fn() -> bool + Send + Sync>);

impl GoOn {
    /// Of a function that says so.
    pub fn new(is_wanted: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_wanted))
    }

    /// To the end, whatever happens.
    pub fn always() -> Self {
        Self::new(|| true)
    }

    /// Fails with `Cancelled` once nobody wants the work.
    pub fn ask(&self) -> Result<(), Error> {
        if (self.0)() { Ok(()) } else { Err(Error::Cancelled) }
    }
}

/// A database that was made of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The SQLite file.
    pub database: Vec<u8>,
    /// Its SHA-256, hex.
    pub sha256: String,
    /// Names of its tables.
    pub tables: Vec<String>,
    /// Rows of all tables.
    pub rows: u64,
    /// What a person should check.
    pub notices: Vec<String>,
}

/// What went wrong with a source. The sentences are for the user and name no password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings cannot be right: unreadable URL, unknown file, wrong dialect.
    #[error("the connection's settings are not usable: {0}")]
    Settings(String),
    /// An uploaded file cannot be read.
    #[error("the file cannot be used: {0}")]
    File(String),
    /// Login refused.
    #[error("the database refused the login: {0}")]
    Login(String),
    /// Not reached.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The statement is wrong. The model may try again with the message.
    #[error("the database refused the statement: {0}")]
    Statement(String),
    /// Not allowed to the source's role, or a write in a read-only session.
    #[error("the database does not allow the statement: {0}")]
    Forbidden(String),
    /// The database expects it to go through too many rows; not run. The sentence says what would make it cheaper.
    #[error("the statement is too expensive: {0}")]
    TooExpensive(String),
    /// Lost while running; a read may be repeated once.
    #[error("the connection was lost while the statement ran: {0}")]
    Interrupted(String),
    /// Out of time; stopped in the database.
    #[error("the statement took longer than {} s and was stopped", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The user stopped it; stopped in the database.
    #[error("cancelled")]
    Cancelled,
    /// A change met other rows than were approved; undone.
    #[error("{found} rows would have changed, not {expected}; nothing was changed")]
    OtherRows {
        /// As approved.
        expected: u64,
        /// As met.
        found: u64,
    },
    /// Whether a change was kept is not known. Nobody may run it again.
    #[error("the connection was lost while the change was being kept: {0}")]
    OutcomeUnknown(String),
}

impl Error {
    /// A stable word for programs and for the correction loop.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Settings(_) => "connection_settings",
            Self::File(_) => "file_unusable",
            Self::Login(_) => "connection_login",
            Self::Unreachable(_) => "database_unavailable",
            Self::Statement(_) => "database_error",
            Self::Forbidden(_) => "database_forbidden",
            Self::TooExpensive(_) => "too_expensive",
            Self::Interrupted(_) => "database_interrupted",
            Self::TimedOut(_) => "statement_timeout",
            Self::Cancelled => "cancelled",
            Self::OtherRows { .. } => "rows_changed",
            Self::OutcomeUnknown(_) => "change_unknown",
        }
    }
}

/// One source, opened.
#[async_trait]
pub trait Source: Send + Sync {
    /// Connects and asks what it is.
    async fn about(&self) -> Result<About, Error>;
    /// Reads its schema. `go_on` is asked before each table.
    async fn discover(&self, limits: DiscoveryLimits, go_on: GoOn) -> Result<Schema, Error>;
    /// Runs one statement in a read-only session that nothing outlives.
    async fn query(&self, statement: Statement) -> Result<ResultSet, Error>;
    /// All that `query` does before it runs a statement, in such a session: what it would read is checked, and it is
    /// planned, so that one that costs too much is refused. It is not run.
    async fn plan(&self, statement: Statement) -> Result<(), Error>;
}

/// An approved change.
#[derive(Clone, Debug)]
pub struct Change {
    /// As printed by the guard. Never the model's own text.
    pub sql: String,
    /// What it does.
    pub kind: ChangeKind,
    /// The namespace (schema, database) of the table whose rows it changes.
    pub namespace: Option<String>,
    /// Its name.
    pub table: String,
    /// How many rows it must change. When they are others, it changes none.
    pub expected_rows: u64,
    /// All that it may read.
    pub reads: Arc<Reads>,
    /// The database stops it after this.
    pub timeout: Duration,
    /// Stops it in the database and undoes it, until it is being kept.
    pub cancel: CancellationToken,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Rows of its table.
    pub rows: u64,
}

/// One source, opened with the credential for changes.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Connects, and begins a transaction that could write; writes nothing.
    async fn check(&self) -> Result<(), Error>;
    /// Runs one change in a transaction of its own. It is kept when exactly the expected rows changed, else all of it is
    /// undone. Never runs it twice.
    async fn change(&self, change: Change) -> Result<Changed, Error>;
}

/// Opens sources. Connections are pooled per access, with a bound.
#[async_trait]
pub trait Sources: Send + Sync {
    /// A source. Connects lazily: only a wrong URL fails here.
    async fn open(&self, access: &Access) -> Result<Arc<dyn Source>, Error>;
    /// A source for changes, by the access that was given for them. Its connections count as those of the source.
    async fn writer(&self, _source: &Access, _access: &Access) -> Result<Arc<dyn Writer>, Error> {
        Err(Error::Settings("no changes are made here".to_owned()))
    }
    /// Makes a database of a file, for as long as it is to go on.
    async fn import(&self, _upload: Upload, _limits: ImportLimits, _go_on: GoOn) -> Result<Imported, Error> {
        Err(Error::File("no files are read here".to_owned()))
    }
    /// How to reach a database that was made of a file, when it lies on this machine already.
    async fn placed(&self, _business: &BusinessId, _sha256: &str) -> Option<Access> {
        None
    }
    /// Lays such a database down on this machine.
    async fn place(&self, _business: &BusinessId, _sha256: &str, _database: Vec<u8>) -> Result<Access, Error> {
        Err(Error::File("no files are kept here".to_owned()))
    }
}
