use crate::Store;
use crate::db::{Row, fault, values};
use crate::writes::encoded;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contracts::{BusinessId, DeadId, HopId, Lane, TurnId};
use ports::PortError;
use ports::dead::{DeadFilter, DeadJob, DeadJobs, DeadState, Decision, Scope};
use sqlx::Error;
use std::borrow::Cow;

const KEEP: &str = "INSERT INTO dead_jobs (id, business_id, turn_id, hop, kind, lane, code, error, attempts, headers, \
     body, body_encoding, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING";

macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT id, business_id, turn_id, hop, kind, lane, code, error, attempts, headers, body, body_encoding, \
             at_ms, state, replayed_as, decided_by, decided_ms FROM dead_jobs ",
            $rest
        )
    };
}

// A NULL business is the operator's, who sees all.
macro_rules! filtered {
    () => {
        "WHERE ($1 IS NULL OR business_id = $1) AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR kind = $3) \
         AND ($4 IS NULL OR code = $4 OR lower(error) LIKE $5 ESCAPE '!') AND ($6 IS NULL OR at_ms >= $6) \
         AND ($7 IS NULL OR at_ms < $7) AND ($8 IS NULL OR (at_ms, id) > \
         (SELECT a.at_ms, a.id FROM dead_jobs AS a WHERE a.id = $8 AND ($1 IS NULL OR a.business_id = $1)))"
    };
}

const ONE: &str = select!("WHERE ($1 IS NULL OR business_id = $1) AND id = $2");
const LIST: &str = select!(concat!(filtered!(), " ORDER BY at_ms, id LIMIT $9"));
const COUNT: &str = concat!("SELECT COUNT(*) AS count FROM dead_jobs ", filtered!());
const PLAN: &str = "UPDATE dead_jobs SET replayed_as = $3 WHERE ($1 IS NULL OR business_id = $1) AND id = $2 \
     AND state = 'open' AND (replayed_as IS NULL OR replayed_as = $4)";
const REPLAYED: &str = "UPDATE dead_jobs SET state = 'replayed', decided_by = $4, decided_ms = $5 \
     WHERE ($1 IS NULL OR business_id = $1) AND id = $2 AND state = 'open' AND replayed_as = $3";
const DROP: &str = "UPDATE dead_jobs SET state = 'dropped', decided_by = $3, decided_ms = $4 \
     WHERE ($1 IS NULL OR business_id = $1) AND id = $2 AND state = 'open'";

fn business(scope: &Scope) -> Option<&str> {
    match scope {
        Scope::Business(business) => Some(business.as_str()),
        Scope::Operator => None,
    }
}

/// The filter's values as the statements take them.
struct Wanted {
    state: Option<&'static str>,
    pattern: Option<String>,
}

impl Wanted {
    fn of(filter: &DeadFilter) -> Self {
        Self { state: filter.state.map(DeadState::as_str), pattern: filter.error.as_deref().map(containing) }
    }
}

/// The pattern of a text that stands anywhere.
fn containing(text: &str) -> String {
    let text = text.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{text}%")
}

macro_rules! wanted {
    ($scope:ident, $filter:ident, $wanted:ident $(, $more:expr)*) => {
        values![
            business($scope),
            $wanted.state,
            $filter.kind.as_deref(),
            $filter.error.as_deref(),
            $wanted.pattern.as_deref(),
            $filter.since_ms,
            $filter.until_ms,
            $filter.after.as_ref().map(DeadId::as_str),
            $($more),*
        ]
    };
}

#[async_trait]
impl DeadJobs for Store {
    async fn keep_dead(&self, job: &DeadJob) -> Result<bool, PortError> {
        let headers = encoded(&job.headers).map_err(|error| fault("keep_dead", &error))?;
        let (body, encoding) = to_text(&job.body);
        let values = values![
            job.id.as_str(),
            job.business.as_ref().map(BusinessId::as_str),
            job.turn.as_ref().map(TurnId::as_str),
            job.hop.as_str(),
            &job.kind,
            job.lane.as_str(),
            &job.code,
            &job.error,
            i64::from(job.attempts),
            &headers,
            &*body,
            encoding,
            job.at_ms,
        ];
        Ok(self.db.execute("keep_dead", KEEP, values).await? > 0)
    }

