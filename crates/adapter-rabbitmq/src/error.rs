//! What lapin's errors mean for a caller.

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::types::ShortString;
use lapin::{Error, ErrorKind};
use ports::PortError;
use std::future::Future;
use std::time::Duration;

const SYSTEM: &str = "rabbitmq";
/// No single call to the broker takes longer, unless the broker is gone.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Refused when the broker said no, else unavailable.
pub(crate) fn port_error(step: &'static str, error: Error) -> PortError {
    match refusal(&error) {
        Some(message) => PortError::refused(SYSTEM, step, message),
        None => PortError::unavailable(SYSTEM, step, error),
    }
}

/// The same for what failed before there was a lapin error.
pub(crate) fn unavailable(step: &'static str, reason: impl Into<String>) -> PortError {
    PortError::unavailable(SYSTEM, step, reason.into())
}

/// The caller asks for what cannot be.
pub(crate) fn refused(step: &'static str, message: impl Into<String>) -> PortError {
    PortError::refused(SYSTEM, step, message)
}

/// `None` when the broker says that there is no such queue.
pub(crate) async fn found<T>(future: impl Future<Output = lapin::Result<T>>) -> lapin::Result<Option<T>> {
    match future.await {
        Err(error) if is_not_found(&error) => Ok(None),
        outcome => outcome.map(Some),
    }
}

fn is_not_found(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(said)
        if matches!(said.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)))
}

fn refusal(error: &Error) -> Option<String> {
    let ErrorKind::ProtocolError(said) = error.kind() else { return None };
    let is_no = match said.kind() {
        AMQPErrorKind::Soft(soft) => !matches!(soft, AMQPSoftError::RESOURCELOCKED),
        AMQPErrorKind::Hard(hard) => matches!(hard, AMQPHardError::NOTALLOWED | AMQPHardError::INVALIDPATH),
    };
    is_no.then(|| said.get_message().to_string())
}

/// A call to the broker, bounded in time.
pub(crate) async fn call<T>(
    step: &'static str,
    future: impl Future<Output = lapin::Result<T>>,
) -> Result<T, PortError> {
    match tokio::time::timeout(CALL_TIMEOUT, future).await {
        Ok(answer) => answer.map_err(|error| port_error(step, error)),
        Err(_) => Err(unavailable(step, "no answer in time")),
    }
}

/// A text as AMQP takes names: at most 255 bytes.
pub(crate) fn short(step: &'static str, text: impl Into<String>) -> Result<ShortString, PortError> {
    ShortString::try_new(text).map_err(|error| refused(step, error.to_string()))
}
