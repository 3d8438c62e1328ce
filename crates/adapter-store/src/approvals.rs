use crate::Store;
use crate::db::{Row, SYSTEM, fault, values};
use crate::writes::encoded;
use async_trait::async_trait;
use contracts::{ApprovalId, BusinessId, ChangeKind, ConnectionId, TurnId, UserId};
use ports::PortError;
use ports::approvals::{Approval, ApprovalState, Approvals, ChangeEnd, Verdict};
use ports::dead::Decision;
use sqlx::Error;

const ASK: &str = "INSERT INTO approvals (id, business_id, connection_id, turn_id, user_id, question, statement, sql, \
     preview_sql, kind, table_name, affected, preview, created_ms, expires_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING";

macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT a.id, a.business_id, a.connection_id, a.turn_id, a.user_id, a.question, a.statement, a.sql, \
             a.preview_sql, a.kind, a.table_name, a.affected, a.preview, a.state, a.decided_by, a.decided_ms, \
             a.executed_turn, a.changed, a.error_code, a.error_message, a.created_ms, a.expires_ms FROM approvals AS a ",
            $rest
        )
    };
}

const ONE: &str = select!("WHERE a.business_id = $1 AND a.id = $2");
const LIST: &str = select!(
    "JOIN turns AS t ON t.id = a.turn_id AND t.state = 'completed' \
     WHERE a.business_id = $1 AND ($2 IS NULL OR a.state = $2) ORDER BY a.created_ms DESC, a.id DESC LIMIT $3"
);
const DECIDE: &str = "UPDATE approvals SET state = $3, executed_turn = $4, decided_by = $5, decided_ms = $6 \
     WHERE business_id = $1 AND id = $2 AND state = 'pending' AND expires_ms > $6";
const REDIRECT: &str = "UPDATE approvals SET executed_turn = $4 \
     WHERE business_id = $1 AND id = $2 AND executed_turn = $3 AND state IN ('approved', 'declined')";
const BEGIN: &str = "UPDATE approvals SET state = 'running' \
     WHERE business_id = $1 AND id = $2 AND executed_turn = $3 AND state = 'approved'";
const DONE: &str = "UPDATE approvals SET state = 'done', changed = $3, error_code = NULL, error_message = NULL \
     WHERE business_id = $1 AND id = $2 AND state IN ('running', 'unknown')";
const FAILED: &str = "UPDATE approvals SET state = 'failed', error_code = $3, error_message = $4 \
     WHERE business_id = $1 AND id = $2 AND state IN ('approved', 'running', 'unknown')";
const UNKNOWN: &str = "UPDATE approvals SET state = 'unknown' \
     WHERE business_id = $1 AND id = $2 AND state = 'running'";
const EXPIRE: &str = "UPDATE approvals SET state = 'expired' WHERE id IN \
     (SELECT a.id FROM approvals AS a WHERE a.state = 'pending' AND a.expires_ms <= $1 LIMIT $2) AND state = 'pending'";

#[async_trait]
impl Approvals for Store {
    async fn ask_approval(&self, approval: &Approval) -> Result<Approval, PortError> {
        let preview = encoded(&approval.preview).map_err(|error| fault("ask_approval", &error))?;
        let values = values![
            approval.id.as_str(),
            approval.business.as_str(),
            approval.connection.as_str(),
            approval.turn.as_str(),
            approval.user.as_str(),
            &approval.question,
            &approval.statement,
            &approval.sql,
            &approval.preview_sql,
            approval.kind.as_str(),
            &approval.table,
            i64::try_from(approval.affected).unwrap_or(i64::MAX),
            &preview,
            approval.created_ms,
            approval.expires_ms,
        ];
        self.db.execute("ask_approval", ASK, values).await?;
        let kept = self.approval(&approval.business, &approval.id).await?;
        kept.ok_or_else(|| PortError::refused(SYSTEM, "ask_approval", "the turn belongs to another business"))
    }

