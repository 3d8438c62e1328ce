use ports::Clock;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a store is opened. Every bound of it stands here.
#[derive(Clone)]
pub struct Options {
    /// Leases, keys and the age of outcomes are told by this clock, not by the database's.
    pub clock: Arc<dyn Clock>,
    /// Password for PostgreSQL, when it does not stand in the URL.
    pub password: Option<String>,
    /// PEM of authorities. With it PostgreSQL is spoken to over TLS only, and its certificate and host name are verified.
    pub ca_file: Option<PathBuf>,
    /// Connections of this process: PostgreSQL at most so many (four at least), SQLite so many readers and one writer.
    pub max_connections: u32,
    /// How long a connection is waited for, and how long SQLite waits for another process's write.
    pub acquire_timeout: Duration,
    /// PostgreSQL may take so long for one statement. Then the connection is given up: the other end may be gone without
    /// a word. Whether the statement was done is not known, as when a connection breaks.
    pub patience: Duration,
    /// At most so many hot writes share one commit.
    pub batch: usize,
    /// At most so many hot writes wait, per kind; the next one waits to be taken.
    pub queue: usize,
    /// Schemas that are kept parsed, at most.
    pub schemas: usize,
    /// An idempotency key counts for so long.
    pub key_lifetime: Duration,
}

impl Options {
    /// What suits most processes.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            password: None,
            ca_file: None,
            max_connections: 8,
            acquire_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(8),
            batch: 64,
            queue: 1024,
            schemas: 64,
            key_lifetime: Duration::from_secs(24 * 60 * 60),
        }
    }
}
