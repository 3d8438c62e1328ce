//! Which failures are worth another try.

use ports::PortError;
use sqlx::Error;
use sqlx::error::DatabaseError;

/// The system's name in errors.
pub(crate) const SYSTEM: &str = "store";

/// What a failed step says to the caller. Messages of the databases name tables and columns, never values of
/// parameters or credentials.
pub(crate) fn fault(step: &'static str, error: &Error) -> PortError {
    match error {
        Error::Database(database) if is_transient(database.as_ref()) => {
            PortError::unavailable(SYSTEM, step, database.to_string())
        }
        Error::Database(database) if is_missing_table(database.as_ref()) => {
            PortError::refused(SYSTEM, step, format!("{}; run `askline migrate` first", database.message()))
        }
        Error::Database(database) => PortError::refused(SYSTEM, step, database.message()),
        Error::Decode(_) | Error::ColumnDecode { .. } | Error::ColumnNotFound(_) | Error::Encode(_) => {
            PortError::unreadable(SYSTEM, step, error)
        }
        Error::Configuration(_) | Error::InvalidArgument(_) => PortError::refused(SYSTEM, step, error.to_string()),
        _ => PortError::unavailable(SYSTEM, step, error.to_string()),
    }
}

/// True when the statement itself is not to blame, and nothing else on this connection will work either.
pub(crate) fn is_outage(error: &Error) -> bool {
    match error {
        Error::Database(database) => is_transient(database.as_ref()) && !is_conflict(database.as_ref()),
        _ => fault("", error).is_transient(),
    }
}

/// True when another process is in the way of SQLite.
pub(super) fn is_busy(error: &Error) -> bool {
    error.as_database_error().and_then(sqlite_code).is_some_and(|code| code == SQLITE_BUSY)
}

fn is_transient(error: &dyn DatabaseError) -> bool {
    match sqlite_code(error) {
        Some(code) => SQLITE_TRANSIENT.contains(&code),
        None => error.code().is_some_and(|code| POSTGRES_TRANSIENT.iter().any(|class| code.starts_with(class))),
    }
}

/// The primary code of SQLite; PostgreSQL's codes have five characters.
fn sqlite_code(error: &dyn DatabaseError) -> Option<i32> {
    let code = error.code().filter(|code| code.len() != 5)?;
    code.parse::<i32>().ok().map(|code| code & 0xff)
}

fn is_conflict(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code.len() == 5 && code.starts_with("40"))
}

fn is_missing_table(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "42P01") || error.message().starts_with("no such table")
}

const SQLITE_BUSY: i32 = 5;

/// Busy, locked, read-only, I/O, full, cannot open.
const SQLITE_TRANSIENT: [i32; 6] = [SQLITE_BUSY, 6, 8, 10, 13, 14];

/// Connection lost, deadlock or serialization, out of resources, told to stop, starting up, a standby.
const POSTGRES_TRANSIENT: [&str; 7] = ["08", "40", "53", "57P", "57014", "58", "25006"];
