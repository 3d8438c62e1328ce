//! What redis's errors mean for a caller.

use ports::PortError;
use redis::{ErrorKind, RedisError};

pub(crate) const SYSTEM: &str = "redis";

/// Refused when the server or the URL says no, else unavailable.
pub(crate) fn port_error(step: &'static str, error: RedisError) -> PortError {
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig | ErrorKind::Client => {
            PortError::refused(SYSTEM, step, error.to_string())
        }
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => PortError::unreadable(SYSTEM, step, error),
        // A busy, loading, failing over or full server is another one in a moment.
        _ => PortError::unavailable(SYSTEM, step, error),
    }
}

/// The same for what failed before there was an error of redis.
pub(crate) fn unavailable(step: &'static str, reason: impl Into<String>) -> PortError {
    PortError::unavailable(SYSTEM, step, reason.into())
}
