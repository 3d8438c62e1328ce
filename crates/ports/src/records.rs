//! Records that are only added to, beside the audit.

use crate::PortError;
use async_trait::async_trait;
use contracts::event::Usage;
use contracts::{BusinessId, TurnId};

/// One call to a language model.
#[derive(Clone, Debug, PartialEq)]
pub struct LlmCallRecord {
    /// Its id.
    pub id: String,
    /// For whom.
    pub business: BusinessId,
    /// For which turn.
    pub turn: TurnId,
    /// What for.
    pub purpose: String,
    /// The provider's name in settings.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
    /// How long it took.
    pub duration_ms: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// Records that are only added to.
#[async_trait]
pub trait Records: Send + Sync {
    /// Adds a call to a language model, and its tokens to the turn.
    async fn record_llm_call(&self, call: &LlmCallRecord) -> Result<(), PortError>;
}
