//! What went wrong, in plain sentences. A URL or a password never gets into one.

use crate::trust;
use ports::source::Error;
use sqlx::ConnectOptions;
use sqlx::error::DatabaseError;
use std::io;
use std::time::{Duration, Instant};

/// A server that does not take a connection within this counts as not reachable.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How a dialect reads the errors of its databases.
pub(crate) type Reader = fn(&dyn DatabaseError) -> Error;

/// A refusal within this is worth a second try: a server that restarts, a proxy that moved, a pool that was full.
const SOON: Duration = Duration::from_secs(1);
/// Before the second try.
const PAUSE: Duration = Duration::from_millis(150);

/// Connects, with a second try when the first one failed at once, or says why not.
pub(crate) async fn connecting<O: ConnectOptions>(
    address: &str,
    options: &O,
    read: Reader,
) -> Result<O::Connection, Error>
where
    O::Connection: Sized,
{
    let started = Instant::now();
    match one_try(address, options, read).await {
        Err(Error::Unreachable(reason)) if started.elapsed() < SOON => {
            tracing::debug!(%reason, "a database is tried once more");
            tokio::time::sleep(PAUSE).await;
            one_try(address, options, read).await
        }
        outcome => outcome,
    }
}

async fn one_try<O: ConnectOptions>(address: &str, options: &O, read: Reader) -> Result<O::Connection, Error>
where
    O::Connection: Sized,
{
    match tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(not_connected(address, error, read)),
        Err(_) => {
            let seconds = CONNECT_TIMEOUT.as_secs();
            Err(Error::Unreachable(format!(
                "{address} did not answer within {seconds} s; check host, port and firewall"
            )))
        }
    }
}

fn not_connected(address: &str, error: sqlx::Error, read: Reader) -> Error {
    if let Some(fault) = trust::explain(&error) {
        return Error::Unreachable(format!("{address}: {fault}"));
    }
    match error {
        sqlx::Error::Database(error) => read(&*error),
        sqlx::Error::Configuration(error) => Error::Settings(error.to_string()),
        sqlx::Error::Io(error) => Error::Unreachable(format!("{address}: {}", io_reason(&error))),
        sqlx::Error::Protocol(_) => {
            Error::Unreachable(format!("{address} answers, but not as a database of this kind; check the port"))
        }
        other => Error::Unreachable(format!("{address}: {other}")),
    }
}

/// What went wrong after the connection stood.
pub(crate) fn while_running(error: sqlx::Error, read: Reader) -> Error {
    match error {
        sqlx::Error::Database(error) => read(&*error),
        sqlx::Error::Io(error) => Error::Interrupted(io_reason(&error)),
        sqlx::Error::Tls(error) => Error::Interrupted(error.to_string()),
        sqlx::Error::WorkerCrashed => Error::Interrupted("the session ended unexpectedly".to_owned()),
        other => Error::Statement(format!("its answer cannot be read: {other}")),
    }
}

/// After so long a database that does not say whether a change is kept has not said it.
const KEEPING_TIMEOUT: Duration = Duration::from_secs(15);

/// Waits until a change is kept. Only the database's own word says that it was not: without it nobody knows.
pub(crate) async fn keeping<T>(
    committing: impl Future<Output = Result<T, sqlx::Error>>,
    read: Reader,
) -> Result<(), Error> {
    match tokio::time::timeout(KEEPING_TIMEOUT, committing).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(sqlx::Error::Database(error))) => match read(&*error) {
            // Such a word may come after the change was kept.
            Error::Interrupted(reason) | Error::Unreachable(reason) => Err(Error::OutcomeUnknown(reason)),
            refused => Err(refused),
        },
        Ok(Err(error)) => Err(Error::OutcomeUnknown(while_running(error, read).to_string())),
        Err(_) => {
            let seconds = KEEPING_TIMEOUT.as_secs();
            Err(Error::OutcomeUnknown(format!("the database did not answer within {seconds} s")))
        }
    }
}

fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there (connection refused)".to_owned(),
        io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_owned()
        }
    }
}
