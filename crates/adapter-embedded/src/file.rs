use ports::PortError;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use std::path::{Path, PathBuf};
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
        .map_err(|error| fault(system, "open the file", path, error))?;
    for statement in layout {
        sqlx::query(*statement)
            .execute(&mut connection)
            .await
            .map_err(|error| fault(system, "lay out the file", path, error))?;
    }
    Ok(connection)
}

/// SQLite's primary codes for a file that is damaged, and for one that is no database.
const DAMAGED: [i32; 2] = [11, 26];

/// Unreadable when the file is damaged, else unavailable.
fn fault(system: &'static str, step: &'static str, path: &Path, error: sqlx::Error) -> PortError {
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<i32>().ok());
    if code.is_some_and(|code| DAMAGED.contains(&(code & 0xff))) {
        return PortError::unreadable(system, step, format!("{} is damaged: {error}", path.display()));
    }
    PortError::unavailable(system, step, error)
}

/// Gives a damaged file another name, so that a new one can be made, and the old one looked at. Says which.
pub(crate) fn set_aside(system: &'static str, path: &Path) -> Result<PathBuf, PortError> {
    let aside = path.with_extension("damaged");
    std::fs::rename(path, &aside).map_err(|error| PortError::unavailable(system, "set a damaged file aside", error))?;
    for suffix in ["-wal", "-shm"] {
        let beside = PathBuf::from(format!("{}{suffix}", path.display()));
        if beside.exists() {
            let removed = std::fs::remove_file(&beside);
            removed.map_err(|error| PortError::unavailable(system, "set a damaged file aside", error))?;
        }
    }
    Ok(aside)
}
