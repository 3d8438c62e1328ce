//! Cancel, to whoever works on a turn. At most once: the truth is the store's `cancel_requested`, which is read at
//! each claim and each renewal of a lease.

use crate::PortError;
use async_trait::async_trait;
use contracts::TurnId;

/// Cancels on their way.
#[async_trait]
pub trait Signals: Send + Sync {
    /// Tells every process to stop work on the turn.
    async fn cancel(&self, turn: &TurnId) -> Result<(), PortError>;
    /// Starts listening to cancels of every turn.
    async fn cancels(&self) -> Result<Box<dyn Cancels>, PortError>;
}

/// Cancels as they come.
#[async_trait]
pub trait Cancels: Send {
    /// The next one; `None` at shutdown. Survives a reconnect.
    async fn next(&mut self) -> Option<TurnId>;
}
