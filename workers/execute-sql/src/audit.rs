use ports::store::{AuditRow, Connection};
use worker_kit::{Ctx, JobError, OrRetry};

/// No statement runs, and none is refused, without its row.
pub(crate) async fn audit(
    ctx: &Ctx,
    connection: &Connection,
    sql: &str,
    tables: &[String],
    verdict: &str,
) -> Result<(), JobError> {
    let row = AuditRow {
        id: ctx.ports.ids.next("aud"),
        business: ctx.meta.business.clone(),
        user: ctx.meta.user.clone(),
        turn: ctx.meta.turn.clone(),
        hop: ctx.hop.clone(),
        attempt: ctx.attempt,
        connection: connection.id.clone(),
        sql: sql.to_owned(),
        tables: tables.to_vec(),
        verdict: verdict.to_owned(),
        at_ms: ctx.ports.clock.now_ms(),
    };
    ctx.leave_traces();
    ctx.ports.store.audit(&row).await.or_retry("write the audit row")
}
