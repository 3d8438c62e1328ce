//! The audit of a business, for those who manage it.

use crate::auth::Caller;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use contracts::{ConnectionId, Role, TurnId, UserId};
use ports::audit::{AuditEntry, AuditFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// At most so many rows are listed at a time.
const MOST: u32 = 100;

/// Which rows are meant. Every part narrows.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Of this response.
    response_id: Option<String>,
    /// On behalf of this user.
    user_id: Option<String>,
    /// On this connection.
    connection_id: Option<String>,
    /// Written then or later, Unix milliseconds.
    since_ms: Option<i64>,
    /// Written before then, Unix milliseconds.
    until_ms: Option<i64>,
    /// With a number below this one: `next` of the page before.
    before: Option<u64>,
    /// At most so many; 100 at most.
    limit: Option<u32>,
}

impl Filter {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(MOST).clamp(1, MOST)
    }

    fn checked(self) -> Result<AuditFilter, ApiError> {
        let texts = [&self.response_id, &self.user_id, &self.connection_id];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(ApiError::bad_request("invalid_query", "A filter holds a NUL character. Leave it out."));
        }
        Ok(AuditFilter {
            turn: self.response_id.map(TurnId),
            user: self.user_id.map(UserId),
            connection: self.connection_id.map(ConnectionId),
            since_ms: self.since_ms,
            until_ms: self.until_ms,
            before: self.before,
        })
    }
}

/// A row of the audit.
#[derive(Serialize, ToSchema)]
pub struct AuditBody {
    /// Its number in the chain of the business, dense from 1.
    seq: u64,
    id: String,
    /// `intent`, written before a statement runs; `outcome`, written after it; `whole`, when nothing ran.
    phase: &'static str,
    /// Of an outcome: the row of its intent, which holds question and statement.
    intent_id: Option<String>,
    /// Unix milliseconds.
    at_ms: i64,
    user_id: String,
    response_id: String,
    /// Which run of the step, from 1.
    attempt: u32,
    connection_id: String,
    /// As the user asked it.
    question: Option<String>,
    /// The statement as it was executed, or as refused.
    sql: String,
    /// Tables that it reads.
    tables: Vec<String>,
    /// `execute`, `refuse`, `shared`; of an outcome `done`, `failed`, `too_expensive`, `timed_out`, `cancelled` or
    /// `interrupted`.
    verdict: String,
    /// Rows that it gave.
    rows: Option<u64>,
    /// How long it ran.
    duration_ms: Option<u64>,
    /// The hash of the row before.
    previous: String,
    /// The hash of this row.
    hash: String,
}

/// A page of the audit, newest first.
#[derive(Serialize, ToSchema)]
pub struct AuditList {
    data: Vec<AuditBody>,
    /// `before` of the next page; nothing when this is the last one.
    next: Option<u64>,
}

impl AuditList {
    /// A page that was asked for with a limit.
    pub fn page(entries: Vec<AuditEntry>, limit: u32) -> Self {
        let is_full = entries.len() >= limit as usize;
        let next = entries.last().map(|last| last.link.seq).filter(|_| is_full);
        Self { data: entries.into_iter().map(AuditBody::from).collect(), next }
    }
}

impl From<AuditEntry> for AuditBody {
    fn from(AuditEntry { row, link }: AuditEntry) -> Self {
        Self {
            seq: link.seq,
            id: row.id,
            phase: row.phase.as_str(),
            intent_id: row.intent,
            at_ms: row.at_ms,
            user_id: row.user.0,
            response_id: row.turn.0,
            attempt: row.attempt,
            connection_id: row.connection.0,
            question: row.question,
            sql: row.sql,
            tables: row.tables,
            verdict: row.verdict,
            rows: row.rows,
            duration_ms: row.duration_ms,
            previous: link.previous,
            hash: link.hash,
        }
    }
}

/// What ran on the databases of the business, on whose behalf, and what came of it. Newest first.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(Filter),
    responses(
        (status = 200, description = "A page of the audit", body = AuditList),
        (status = 400, description = "A filter cannot be read", body = ErrorBody),
        (status = 403, description = "Takes the role manager", body = ErrorBody),
    )
)]
pub async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Json<AuditList>, ApiError> {
    let actor = caller.act_as(Role::Manager, None)?;
    let limit = filter.limit();
    let entries = state.ports.store.audit_list(&actor.business, &filter.checked()?, limit).await?;
    Ok(Json(AuditList::page(entries, limit)))
}
