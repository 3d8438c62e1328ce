use super::cells;
use crate::collect::Collector;
use crate::fault;
use contracts::{Cell, Column};
use futures_util::TryStreamExt;
use ports::source::Error;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions, Connection, Executor, Row, SqlSafeStr, Statement as _, TypeInfo,
};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Steps of SQLite's machine between two looks at the clock: some 10 µs.
const STEPS: i32 = 1000;
/// How long a statement waits for a writer of the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A read-only connection.
pub(super) struct Session {
    connection: SqliteConnection,
}

impl Session {
    /// Opens a file; everything that runs in it ends when `stop` is cancelled or `timeout` has passed.
    pub(super) async fn open(
        file: &Path,
        shown: &str,
        stop: CancellationToken,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let options = options(file);
        let connection = fault::connecting(shown, options.connect(), database_error).await?;
        let mut session = Self { connection };
        session.check_encoding().await?;
        session.stop_on(stop, timeout).await?;
        Ok(session)
    }

    /// From now on everything ends when `stop` is cancelled or `timeout` has passed.
    pub(super) async fn stop_on(&mut self, stop: CancellationToken, timeout: Duration) -> Result<(), Error> {
        let end = Instant::now() + timeout;
        let mut handle = self.connection.lock_handle().await.map_err(failed)?;
        handle.set_progress_handler(STEPS, move || !stop.is_cancelled() && Instant::now() < end);
        Ok(())
    }

    /// The driver reads every text as UTF-8. This is also the first read of the file, so it tells a file of another
    /// kind.
    async fn check_encoding(&mut self) -> Result<(), Error> {
        match self.rows("SELECT encoding FROM pragma_encoding, (SELECT count(*) FROM sqlite_schema)").await?.first() {
            Some(row) if row.first() == Some(&Cell::from("UTF-8")) => Ok(()),
            _ => {
                Err(Error::Settings("the file keeps its text as UTF-16; convert it to UTF-8 (VACUUM INTO)".to_owned()))
            }
        }
    }

    /// Runs a guarded statement up to the caps.
    pub(super) async fn collect(&mut self, sql: &str, rows: &mut Collector) -> Result<(), Error> {
        let mut stream = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch(&mut self.connection);
        while let Some(row) = stream.try_next().await.map_err(failed)? {
            if !rows.has_columns() {
                rows.set_columns(row.columns().iter().map(column).collect());
            }
            if !rows.keep(cells::row(&row), 0) {
                return Ok(());
            }
        }
        drop(stream);
        if !rows.has_columns() {
            rows.set_columns(self.columns(sql).await?);
        }
        Ok(())
    }

    /// Columns of a statement that returned no row.
    async fn columns(&mut self, sql: &str) -> Result<Vec<Column>, Error> {
        let prepared = (&mut self.connection).prepare(AssertSqlSafe(sql).into_sql_str()).await.map_err(failed)?;
        Ok(prepared.columns().iter().map(column).collect())
    }

    /// All rows of one of our own queries.
    pub(super) async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Cell>>, Error> {
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        let rows = query.fetch_all(&mut self.connection).await.map_err(failed)?;
        Ok(rows.iter().map(cells::row).collect())
    }

    /// Ends the session's thread.
    pub(super) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "a SQLite session did not end cleanly");
        }
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .create_if_missing(false)
        .immutable(false)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(0)
        .pragma("query_only", "ON")
        // Functions and virtual tables with side effects cannot hide in a view.
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .disable_statement_logging()
}

fn column(column: &sqlx::sqlite::SqliteColumn) -> Column {
    let data_type = match column.type_info().name() {
        "NULL" => String::new(),
        name => name.to_owned(),
    };
    Column { name: column.name().to_owned(), data_type }
}

pub(super) fn failed(error: sqlx::Error) -> Error {
    fault::while_running(error, database_error)
}

pub(crate) fn database_error(error: &dyn DatabaseError) -> Error {
    // The primary code is the low byte of the extended one.
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
            (26, "connection_settings"),
        ] {
            assert_eq!(classify(code, "x").class(), class, "{code}");
        }
    }
}
