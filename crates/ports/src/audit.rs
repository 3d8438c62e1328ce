//! The audit: what was asked to run on whose behalf, and what came of it. Append-only, one hash chain per business.

use crate::PortError;
use async_trait::async_trait;
use contracts::{BusinessId, ConnectionId, HopId, TurnId, UserId};
use serde::{Deserialize, Serialize};

/// What an audit row says of a statement.
pub mod verdict {
    /// It is about to run.
    pub const EXECUTE: &str = "execute";
    /// The database is about to plan it, and will not run it.
    pub const DRY_RUN: &str = "dry_run";
    /// It was refused and does not run.
    pub const REFUSE: &str = "refuse";
    /// It ran for another turn that asked the same, and its rows are shown here too.
    pub const SHARED: &str = "shared";
    /// It ran to its end.
    pub const DONE: &str = "done";
    /// The database refused it, or could not be used.
    pub const FAILED: &str = "failed";
    /// The database expected it to cost too much; it was planned and not run.
    pub const TOO_EXPENSIVE: &str = "too_expensive";
    /// It took too long and was stopped in the database.
    pub const TIMED_OUT: &str = "timed_out";
    /// It was stopped in the database because its run had to stop.
    pub const CANCELLED: &str = "cancelled";
    /// The connection was lost while it ran: the database may have run it to its end.
    pub const INTERRUPTED: &str = "interrupted";
}

/// Which part of an act a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditPhase {
    /// Written before a statement runs. Without an outcome its end is not known.
    Intent,
    /// Written after it, and names its intent.
    Outcome,
    /// Both in one row: nothing ran. Rows of releases that knew no phases are read as such.
    Whole,
}

impl AuditPhase {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Whole => "whole",
        }
    }
    /// Reads a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Intent, Self::Outcome, Self::Whole].into_iter().find(|phase| phase.as_str() == name)
    }
}

/// A row of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Its id.
    pub id: String,
    /// Whose database.
    pub business: BusinessId,
    /// On whose behalf.
    pub user: UserId,
    /// Which turn.
    pub turn: TurnId,
    /// Which hop.
    pub hop: HopId,
    /// Which run of the hop, from 1.
    pub attempt: u32,
    /// Which database.
    pub connection: ConnectionId,
    /// Which part of the act.
    pub phase: AuditPhase,
    /// Of an outcome: the row of its intent.
    pub intent: Option<String>,
    /// As the user asked it; an outcome leaves it to its intent.
    pub question: Option<String>,
    /// The statement as it will be executed, or as refused; an outcome leaves it to its intent.
    pub sql: String,
    /// Tables that it reads.
    pub tables: Vec<String>,
    /// See [`verdict`].
    pub verdict: String,
    /// Of an outcome: the rows that it gave, or touched.
    pub rows: Option<u64>,
    /// Of an outcome: how long it ran.
    pub duration_ms: Option<u64>,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// Where a row stands in the chain of its business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLink {
    /// Its number, dense from 1.
    pub seq: u64,
    /// The hash of the row before it.
    pub previous: String,
    /// The hash over the row, its number and the row before it.
    pub hash: String,
}

/// A row and its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The row.
    pub row: AuditRow,
    /// Its place.
    pub link: AuditLink,
}

/// Which rows of a business are meant. Every part narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this turn.
    pub turn: Option<TurnId>,
    /// On behalf of this user.
    pub user: Option<UserId>,
    /// On this database.
    pub connection: Option<ConnectionId>,
    /// Written then or later, Unix milliseconds.
    pub since_ms: Option<i64>,
    /// Written before then, Unix milliseconds.
    pub until_ms: Option<i64>,
    /// With a number below this one.
    pub before: Option<u64>,
}

/// The end of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Whose chain.
    pub business: BusinessId,
    /// The number of its last row.
    pub seq: u64,
    /// The hash of its last row.
    pub hash: String,
}

/// A chain as a check of it begins. All figures are of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditChain {
    /// Whose chain.
    pub business: BusinessId,
    /// Its end as the store keeps it beside the rows: number and hash. `None` when nobody kept one.
    pub head: Option<(i64, String)>,
    /// Rows from before there was a chain.
    pub unchained: u64,
    /// Rows with a number beyond the head.
    pub beyond: u64,
}

/// A row as a check of the chain reads it: as it is stored, whatever somebody has made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAudit {
    /// Its number.
    pub seq: i64,
    /// The hash that it names as the one of the row before.
    pub previous: String,
    /// The hash that it carries.
    pub hash: String,
    /// The texts of its fields, in the order in which they are hashed; the first is its id.
    pub fields: Vec<Option<String>>,
}

impl StoredAudit {
    /// Its id.
    pub fn id(&self) -> &str {
        self.fields.first().and_then(Option::as_deref).unwrap_or_default()
    }
}

/// Rows that are only added to, and the chain that shows whether they were only added to.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Adds a row to the end of the chain of its business. Durable when it returns, but for an outcome, which a crash
    /// of the store may forget: its intent stays.
    async fn audit(&self, row: &AuditRow) -> Result<(), PortError>;
    /// Rows of a turn, as they were written.
    async fn audit_of(&self, business: &BusinessId, turn: &TurnId) -> Result<Vec<AuditRow>, PortError>;
    /// Rows of a business's chain, newest first, at most `limit`.
    async fn audit_list(
        &self,
        business: &BusinessId,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, PortError>;
    /// The ends of the chains, of one business or of all, by business. What they name survives a crash of the store. For
    /// the operator, never for a client.
    async fn audit_heads(&self, business: Option<&BusinessId>) -> Result<Vec<AuditHead>, PortError>;
    /// Every chain, by business. For the operator, never for a client.
    async fn audit_chains(&self) -> Result<Vec<AuditChain>, PortError>;
    /// Rows of a chain by number and id, those after `after`, at most `limit`.
    async fn audit_page(
        &self,
        business: &BusinessId,
        after: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<StoredAudit>, PortError>;
}
