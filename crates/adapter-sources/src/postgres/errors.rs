use crate::fault;
use ports::source::Error;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

/// What went wrong after the connection stood.
pub(super) fn failed(error: sqlx::Error) -> Error {
    fault::while_running(error, database_error)
}

pub(crate) fn database_error(error: &dyn DatabaseError) -> Error {
    let code = error.code().unwrap_or_default();
    let hint = error.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::hint);
    classify(&code, error.message(), hint)
}

/// By SQLSTATE, because messages are in the server's language.
fn classify(code: &str, message: &str, hint: Option<&str>) -> Error {
    let message = match hint {
        Some(hint) => format!("{message} ({hint})"),
        None => message.to_owned(),
    };
    match code {
        "28P01" | "28000" => Error::Login(format!("{message}; check user and password")),
        "3D000" => Error::Settings(format!("{message}; check the name after the last / of the URL")),
        "42501" | "25006" => Error::Forbidden(message),
        "57P03" | "53300" => Error::Unreachable(message),
        "57014" | "57P01" | "57P02" | "57P04" | "40001" | "40P01" | "25P03" => Error::Interrupted(message),
        _ if code.starts_with("08") => Error::Interrupted(message),
        _ => Error::Statement(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_class() {
        for (code, class) in [
            ("28P01", "connection_login"),
            ("28000", "connection_login"),
            ("3D000", "connection_settings"),
            ("42501", "database_forbidden"),
            ("25006", "database_forbidden"),
            ("53300", "database_unavailable"),
            ("57014", "database_interrupted"),
            ("57P01", "database_interrupted"),
            ("40001", "database_interrupted"),
            ("08006", "database_interrupted"),
            ("42P01", "database_error"),
        ] {
            assert_eq!(classify(code, "x", None).class(), class, "{code}");
        }
    }

    #[test]
    fn the_hint_helps_whoever_corrects_the_statement() {
        let error = classify("42703", "column \"a\" does not exist", Some("Perhaps you meant \"b\"."));
        assert!(error.to_string().contains("Perhaps you meant"));
    }
}