    async fn dead_job(&self, scope: &Scope, id: &DeadId) -> Result<Option<DeadJob>, PortError> {
        self.db.find("dead_job", ONE, values![business(scope), id.as_str()], dead_job).await
    }

    async fn dead_jobs(&self, scope: &Scope, filter: &DeadFilter, limit: u32) -> Result<Vec<DeadJob>, PortError> {
        let wanted = Wanted::of(filter);
        let values = wanted!(scope, filter, wanted, i64::from(limit));
        self.db.list("dead_jobs", LIST, values, dead_job).await
    }

    async fn count_dead(&self, scope: &Scope, filter: &DeadFilter) -> Result<u64, PortError> {
        let wanted = Wanted::of(filter);
        let values = wanted!(scope, filter, wanted);
        Ok(self.db.find("count_dead", COUNT, values, |row| row.count("count")).await?.unwrap_or(0))
    }

    async fn plan_replay(
        &self,
        scope: &Scope,
        id: &DeadId,
        turn: &TurnId,
        instead_of: Option<&TurnId>,
    ) -> Result<bool, PortError> {
        let values = values![business(scope), id.as_str(), turn.as_str(), instead_of.map(TurnId::as_str)];
        Ok(self.db.execute("plan_replay", PLAN, values).await? > 0)
    }

    async fn mark_replayed(
        &self,
        scope: &Scope,
        id: &DeadId,
        turn: &TurnId,
        decision: &Decision,
    ) -> Result<bool, PortError> {
        let values = values![business(scope), id.as_str(), turn.as_str(), &decision.by, decision.at_ms];
        Ok(self.db.execute("mark_replayed", REPLAYED, values).await? > 0)
    }

    async fn drop_dead(&self, scope: &Scope, id: &DeadId, decision: &Decision) -> Result<bool, PortError> {
        let values = values![business(scope), id.as_str(), &decision.by, decision.at_ms];
        Ok(self.db.execute("drop_dead", DROP, values).await? > 0)
    }
}

/// A body as a text column takes it, and how to read it.
fn to_text(body: &[u8]) -> (Cow<'_, str>, &'static str) {
    match std::str::from_utf8(body) {
        Ok(text) if !text.contains('\0') => (Cow::Borrowed(text), "text"),
        _ => (Cow::Owned(STANDARD.encode(body)), "base64"),
    }
}

fn body(row: &Row) -> Result<Vec<u8>, Error> {
    let text = row.text("body")?;
    if row.text("body_encoding")? == "text" {
        return Ok(text.into_bytes());
    }
    STANDARD.decode(text).map_err(|error| Error::Decode(error.into()))
}

fn dead_job(row: &Row) -> Result<DeadJob, Error> {
    let decided = match (row.maybe_text("decided_by")?, row.maybe_int("decided_ms")?) {
        (Some(by), Some(at_ms)) => Some(Decision { by, at_ms }),
        _ => None,
    };
    Ok(DeadJob {
        id: DeadId(row.text("id")?),
        business: row.maybe_text("business_id")?.map(BusinessId),
        turn: row.maybe_text("turn_id")?.map(TurnId),
        hop: HopId(row.text("hop")?),
        kind: row.text("kind")?,
        lane: row.named("lane", Lane::parse)?,
        code: row.text("code")?,
        error: row.text("error")?,
        attempts: row.count("attempts")?,
        headers: row.json("headers")?,
        body: body(row)?.into(),
        at_ms: row.int("at_ms")?,
        state: row.named("state", DeadState::parse)?,
        replayed_as: row.maybe_text("replayed_as")?.map(TurnId),
        decided,
    })
}
