use super::claim::{begin_era, granted, has_no_era, next_fence, prepaid_calls, until_ms};
use super::llm_call::{insert_call, insert_calls};
use super::{by_id, column, encoded, stored};
use crate::batch::Write;
use crate::db::{Conn, Row, values};
use contracts::event::Usage;
use ports::ledger::{Claim, Commit, Committed};
use ports::store::{EndState, LlmCallRecord};
use sqlx::postgres::PgRow;
use sqlx::{Error, PgConnection};

/// What came of a hop, with its rows and the turn's end. Those that wait for the disk are written apart, so that the
/// others need not wait for them.
pub(crate) struct CommitOutcome<const LASTS: bool> {
    commit: Commit,
    outcome: String,
    rows: Option<String>,
    usage: Usage,
}

impl<const LASTS: bool> CommitOutcome<LASTS> {
    pub(crate) fn new(commit: Commit) -> Result<Self, Error> {
        let outcome = encoded(&commit.outcome)?;
        let rows = commit.result.as_ref().map(|result| encoded(&result.rows)).transpose()?;
        let mut usage = Usage::default();
        commit.calls.iter().for_each(|call| usage.add(call.usage));
        Ok(Self { commit, outcome, rows, usage })
    }

    fn hop(&self) -> &str {
        self.commit.outcome.hop.as_str()
    }

    fn fence(&self) -> i64 {
        stored(self.commit.outcome.fence)
    }

    fn next_seq(&self) -> i64 {
        stored(self.commit.outcome.next_seq)
    }

    fn result(&self) -> Option<&str> {
        self.commit.result.as_ref().map(|result| result.id.as_str())
    }

    fn end<'c, T>(&'c self, field: impl FnOnce(&'c EndState) -> Option<T>) -> Option<T> {
        self.commit.end.as_ref().and_then(field)
    }

    fn state(&self) -> Option<&str> {
        self.end(|end| Some(end.state.as_str()))
    }

    fn answer(&self) -> Option<&str> {
        self.end(|end| Some(end.answer.as_str()))
    }

    fn message(&self) -> Option<&str> {
        self.end(|end| Some(end.message_id.as_str()))
    }

    fn sql(&self) -> Option<&str> {
        self.end(|end| end.sql.as_deref())
    }

    fn answered_from(&self) -> Option<&str> {
        self.end(|end| end.result.as_ref().map(|result| result.as_str()))
    }

    fn error_code(&self) -> Option<&str> {
        self.end(|end| end.error.as_ref().map(|error| error.code.as_str()))
    }

    fn error_message(&self) -> Option<&str> {
        self.end(|end| end.error.as_ref().map(|error| error.message.as_str()))
    }

    fn reason(&self) -> Option<&str> {
        self.end(|end| end.reason.as_deref())
    }

    fn ended_ms(&self) -> Option<i64> {
        self.end(|end| Some(end.ended_ms))
    }

    fn then<'c, T>(&'c self, field: impl FnOnce(&'c Claim) -> T) -> Option<T> {
        self.commit.then.as_ref().map(field)
    }

    fn next(&self) -> Option<&str> {
        self.then(|claim| claim.hop.as_str())
    }

    fn owner(&self) -> Option<&str> {
        self.then(|claim| claim.owner.as_str())
    }

    fn until_ms(&self, now_ms: i64) -> Option<i64> {
        self.then(|claim| until_ms(claim, now_ms))
    }

    /// Calls that the next claim spends, less those that this one spent in vain.
    fn calls(&self) -> i64 {
        self.then(prepaid_calls).unwrap_or_default() - i64::from(self.commit.unused_calls)
    }

    /// What the row of the turn says after it.
    fn stored(&self, turn: &Row) -> Result<Committed, Error> {
        match &self.commit.then {
            Some(claim) => granted(claim, turn).map(Committed::WentOn),
            None => Ok(Committed::Stored),
        }
    }
}

// The claim of the next hop is made with the outcome of the one before: see the claim.
//
// PostgreSQL takes an array for ten rows and what was updated for one, and would join them row by row with each other. So
// what was updated brings along what is inserted of it.
macro_rules! update {
    ($era:literal, $items:literal, $returning:literal) => {
        concat!(
            "UPDATE turns AS t SET hop = COALESCE(i.next, i.hop), hop_done = i.next IS NULL, lease_owner = i.owner, \
             lease_until_ms = COALESCE(i.until_ms, 0), seized = FALSE, \
             fence = CASE WHEN i.next IS NULL THEN t.fence ELSE ",
            next_fence!($era),
            " END, run = CASE WHEN i.next IS NULL THEN t.run ELSE 1 END, \
             spared = CASE WHEN i.next IS NULL THEN t.spared ELSE 0 END, \
             llm_calls = t.llm_calls + i.calls, next_seq = i.next_seq, \
             state = COALESCE(i.state, t.state), answer = i.answer, message_id = i.message_id, \
             executed_sql = i.executed_sql, result_id = i.answered_from, \
             input_tokens = t.input_tokens + i.input, output_tokens = t.output_tokens + i.output, \
             total_tokens = t.total_tokens + i.total, error_code = i.error_code, \
             error_message = i.error_message, reason = i.reason, ended_ms = i.ended_ms FROM ",
            $items,
            " WHERE t.id = i.turn AND t.fence = i.fence AND COALESCE(t.ended_ms, 0) = 0 AND t.lease_owner IS NOT NULL \
             RETURNING ",
            $returning
        )
    };
}

