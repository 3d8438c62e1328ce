//! What is durable beside the ledger. Every row belongs to a business, and every read names it.

mod connections;
mod files;
mod identity;
mod turns;

pub use crate::audit::{AuditLog, AuditPhase, AuditRow};
pub use crate::records::{LlmCallRecord, Records};
pub use connections::{Connection, ConnectionStatus, Connections, Seen};
pub use files::{FILE_URL, FileKind, Files, StoredFile};
pub use identity::{Business, Identity, Membership, User};
pub use turns::{ConversationSummary, EndState, NewTurn, Offered, OpenStep, StoredResult, Turn, TurnState, Turns};

use crate::PortError;
use crate::approvals::Approvals;
use crate::dead::DeadJobs;
use crate::leader::Leaders;
use crate::line::Line;
use crate::retention::Retention;
use async_trait::async_trait;

/// The app store.
#[async_trait]
pub trait AppStore:
    Identity + Connections + Turns + Line + AuditLog + Records + Files + DeadJobs + Approvals + Leaders + Retention
{
    /// Fails unless the store answers.
    async fn ping(&self) -> Result<(), PortError>;
}
