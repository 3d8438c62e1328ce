//! Which turn runs a question that several ask at the same moment.
//!
//! What is lost here costs a second run of a question, and nothing else: it need not be durable.

use crate::PortError;
use async_trait::async_trait;
use contracts::TurnId;
use std::time::Duration;

/// Questions in flight, by key.
#[async_trait]
pub trait Flights: Send + Sync {
    /// The turn that runs the question: the one that is known under the key, else `turn` itself, from now on and for
    /// `lifetime`. A known turn that is `instead_of` gives way.
    async fn lead(
        &self,
        key: &str,
        turn: &TurnId,
        instead_of: Option<&TurnId>,
        lifetime: Duration,
    ) -> Result<TurnId, PortError>;
}