const TOGETHER: &str = concat!(
    "WITH how AS MATERIALIZED (SELECT set_config('synchronous_commit', \
     COALESCE($18::text, current_setting('synchronous_commit')), TRUE) AS commits), \
     i AS (SELECT i.* FROM how JOIN unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], \
     $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], \
     $15::text[], $16::text[], $19::bigint[], $20::bigint[], $21::bigint[], $32::text[], $33::text[], $34::bigint[], \
     $35::bigint[]) \
     AS i (turn, fence, hop, outcome, next_seq, state, answer, message_id, executed_sql, answered_from, error_code, \
     error_message, reason, ended_ms, result_id, body, input, output, total, next, owner, until_ms, calls) \
     ON how.commits <> ''), \
     stored AS (",
    update!(
        "current_setting('askline.era')::bigint",
        "i",
        "t.id, t.business_id, t.fence, t.run, t.spared, t.cancel_requested, t.llm_calls, i.hop, i.fence AS under, \
         i.outcome, i.next IS NOT NULL AS went_on, i.result_id, i.body"
    ),
    "), \
     done AS (INSERT INTO hops (hop, turn_id, business_id, fence, outcome, stored_ms, published, went_on) \
     SELECT hop, id, business_id, under, outcome, $17, went_on, went_on FROM stored), \
     kept AS (INSERT INTO results (id, business_id, turn_id, body, stored_ms) \
     SELECT result_id, business_id, id, body, $17 FROM stored WHERE result_id IS NOT NULL), \
     called AS (",
    insert_calls!(
        "SELECT * FROM unnest($22::text[], $36::text[], $23::text[], $24::text[], $25::text[], $26::text[], \
         $27::bigint[], $28::bigint[], $29::bigint[], $30::bigint[], $31::bigint[]) \
         AS c (id, business, turn, purpose, provider, model, input, output, total, duration_ms, at_ms) \
         WHERE c.business || '/' || c.turn = ANY (ARRAY(SELECT business_id || '/' || id FROM stored))"
    ),
    ") SELECT id, fence, run, spared, cancel_requested, llm_calls FROM stored"
);
const UPDATE: &str = update!(
    "(SELECT n FROM eras)",
    "(SELECT $1 AS turn, $2 AS fence, $3 AS hop, $4 AS next_seq, $5 AS state, $6 AS answer, $7 AS message_id, \
     $8 AS executed_sql, $9 AS answered_from, $10 AS error_code, $11 AS error_message, $12 AS reason, \
     $13 AS ended_ms, $14 AS input, $15 AS output, $16 AS total, $17 AS next, $18 AS owner, $19 AS until_ms, \
     $20 AS calls) AS i",
    "business_id, fence, run, spared, cancel_requested, llm_calls"
);
const INSERT_HOP: &str = "INSERT INTO hops (hop, turn_id, business_id, fence, outcome, stored_ms, published, went_on) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
const INSERT_RESULT: &str =
    "INSERT INTO results (id, business_id, turn_id, body, stored_ms) VALUES ($1, $2, $3, $4, $5)";
const STORED_BEFORE: &str = "SELECT 1 FROM hops WHERE hop = $1 AND turn_id = $2 AND fence = $3";
const CLAIMED_BEFORE: &str = "SELECT fence, run, spared, cancel_requested, llm_calls FROM turns \
     WHERE id = $1 AND hop = $2 AND lease_owner = $3 AND run = 1 AND NOT hop_done AND NOT seized AND ended_ms IS NULL";

impl<const LASTS: bool> Write for CommitOutcome<LASTS> {
    type Answer = Committed;
    const NAME: &'static str = if LASTS { "commit" } else { "pass" };

    fn key(&self) -> &str {
        self.commit.outcome.turn.as_str()
    }

    fn must_last(&self) -> bool {
        LASTS
    }

    async fn together(writes: &[&Self], now_ms: i64, conn: &mut PgConnection) -> Result<Vec<Option<Committed>>, Error> {
        let rows = match committed(writes, now_ms, conn).await {
            Err(error) if has_no_era(&error) => {
                begin_era(now_ms, conn).await?;
                committed(writes, now_ms, conn).await?
            }
            rows => rows?,
        };
        let turns = by_id(rows)?;
        writes.iter().map(|write| turns.get(write.key()).map(|turn| write.stored(turn)).transpose()).collect()
    }

