use ports::PortError;
use std::fmt::Display;
use std::time::Duration;

/// What a user hears of a defect of ours.
pub(crate) const DEFECT: &str = "Something went wrong on our side. Ask again; if it stays, tell your administrator.";

/// The code of a call to a language model that took too long.
pub(crate) const LLM_TIMEOUT: &str = "llm_timeout";

/// Why a job was not done, and what becomes of it. The handler decides at every `?`; nothing guesses.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A fault that may pass: the job runs again after a while, until its attempts are used up.
    #[error("{step}: {message}")]
    Retry {
        /// What was being done.
        step: &'static str,
        /// What went wrong, for logs and the dead queue.
        message: String,
    },
    /// A server of ours is away, or takes nothing: the job runs again after a while, longer each time, and no attempt is
    /// spent. The turn's deadline ends it, or a thousand such waits.
    #[error("{step}: {message}")]
    Away {
        /// What was being done.
        step: &'static str,
        /// What went wrong, for logs.
        message: String,
    },
    /// Running again would give the same: the turn ends with this error.
    #[error("{code}: {message}")]
    Fail {
        /// Stable, for programs.
        code: String,
        /// What happened and what to do, for the user.
        message: String,
    },
    /// A defect of ours: the turn ends with `internal_error`, and the job is kept for a person to look at.
    #[error("{step}: {message}")]
    Defect {
        /// What was being done.
        step: &'static str,
        /// What went wrong, for logs and the dead queue.
        message: String,
    },
    /// Not now: the job runs again after this, and no attempt is spent.
    #[error("not now: again in {} ms", .0.as_millis())]
    Snooze(Duration),
    /// The user stopped it, and the handler noticed.
    #[error("cancelled")]
    Cancelled,
}

impl JobError {
    /// The turn ends with this error.
    pub fn fail(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Fail { code: code.into(), message: message.into() }
    }

    /// A defect of ours: the user hears that, the log hears what.
    pub fn internal(step: &'static str, error: impl Display) -> Self {
        Self::Defect { step, message: error.to_string() }
    }

    /// What the user hears of it, when it ends the turn at once.
    pub fn told(&self) -> Option<&str> {
        match self {
            Self::Fail { message, .. } => Some(message),
            Self::Defect { .. } => Some(DEFECT),
            Self::Retry { .. } | Self::Away { .. } | Self::Snooze(_) | Self::Cancelled => None,
        }
    }

    /// Whether a call to a model or a database took longer than it may.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::Fail { code, .. } if code == LLM_TIMEOUT || code == "statement_timeout")
    }

    /// A fault that may pass.
    pub fn retry(step: &'static str, error: impl Display) -> Self {
        Self::Retry { step, message: error.to_string() }
    }

    /// What a port could not do.
    pub fn port(step: &'static str, error: PortError) -> Self {
        let message = error.to_string();
        if error.is_transient() { Self::Away { step, message } } else { Self::Retry { step, message } }
    }
}

/// For calls whose faults may pass.
pub trait OrRetry<T> {
    /// The job runs again later. `step` says what was being done.
    fn or_retry(self, step: &'static str) -> Result<T, JobError>;
}

impl<T> OrRetry<T> for Result<T, PortError> {
    fn or_retry(self, step: &'static str) -> Result<T, JobError> {
        self.map_err(|error| JobError::port(step, error))
    }
}

/// For what must be there.
pub trait OrFail<T> {
    /// The turn ends with this error.
    fn or_fail(self, code: &'static str, message: &str) -> Result<T, JobError>;
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, code: &'static str, message: &str) -> Result<T, JobError> {
        self.ok_or_else(|| JobError::fail(code, message))
    }
}
