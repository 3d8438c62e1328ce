use super::authorizer::{Columns, Scope, note};
use super::cells;
use crate::cell;
use crate::collect::Collector;
use contracts::{Cell, Column};
use ports::source::{Error, Reads};
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Statement};
use sqlx::error::DatabaseError;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Steps of SQLite's machine between two looks at the clock: some 10 µs.
const STEPS: i32 = 1000;
/// How long a statement waits for a writer of the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of one value. A function that makes a longer one fails at once, and nothing can stop it while it works.
const LONGEST_VALUE: i32 = 16 << 20;

/// Tables and views, and which keep their data in others.
const KINDS: &str = "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('view', 'virtual')";

/// A connection, read-only unless it was opened to write. Its calls block.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) stop: CancellationToken,
}

impl Session {
    /// Opens a file; everything that runs in it ends when `stop` is cancelled or `timeout` has passed.
    pub(super) fn open(file: &Path, stop: CancellationToken, timeout: Duration) -> Result<Self, Error> {
        let session = Self::open_with(OpenFlags::SQLITE_OPEN_READ_ONLY, file, stop, timeout)?;
        session.connection.execute_batch("PRAGMA query_only = ON").map_err(failed)?;
        Ok(session)
    }

    /// As `open`, for an approved change. What the file declares of foreign keys holds.
    pub(super) fn open_to_write(file: &Path, stop: CancellationToken, timeout: Duration) -> Result<Self, Error> {
        let session = Self::open_with(OpenFlags::SQLITE_OPEN_READ_WRITE, file, stop, timeout)?;
        session.connection.execute_batch("PRAGMA foreign_keys = ON").map_err(failed)?;
        Ok(session)
    }

    fn open_with(flags: OpenFlags, file: &Path, stop: CancellationToken, timeout: Duration) -> Result<Self, Error> {
        // The path was resolved: a link in it is new.
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(file, flags).map_err(failed)?;
        let session = Self { connection, stop };
        session.harden().map_err(failed)?;
        session.stop_after(timeout)?;
        session.check_encoding()?;
        Ok(session)
    }