    async fn alone(&self, now_ms: i64, conn: &mut Conn<'_>) -> Result<Option<Committed>, Error> {
        let (turn, fence, hop) = (self.key(), self.fence(), self.hop());
        let next = values![turn, fence, hop, self.next_seq(), self.state(), self.answer(), self.message()];
        let end = values![
            self.sql(),
            self.answered_from(),
            self.error_code(),
            self.error_message(),
            self.reason(),
            self.ended_ms()
        ];
        let Usage { input_tokens, output_tokens, total_tokens } = self.usage;
        let usage = values![stored(input_tokens), stored(output_tokens), stored(total_tokens)];
        let then = values![self.next(), self.owner(), self.until_ms(now_ms), self.calls()];
        let values = next.into_iter().chain(end).chain(usage).chain(then).collect();
        let Some(row) = conn.row(UPDATE, values).await? else { return Ok(None) };
        let business = row.text("business_id")?;
        let went_on = self.commit.then.is_some();
        conn.execute(INSERT_HOP, values![hop, turn, &business, fence, &self.outcome, now_ms, went_on]).await?;
        if let (Some(result), Some(rows)) = (self.result(), &self.rows) {
            conn.execute(INSERT_RESULT, values![result, &business, turn, rows, now_ms]).await?;
        }
        for call in &self.commit.calls {
            insert_call(call, conn).await?;
        }
        self.stored(&row).map(Some)
    }

    /// A caller whose first try was stored and whose answer was lost may ask again: the fence was its own. So is the claim
    /// that it made, as long as that is the only one of its hop.
    async fn otherwise(&self, _: i64, conn: &mut Conn<'_>) -> Result<Committed, Error> {
        if conn.row(STORED_BEFORE, values![self.hop(), self.key(), self.fence()]).await?.is_none() {
            return Ok(Committed::Fenced);
        }
        if self.commit.then.is_none() {
            return Ok(Committed::Stored);
        }
        let turn = conn.row(CLAIMED_BEFORE, values![self.key(), self.next(), self.owner()]).await?;
        turn.map_or(Ok(Committed::Fenced), |turn| self.stored(&turn))
    }
}

async fn committed<const LASTS: bool>(
    writes: &[&CommitOutcome<LASTS>],
    now_ms: i64,
    conn: &mut PgConnection,
) -> Result<Vec<PgRow>, Error> {
    let query = sqlx::query(TOGETHER)
        .bind(column(writes, CommitOutcome::key))
        .bind(column(writes, CommitOutcome::fence))
        .bind(column(writes, CommitOutcome::hop))
        .bind(column(writes, |write| write.outcome.as_str()))
        .bind(column(writes, CommitOutcome::next_seq))
        .bind(column(writes, CommitOutcome::state))
        .bind(column(writes, CommitOutcome::answer))
        .bind(column(writes, CommitOutcome::message))
        .bind(column(writes, CommitOutcome::sql))
        .bind(column(writes, CommitOutcome::answered_from))
        .bind(column(writes, CommitOutcome::error_code))
        .bind(column(writes, CommitOutcome::error_message))
        .bind(column(writes, CommitOutcome::reason))
        .bind(column(writes, CommitOutcome::ended_ms))
        .bind(column(writes, CommitOutcome::result))
        .bind(column(writes, |write| write.rows.as_deref()))
        .bind(now_ms)
        .bind((!LASTS).then_some("off"))
        .bind(column(writes, |write| stored(write.usage.input_tokens)))
        .bind(column(writes, |write| stored(write.usage.output_tokens)))
        .bind(column(writes, |write| stored(write.usage.total_tokens)));
    let calls: Vec<&LlmCallRecord> = writes.iter().flat_map(|write| &write.commit.calls).collect();
    let query = query
        .bind(column(&calls, |call| call.id.as_str()))
        .bind(column(&calls, |call| call.turn.as_str()))
        .bind(column(&calls, |call| call.purpose.as_str()))
        .bind(column(&calls, |call| call.provider.as_str()))
        .bind(column(&calls, |call| call.model.as_str()))
        .bind(column(&calls, |call| stored(call.usage.input_tokens)))
        .bind(column(&calls, |call| stored(call.usage.output_tokens)))
        .bind(column(&calls, |call| stored(call.usage.total_tokens)))
        .bind(column(&calls, |call| stored(call.duration_ms)))
        .bind(column(&calls, |call| call.at_ms));
    query
        .bind(column(writes, CommitOutcome::next))
        .bind(column(writes, CommitOutcome::owner))
        .bind(column(writes, |write| write.until_ms(now_ms)))
        .bind(column(writes, CommitOutcome::calls))
        .bind(column(&calls, |call| call.business.as_str()))
        .fetch_all(conn)
        .await
}
