use ports::PortError;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use std::path::Path;
use std::time::Duration;

/// Opens a SQLite file in WAL mode, makes it where it is missing, and runs the statements of its layout.
pub(crate) async fn open(
    system: &'static str,
    path: &Path,
    synchronous: SqliteSynchronous,
    layout: &[&'static str],
) -> Result<SqliteConnection, PortError> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(5))
        .connect()
        .await
        .map_err(|error| PortError::unavailable(system, "open the file", error))?;
    for statement in layout {
        sqlx::query(*statement)
            .execute(&mut connection)
            .await
            .map_err(|error| PortError::unavailable(system, "lay out the file", error))?;
    }
    Ok(connection)
}