    fn harden(&self) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        // Functions and virtual tables with side effects cannot hide in a view.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.execute_batch("PRAGMA cell_size_check = ON")?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        Ok(())
    }

    /// From now on everything ends when the session is stopped or `timeout` has passed.
    pub(super) fn stop_after(&self, timeout: Duration) -> Result<(), Error> {
        let end = Instant::now() + timeout;
        let stop = self.stop.clone();
        let is_over = move || stop.is_cancelled() || Instant::now() >= end;
        self.connection.progress_handler(STEPS, Some(is_over)).map_err(failed)
    }

    /// Every text is read as UTF-8. This is also the first read of the file, so it tells a file of another kind.
    fn check_encoding(&self) -> Result<(), Error> {
        match self.rows("SELECT encoding FROM pragma_encoding, (SELECT count(*) FROM sqlite_schema)")?.first() {
            Some(row) if row.first() == Some(&Cell::from("UTF-8")) => Ok(()),
            _ => {
                Err(Error::Settings("the file keeps its text as UTF-16; convert it to UTF-8 (VACUUM INTO)".to_owned()))
            }
        }
    }

    /// From now on only what a guarded query may do is allowed. There is no way back.
    pub(super) fn confine(&self, reads: Option<Arc<Reads>>) -> Result<(), Error> {
        let scope = self.scope(reads)?;
        self.connection.authorizer(Some(move |asked: AuthContext<'_>| scope.allow(asked))).map_err(failed)
    }

    /// What a guarded statement may read.
    pub(super) fn scope(&self, reads: Option<Arc<Reads>>) -> Result<Scope, Error> {
        let mut scope = Scope { reads, ..Scope::default() };
        if let Some(reads) = scope.reads.clone() {
            for row in self.rows(KINDS)? {
                let (Some(name), Some(kind)) = (row.first().and_then(cell::as_text), row.get(1)) else { continue };
                match kind.as_str() {
                    _ if !reads.allow(None, &name) => {}
                    Some("view") => drop(scope.views.insert(name.to_lowercase(), self.columns_of_view(&name)?)),
                    _ => scope.virtual_tables.push(name),
                }
            }
        }
        Ok(scope)
    }

    /// What a view reads, as the authorizer sees it; nothing of a view that is broken.
    fn columns_of_view(&self, view: &str) -> Result<Columns, Error> {
        let noted = Arc::new(Mutex::new(HashMap::new()));
        let notes = noted.clone();
        let watch = move |asked: AuthContext<'_>| {
            note(&mut notes.lock().unwrap_or_else(PoisonError::into_inner), &asked);
            Authorization::Allow
        };
        self.connection.authorizer(Some(watch)).map_err(failed)?;
        let sql = format!("SELECT * FROM \"{}\"", view.replace('"', "\"\""));
        if let Err(error) = self.connection.prepare(&sql) {
            tracing::debug!(%error, "a view cannot be read");
        }
        self.connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).map_err(failed)?;
        Ok(std::mem::take(&mut noted.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Compiles a guarded statement. The authorizer is asked about all that it reads.
    pub(super) fn compile(&self, sql: &str) -> Result<Statement<'_>, Error> {
        let statement = self.connection.prepare(sql).map_err(failed)?;
        if !statement.readonly() || statement.is_explain() != 0 {
            return Err(Error::Forbidden("only a query may run".to_owned()));
        }
        Ok(statement)
    }

    /// Runs a guarded statement up to the caps.
    pub(super) fn collect(&self, sql: &str, rows: &mut Collector) -> Result<(), Error> {
        let mut statement = self.compile(sql)?;
        rows.set_columns(columns(&statement));
        let width = statement.column_count();
        let mut found = statement.raw_query();
        while let Some(row) = found.next().map_err(failed)? {
            if !rows.keep(cells::row(row, width).map_err(failed)?, 0) {
                break;
            }
        }
        Ok(())
    }

    /// All rows of one of our own queries.
    pub(super) fn rows(&self, sql: &str) -> Result<Vec<Vec<Cell>>, Error> {
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let width = statement.column_count();
        let mut found = statement.raw_query();
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failed)? {
            rows.push(cells::row(row, width).map_err(failed)?);
        }
        Ok(rows)
    }
}

fn columns(statement: &Statement<'_>) -> Vec<Column> {
    let column = |column: rusqlite::Column<'_>| Column::new(column.name(), cells::declared(column.decl_type()));
    statement.columns().into_iter().map(column).collect()
}

pub(super) fn failed(error: rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            let message = message.unwrap_or_else(|| code.to_string());
            // The primary code is the low byte of the extended one.
            classify(code.extended_code.unsigned_abs() & 0xff, &message)
        }
        other => Error::Statement(other.to_string()),
    }
}

/// As the driver of the sample data gives it.
pub(crate) fn database_error(error: &dyn DatabaseError) -> Error {
    let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default() & 0xff;
    classify(code, error.message())
}

fn classify(code: u32, message: &str) -> Error {
    let message = message.to_owned();
    match code {
        5 | 6 => Error::Interrupted(format!("{message}; a writer holds the file")),
        3 | 8 | 23 => Error::Forbidden(message),
        9 => Error::Interrupted(message),
        10 => Error::Interrupted(format!("the file cannot be read: {message}")),
        11 | 14 => Error::Settings(format!("the file cannot be used: {message}")),
        18 => Error::Statement(format!("{message}; at most {} MiB are allowed for one value", LONGEST_VALUE >> 20)),
        26 => Error::Settings("the file is no SQLite database".to_owned()),
        _ => Error::Statement(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_codes_have_their_class() {
        for (code, class) in [
            (1, "database_error"),
            (5, "database_interrupted"),
            (8, "database_forbidden"),
            (9, "database_interrupted"),
            (14, "connection_settings"),
            (18, "database_error"),
            (23, "database_forbidden"),
            (26, "connection_settings"),
        ] {
            assert_eq!(classify(code, "x").class(), class, "{code}");
        }
    }
}
