use crate::Store;
use crate::db::{Row, fault, values};
use crate::writes::{Audit, RecordLlmCall};
use async_trait::async_trait;
use contracts::{BusinessId, ConnectionId, HopId, TurnId, UserId};
use ports::PortError;
use ports::store::{AuditRow, LlmCallRecord, Records};
use sqlx::Error;

const AUDIT_OF: &str = "SELECT id, business_id, user_id, turn_id, hop, attempt, connection_id, statement, tables, \
     verdict, at_ms FROM audit WHERE business_id = $1 AND turn_id = $2 ORDER BY at_ms, id";

#[async_trait]
impl Records for Store {
    async fn audit(&self, row: &AuditRow) -> Result<(), PortError> {
        let row = Audit::new(row).map_err(|error| fault("audit", &error))?;
        self.writer.submit(row).await
    }

    async fn audit_of(&self, business: &BusinessId, turn: &TurnId) -> Result<Vec<AuditRow>, PortError> {
        self.db.list("audit_of", AUDIT_OF, values![business.as_str(), turn.as_str()], audit_row).await
    }

    async fn record_llm_call(&self, call: &LlmCallRecord) -> Result<(), PortError> {
        self.writer.submit(RecordLlmCall(call.clone())).await
    }
}

fn audit_row(row: &Row) -> Result<AuditRow, Error> {
    Ok(AuditRow {
        id: row.text("id")?,
        business: BusinessId(row.text("business_id")?),
        user: UserId(row.text("user_id")?),
        turn: TurnId(row.text("turn_id")?),
        hop: HopId(row.text("hop")?),
        attempt: row.count("attempt")?,
        connection: ConnectionId(row.text("connection_id")?),
        sql: row.text("statement")?,
        tables: row.json("tables")?,
        verdict: row.text("verdict")?,
        at_ms: row.int("at_ms")?,
    })
}
