//! Changes of data that a person must approve: parked until somebody decides, and run at most once.

use crate::PortError;
use crate::dead::Decision;
use async_trait::async_trait;
use contracts::{ApprovalId, BusinessId, ChangeKind, ConnectionId, ResultSet, TurnId, UserId};

/// A change that somebody asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// Its id, which follows from the turn that asked.
    pub id: ApprovalId,
    /// Whose it is.
    pub business: BusinessId,
    /// The database.
    pub connection: ConnectionId,
    /// The turn that asked.
    pub turn: TurnId,
    /// Who asked it.
    pub user: UserId,
    /// What that user wrote.
    pub question: String,
    /// The statement as the model wrote it. It is never run; the guard reads it again before `sql` is.
    pub statement: String,
    /// As the guard printed it, with the rules of who asked: what is shown, approved and run.
    pub sql: String,
    /// The query that showed the rows.
    pub preview_sql: String,
    /// What it does.
    pub kind: ChangeKind,
    /// The table whose rows change.
    pub table: String,
    /// How many rows.
    pub affected: u64,
    /// The first of them.
    pub preview: ResultSet,
    /// How far it is.
    pub state: ApprovalState,
    /// Who decided, and when.
    pub decided: Option<Decision>,
    /// The turn that does what was decided. Noted with the decision, before that turn is offered.
    pub executed_as: Option<TurnId>,
    /// Rows that were changed.
    pub changed: Option<u64>,
    /// Why it was not run, or what went wrong: a stable word and a sentence.
    pub error: Option<(String, String)>,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// Nobody can approve it after this, Unix milliseconds.
    pub expires_ms: i64,
}

/// How far an approval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// Nobody has decided.
    Pending,
    /// To be run by one turn, which has not begun it.
    Approved,
    /// Not to be run.
    Declined,
    /// Nobody decided in time.
    Expired,
    /// Begun: it may have been run.
    Running,
    /// Run.
    Done,
    /// Not run, or undone.
    Failed,
    /// Begun by a worker that was lost: nobody knows whether it was run.
    Unknown,
}

impl ApprovalState {
    /// Every state.
    pub const ALL: &'static [Self] = &[
        Self::Pending,
        Self::Approved,
        Self::Declined,
        Self::Expired,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Unknown,
    ];

    /// The stored and transmitted name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Reads a name; `None` for a name that is none.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Run it.
    Approve,
    /// Do not run it.
    Decline,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeEnd {
    /// It was run and kept.
    Done {
        /// Rows that were changed.
        rows: u64,
    },
    /// It was not run, or all of it was undone.
    Failed {
        /// A stable word.
        code: String,
        /// What happened and what to do.
        message: String,
    },
    /// Whoever ran it was lost.
    Unknown,
}

/// Approvals.
#[async_trait]
pub trait Approvals: Send + Sync {
    /// Keeps what is asked, durable when it returns. Gives what is kept: when the turn has asked before, what it asked
    /// then.
    async fn ask_approval(&self, approval: &Approval) -> Result<Approval, PortError>;
    /// An approval.
    async fn approval(&self, business: &BusinessId, id: &ApprovalId) -> Result<Option<Approval>, PortError>;
    /// Approvals whose turns have ended by asking, newest first, at most `limit`.
    async fn approvals(
        &self,
        business: &BusinessId,
        state: Option<ApprovalState>,
        limit: u32,
    ) -> Result<Vec<Approval>, PortError>;
    /// Pending → approved or declined, to be done by `turn`. False when somebody has decided, or its time is up at the
    /// time of the decision.
    async fn decide(
        &self,
        business: &BusinessId,
        id: &ApprovalId,
        verdict: Verdict,
        turn: &TurnId,
        decision: &Decision,
    ) -> Result<bool, PortError>;
    /// Another turn does what was decided, because `from` was refused. False when it was begun, or is not `from`'s.
    async fn redirect_approval(
        &self,
        business: &BusinessId,
        id: &ApprovalId,
        from: &TurnId,
        to: &TurnId,
    ) -> Result<bool, PortError>;
    /// Approved → running, for its turn alone; durable when it returns. Only who is told true may run the statement.
    async fn begin_change(&self, business: &BusinessId, id: &ApprovalId, turn: &TurnId) -> Result<bool, PortError>;
    /// Notes what became of it. One that was never begun can only fail, and one that is unknown may still become known.
    /// False when it has an end already.
    async fn end_change(&self, business: &BusinessId, id: &ApprovalId, end: &ChangeEnd) -> Result<bool, PortError>;
    /// Pending → expired, for those of any business whose time was up before `now_ms`, at most `limit`. Says how many.
    async fn expire_approvals(&self, now_ms: i64, limit: u32) -> Result<u64, PortError>;
}
