//! Approved changes of a file: one statement in a transaction of its own.

use super::session::{Session, failed};
use super::touched::Allowed;
use super::{Sqlite, TEST_TIMEOUT};
use crate::statement;
use crate::watch::Watch;
use async_trait::async_trait;
use contracts::Dialect;
use ports::source::{Change, Changed, Error, Writer};
use rusqlite::ErrorCode;
use rusqlite::hooks::{AuthContext, Authorization};
use tokio_util::sync::CancellationToken;

/// Takes the lock of writers at once: between the count of the rows and their change there is no other.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// A file, by the credential for changes.
pub(crate) struct SqliteWriter {
    file: Sqlite,
}

impl SqliteWriter {
    pub(crate) fn new(file: Sqlite) -> Self {
        Self { file }
    }
}

#[async_trait]
impl Writer for SqliteWriter {
    async fn check(&self) -> Result<(), Error> {
        let file = self.file.file().await?;
        let begin = move || {
            let session = Session::open_to_write(&file, CancellationToken::new(), TEST_TIMEOUT)?;
            session.connection.execute_batch(&format!("{BEGIN}; ROLLBACK")).map_err(failed)
        };
        tokio::task::spawn_blocking(begin)
            .await
            .unwrap_or_else(|error| Err(Error::Interrupted(format!("the session ended unexpectedly ({error})"))))
    }

    /// It is waited for to its end, whatever happens: a statement that is stopped ends within a moment, and whether a
    /// change was kept is known only then.
    async fn change(&self, asked: Change) -> Result<Changed, Error> {
        statement::check_change(Dialect::Sqlite, asked.kind, &asked.sql)?;
        let file = self.file.file().await?;
        let watch = Watch::over(&asked.cancel, asked.timeout);
        let stop = asked.cancel.clone();
        let running = tokio::task::spawn_blocking(move || {
            let session = Session::open_to_write(&file, stop, asked.timeout)?;
            change(&session, &asked)
        });
        match running.await {
            Ok(outcome) => outcome.map_err(|error| watch.settle(error)),
            Err(error) => Err(Error::OutcomeUnknown(format!("the session ended unexpectedly ({error})"))),
        }
    }
}

/// Whatever is not kept is undone when the connection closes.
fn change(session: &Session, asked: &Change) -> Result<Changed, Error> {
    session.connection.execute_batch(BEGIN).map_err(failed)?;
    let allowed = Allowed::of(session, asked)?;
    session.connection.authorizer(Some(move |asked: AuthContext<'_>| allowed.allow(asked))).map_err(failed)?;
    let rows = run(session, &asked.sql)?;
    if rows != asked.expected_rows {
        return Err(Error::OtherRows { expected: asked.expected_rows, found: rows });
    }
    session.connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).map_err(failed)?;
    keep(session)?;
    Ok(Changed { rows })
}

fn run(session: &Session, sql: &str) -> Result<u64, Error> {
    let mut statement = session.connection.prepare(sql).map_err(not_allowed)?;
    if statement.readonly() || statement.is_explain() != 0 || statement.column_count() > 0 {
        return Err(Error::Forbidden("only a change may run".to_owned()));
    }
    let rows = statement.execute([]).map_err(not_allowed)?;
    Ok(rows as u64)
}

/// The authorizer says no more than no.
fn not_allowed(error: rusqlite::Error) -> Error {
    if error.sqlite_error_code() == Some(ErrorCode::AuthorizationForStatementDenied) {
        let message = "the change would read or change other tables than were approved, such as by a foreign key with ON \
                       DELETE or ON UPDATE";
        return Error::Forbidden(message.to_owned());
    }
    failed(error)
}

/// From here on nothing stops it.
fn keep(session: &Session) -> Result<(), Error> {
    session.connection.progress_handler(0, None::<fn() -> bool>).map_err(failed)?;
    if session.stop.is_cancelled() {
        return Err(Error::Cancelled);
    }
    session.connection.execute_batch("COMMIT").map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::ConstraintViolation) => failed(error),
        _ => Error::OutcomeUnknown(failed(error).to_string()),
    })
}