    async fn approval(&self, business: &BusinessId, id: &ApprovalId) -> Result<Option<Approval>, PortError> {
        self.db.find("approval", ONE, values![business.as_str(), id.as_str()], approval).await
    }

    async fn approvals(
        &self,
        business: &BusinessId,
        state: Option<ApprovalState>,
        limit: u32,
    ) -> Result<Vec<Approval>, PortError> {
        let values = values![business.as_str(), state.map(ApprovalState::as_str), i64::from(limit)];
        self.db.list("approvals", LIST, values, approval).await
    }

    async fn decide(
        &self,
        business: &BusinessId,
        id: &ApprovalId,
        verdict: Verdict,
        turn: &TurnId,
        decision: &Decision,
    ) -> Result<bool, PortError> {
        let state = match verdict {
            Verdict::Approve => ApprovalState::Approved,
            Verdict::Decline => ApprovalState::Declined,
        };
        let values =
            values![business.as_str(), id.as_str(), state.as_str(), turn.as_str(), &decision.by, decision.at_ms];
        Ok(self.db.execute("decide", DECIDE, values).await? > 0)
    }

    async fn redirect_approval(
        &self,
        business: &BusinessId,
        id: &ApprovalId,
        from: &TurnId,
        to: &TurnId,
    ) -> Result<bool, PortError> {
        let values = values![business.as_str(), id.as_str(), from.as_str(), to.as_str()];
        Ok(self.db.execute("redirect_approval", REDIRECT, values).await? > 0)
    }

    async fn begin_change(&self, business: &BusinessId, id: &ApprovalId, turn: &TurnId) -> Result<bool, PortError> {
        let values = values![business.as_str(), id.as_str(), turn.as_str()];
        Ok(self.db.execute("begin_change", BEGIN, values).await? > 0)
    }

    async fn end_change(&self, business: &BusinessId, id: &ApprovalId, end: &ChangeEnd) -> Result<bool, PortError> {
        let (business, id) = (business.as_str(), id.as_str());
        let (sql, values) = match end {
            ChangeEnd::Done { rows } => (DONE, values![business, id, i64::try_from(*rows).unwrap_or(i64::MAX)]),
            ChangeEnd::Failed { code, message } => (FAILED, values![business, id, code, message]),
            ChangeEnd::Unknown => (UNKNOWN, values![business, id]),
        };
        Ok(self.db.execute("end_change", sql, values).await? > 0)
    }

    async fn expire_approvals(&self, now_ms: i64, limit: u32) -> Result<u64, PortError> {
        self.db.execute("expire_approvals", EXPIRE, values![now_ms, i64::from(limit)]).await
    }
}

fn approval(row: &Row) -> Result<Approval, Error> {
    let decided = match (row.maybe_text("decided_by")?, row.maybe_int("decided_ms")?) {
        (Some(by), Some(at_ms)) => Some(Decision { by, at_ms }),
        _ => None,
    };
    let error = row.maybe_text("error_code")?.zip(row.maybe_text("error_message")?);
    Ok(Approval {
        id: ApprovalId(row.text("id")?),
        business: BusinessId(row.text("business_id")?),
        connection: ConnectionId(row.text("connection_id")?),
        turn: TurnId(row.text("turn_id")?),
        user: UserId(row.text("user_id")?),
        question: row.text("question")?,
        statement: row.text("statement")?,
        sql: row.text("sql")?,
        preview_sql: row.text("preview_sql")?,
        kind: row.named("kind", ChangeKind::parse)?,
        table: row.text("table_name")?,
        affected: row.count("affected")?,
        preview: row.json("preview")?,
        state: row.named("state", ApprovalState::parse)?,
        decided,
        executed_as: row.maybe_text("executed_turn")?.map(TurnId),
        changed: row.maybe_int("changed")?.and_then(|rows| u64::try_from(rows).ok()),
        error,
        created_ms: row.int("created_ms")?,
        expires_ms: row.int("expires_ms")?,
    })
}
