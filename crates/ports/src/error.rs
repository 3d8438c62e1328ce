use std::error::Error as StdError;
use thiserror::Error;

/// A port did not do what was asked. Not found is never an error: it is `None`.
#[derive(Debug, Error)]
pub enum PortError {
    /// The system behind the port cannot be reached, or dropped the call. Worth another try.
    #[error("{system}: {step}: unavailable: {source}")]
    Unavailable {
        /// `rabbitmq`, `redis`, `store`, …
        system: &'static str,
        /// What was being done.
        step: &'static str,
        /// What the driver said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The system answered, and the answer is no. Another try gives the same.
    #[error("{system}: {step}: {message}")]
    Refused {
        /// As above.
        system: &'static str,
        /// What was being done.
        step: &'static str,
        /// Why not.
        message: String,
    },
    /// What came back, or what should be sent, has not the shape that it must have.
    #[error("{system}: {step}: unreadable: {message}")]
    Unreadable {
        /// As above.
        system: &'static str,
        /// What was being done.
        step: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

impl PortError {
    /// The system could not be reached.
    pub fn unavailable(
        system: &'static str,
        step: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Unavailable { system, step, source: source.into() }
    }

    /// The system said no.
    pub fn refused(system: &'static str, step: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { system, step, message: message.into() }
    }

    /// The shape is wrong.
    pub fn unreadable(system: &'static str, step: &'static str, message: impl ToString) -> Self {
        Self::Unreadable { system, step, message: message.to_string() }
    }

    /// True when the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
