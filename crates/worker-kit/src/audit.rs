//! What a worker puts on record: an intent before a statement runs, and what came of it afterwards.
//!
//! ```ignore
//! let act = Act { connection: &connection.id, question: &job.question, sql: &checked.sql, tables: &checked.tables };
//! let intent = audit::intent(ctx, &act, verdict::EXECUTE).await.or_retry("write the audit row")?;
//! let ran = source.query(statement).await;
//! audit::outcome(ctx, intent, verdict::DONE, Some(rows)).await.or_retry("write the audit row of the outcome")?;
//! ```
//!
//! No statement runs without its intent: it is durable when `intent` returns. An intent without an outcome says that the
//! end of its statement is not known. The results are those of the store, because only the worker knows whether its
//! statement may run again.

use crate::Ctx;
use contracts::ConnectionId;
use ports::PortError;
use ports::audit::{AuditPhase, AuditRow};

/// What is done to a customer's database.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// Which database.
    pub connection: &'a ConnectionId,
    /// As the user asked it.
    pub question: &'a str,
    /// The statement as it will be executed, or as refused.
    pub sql: &'a str,
    /// Tables that it reads or changes.
    pub tables: &'a [String],
}

/// An intent that is on record. Hand it to [`outcome`] once its end is known.
#[derive(Debug)]
#[must_use = "an intent without an outcome says that the end of its statement is not known"]
pub struct Intent {
    row: AuditRow,
    begun: u64,
}

/// Records that a statement is about to run. Durable when it returns; when it fails the statement must not run. The run
/// counts as an attempt from here on.
pub async fn intent(ctx: &Ctx, act: &Act<'_>, verdict: &str) -> Result<Intent, PortError> {
    let row = row_of(ctx, act, AuditPhase::Intent, verdict);
    write(ctx, &row).await?;
    Ok(Intent { row, begun: ctx.ports.clock.monotonic_ms() })
}

/// Records what came of a statement: the rows that it gave or touched, and how long it took since its intent. Does not
/// wait for the disk.
pub async fn outcome(ctx: &Ctx, intent: Intent, verdict: &str, rows: Option<u64>) -> Result<(), PortError> {
    let Intent { row, begun } = intent;
    let row = AuditRow {
        id: ctx.ports.ids.next("aud"),
        phase: AuditPhase::Outcome,
        intent: Some(row.id),
        question: None,
        sql: String::new(),
        tables: Vec::new(),
        verdict: verdict.to_owned(),
        rows,
        duration_ms: Some(ctx.ports.clock.monotonic_ms().saturating_sub(begun)),
        at_ms: ctx.ports.clock.now_ms(),
        ..row
    };
    write(ctx, &row).await
}

/// Records an act that runs nothing, such as a refusal. Durable when it returns.
pub async fn whole(ctx: &Ctx, act: &Act<'_>, verdict: &str) -> Result<(), PortError> {
    write(ctx, &row_of(ctx, act, AuditPhase::Whole, verdict)).await
}

fn row_of(ctx: &Ctx, act: &Act<'_>, phase: AuditPhase, verdict: &str) -> AuditRow {
    AuditRow {
        id: ctx.ports.ids.next("aud"),
        business: ctx.meta.business.clone(),
        user: ctx.meta.user.clone(),
        turn: ctx.meta.turn.clone(),
        hop: ctx.hop.clone(),
        attempt: ctx.attempt,
        connection: act.connection.clone(),
        phase,
        intent: None,
        question: Some(act.question.to_owned()),
        sql: act.sql.to_owned(),
        tables: act.tables.to_vec(),
        verdict: verdict.to_owned(),
        rows: None,
        duration_ms: None,
        at_ms: ctx.ports.clock.now_ms(),
    }
}

async fn write(ctx: &Ctx, row: &AuditRow) -> Result<(), PortError> {
    ctx.leave_traces();
    ctx.ports.store.audit(row).await
}
