use super::error::is_busy;
use super::{Db, SYSTEM, fault, secure};
use crate::Options;
use crate::batch::Lanes;
use ports::PortError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, SqlitePool};
use std::str::FromStr;
use std::time::{Duration, Instant};

const OPEN: &str = "open";

/// An idle connection is tested before use after this: a server that was restarted has dropped it.
pub(crate) const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// A connection that does not answer within this is closed.
const PING: Duration = Duration::from_secs(1);

const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// For hot writes, hot reads and everything else.
const LEAST_CONNECTIONS: u32 = 4;

/// Opens the database that `url` names, or says why it cannot.
pub(crate) async fn open(url: &str, options: &Options) -> Result<Db, PortError> {
    match url.split(':').next() {
        Some("postgres" | "postgresql") => open_postgres(url, options).await,
        Some("sqlite") => open_sqlite(url, options).await,
        _ => Err(PortError::refused(SYSTEM, OPEN, "the URL must begin with postgres:// or sqlite:")),
    }
}

async fn open_postgres(url: &str, options: &Options) -> Result<Db, PortError> {
    let target = secure::verified(postgres_options(url, options)?, options.ca_file.as_deref())?;
    reach(&target, options.acquire_timeout).await?;
    let pool = PgPoolOptions::new()
        .max_connections(options.max_connections.max(LEAST_CONNECTIONS))
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|conn, meta| Box::pin(async move { Ok(meta.idle_for <= TRUSTED_IDLE || answers(conn).await) }))
        // The pool's own test of what comes back waits for ever.
        .after_release(|conn, _| Box::pin(async move { Ok(answers(conn).await) }))
        .connect_lazy_with(target);
    let share = (options.max_connections.max(LEAST_CONNECTIONS) / 4) as usize;
    let lanes = Lanes::new(pool.clone(), share, options.patience);
    Ok(Db::Postgres { pool, lanes, acquire_timeout: options.acquire_timeout })
}

async fn answers(conn: &mut PgConnection) -> bool {
    matches!(tokio::time::timeout(PING, conn.ping()).await, Ok(Ok(())))
}

/// Connects once, because a pool that cannot connect only says that it timed out.
async fn reach(target: &PgConnectOptions, patience: Duration) -> Result<(), PortError> {
    let address = format!("{}:{}", target.get_host(), target.get_port());
    match tokio::time::timeout(patience, PgConnection::connect_with(target)).await {
        Ok(Ok(conn)) => conn.close().await.map_err(|error| fault(OPEN, &error)),
        Ok(Err(error)) => Err(not_reached(&address, &error)),
        Err(_) => {
            Err(PortError::unavailable(SYSTEM, OPEN, format!("PostgreSQL at {address} did not answer in {patience:?}")))
        }
    }
}

fn not_reached(address: &str, error: &sqlx::Error) -> PortError {
    let reason = match (secure::explain(error), error) {
        (Some(fault), _) => fault,
        (None, sqlx::Error::Io(error)) => error.to_string(),
        (None, error) => return fault(OPEN, error),
    };
    PortError::unavailable(SYSTEM, OPEN, format!("PostgreSQL at {address}: {reason}"))
}

fn postgres_options(url: &str, options: &Options) -> Result<PgConnectOptions, PortError> {
    let target = PgConnectOptions::from_str(url).map_err(|_| unusable())?;
    let target = match &options.password {
        Some(password) => target.password(password),
        None => target,
    };
    let target = match target.get_application_name() {
        Some(_) => target,
        None => target.application_name("askline"),
    };
    Ok(target.options(PLANNER).disable_statement_logging())
}

/// Every statement of the store finds its rows by an index. Without statistics, as in a new database, PostgreSQL would
/// read and hash whole tables, and keep that plan while they grow. One plan a statement is enough.
const PLANNER: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("jit", "off"),
];

async fn open_sqlite(url: &str, options: &Options) -> Result<Db, PortError> {
    let target = sqlite_options(url, options)?;
    let file = target.get_filename().display().to_string();
    let writer = open_writer(&target, options.acquire_timeout)
        .await
        .map_err(|error| PortError::unavailable(SYSTEM, OPEN, format!("{file}: {error}")))?;
    let readers = SqlitePoolOptions::new()
        .max_connections(options.max_connections.max(1))
        .acquire_timeout(options.acquire_timeout)
        .connect_lazy_with(target.pragma("query_only", "ON"));
    Ok(Db::Sqlite { writer, readers })
}

/// SQLite does not wait, whatever its busy timeout, while another process turns a new file's journal on.
async fn open_writer(target: &SqliteConnectOptions, patience: Duration) -> Result<SqlitePool, sqlx::Error> {
    let started = Instant::now();
    loop {
        let opened = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(patience)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(target.clone())
            .await;
        match opened {
            Err(error) if is_busy(&error) && started.elapsed() < patience => tokio::time::sleep(BUSY_PAUSE).await,
            opened => return opened,
        }
    }
}

fn sqlite_options(url: &str, options: &Options) -> Result<SqliteConnectOptions, PortError> {
    let target = SqliteConnectOptions::from_str(url).map_err(|_| unusable())?;
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(PortError::refused(SYSTEM, OPEN, "a database in memory keeps nothing: name a file"));
    }
    Ok(target
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(options.acquire_timeout)
        .disable_statement_logging())
}

/// The driver's own message may repeat the URL, and with it a password.
fn unusable() -> PortError {
    PortError::refused(SYSTEM, OPEN, "the URL cannot be read; it looks like postgres://user@host:5432/database")
}
