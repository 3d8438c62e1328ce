use contracts::ResultSet;
use ports::approvals::{Approval, ApprovalState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which approvals are meant.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `pending`, `approved`, `declined`, `expired`, `running`, `done`, `failed` or `unknown`.
    pub(super) state: Option<String>,
    /// At most so many; 100 at most.
    pub(super) limit: Option<u32>,
}

/// A change of data that somebody asked for.
#[derive(Serialize, ToSchema)]
pub struct ApprovalBody {
    id: String,
    /// The response that asked for it.
    response_id: String,
    /// The response that does what was decided.
    executed_as: Option<String>,
    /// The connection.
    connection_id: String,
    /// What was asked.
    question: String,
    /// The statement as it would be executed, or was.
    sql: String,
    /// `insert`, `update` or `delete`.
    kind: &'static str,
    /// The table whose rows change.
    table: String,
    /// How many rows it would change. When they are others by then, it changes none.
    affected_rows: u64,
    /// The first of these rows, masked where your role sees no personal data; null where the rules of the connection do
    /// not show them to you.
    #[schema(value_type = Option<Object>)]
    preview: Option<ResultSet>,
    /// `pending`, `approved`, `declined`, `expired`, `running`, `done`, `failed` or `unknown`.
    state: &'static str,
    /// Who asked: a user's id.
    asked_by: String,
    /// Who decided: a user's id.
    decided_by: Option<String>,
    /// When, Unix milliseconds.
    decided_ms: Option<i64>,
    /// How many rows were changed.
    changed_rows: Option<u64>,
    /// Why nothing was changed.
    error: Option<String>,
    /// Whether your role may approve and decline.
    may_decide: bool,
    /// Unix milliseconds.
    created_ms: i64,
    /// Nobody can approve it after this, Unix milliseconds.
    expires_ms: i64,
}

/// What was decided, and the response that does it.
#[derive(Serialize, ToSchema)]
pub struct Deciding {
    /// The response to follow.
    pub(super) response_id: String,
    pub(super) approval_id: String,
}

impl ApprovalBody {
    pub(super) fn of(approval: Approval, now_ms: i64, may_decide: bool, sees_rows: bool) -> Self {
        // The sweeper says so a little later.
        let is_late = approval.state == ApprovalState::Pending && approval.expires_ms <= now_ms;
        let state = if is_late { ApprovalState::Expired } else { approval.state };
        Self {
            id: approval.id.0,
            response_id: approval.turn.0,
            executed_as: approval.executed_as.map(|id| id.0),
            connection_id: approval.connection.0,
            question: approval.question,
            sql: approval.sql,
            kind: approval.kind.as_str(),
            table: approval.table,
            affected_rows: approval.affected,
            preview: sees_rows.then_some(approval.preview),
            state: state.as_str(),
            asked_by: approval.user.0,
            decided_by: approval.decided.as_ref().map(|decision| decision.by.clone()),
            decided_ms: approval.decided.as_ref().map(|decision| decision.at_ms),
            changed_rows: approval.changed,
            error: approval.error.map(|(_, message)| message),
            may_decide,
            created_ms: approval.created_ms,
            expires_ms: approval.expires_ms,
        }
    }
}
