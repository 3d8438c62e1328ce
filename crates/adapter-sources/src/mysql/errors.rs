use crate::fault;
use ports::source::Error;
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

/// What went wrong after the connection stood.
pub(super) fn failed(error: sqlx::Error) -> Error {
    fault::while_running(error, database_error)
}

pub(crate) fn database_error(error: &dyn DatabaseError) -> Error {
    let number = error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number).unwrap_or_default();
    classify(number, error.message())
}

/// The server's number of an error, when it is the server's.
pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
    error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

/// By error number, because messages are in the server's language.
fn classify(number: u16, message: &str) -> Error {
    let message = message.to_owned();
    match number {
        1045 | 1698 | 1130 | 1862 | 3118 | 4151 => Error::Login(format!("{message}; check user and password")),
        1044 => Error::Login(format!("{message}; the user has no right to this database")),
        1049 => Error::Settings(format!("{message}; check the name after the last / of the URL")),
        1142 | 1143 | 1227 | 1290 | 1370 | 1792 => Error::Forbidden(message),
        1040 | 1203 | 1226 => Error::Unreachable(message),
        1053 | 1205 | 1213 | 1317 | 1927 | 1969 | 2006 | 2013 | 3024 => Error::Interrupted(message),
        _ => Error::Statement(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_class() {
        for (number, class) in [
            (1045, "connection_login"),
            (3118, "connection_login"),
            (4151, "connection_login"),
            (1044, "connection_login"),
            (1049, "connection_settings"),
            (1142, "database_forbidden"),
            (1792, "database_forbidden"),
            (1040, "database_unavailable"),
            (1317, "database_interrupted"),
            (3024, "database_interrupted"),
            (1146, "database_error"),
        ] {
            assert_eq!(classify(number, "x").class(), class, "{number}");
        }
    }
}
