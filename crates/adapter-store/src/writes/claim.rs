use super::{by_id, column};
use crate::batch::Write;
use crate::db::{Conn, Row, values};
use ports::ledger::{Claim, Claimed, Grant, Outcome, Prepay};
use sqlx::postgres::PgRow;
use sqlx::{Error, PgConnection};
use std::time::Duration;

/// A request to work on a hop. Those that wait for the disk are written apart, so that the others need not wait for them.
pub(crate) struct ClaimHop<const LASTS: bool>(pub(crate) Claim);

/// What a turn says when it was not free a moment ago and is now.
const TRY_AGAIN: Duration = Duration::from_millis(50);
const TRIES: usize = 3;

// Most claims do not wait for the disk, so a server that crashes may forget them. Their fences are not given again all
// the same: a crash ends every connection, each connection begins an era before its first claim, as a seizure does, and
// the fences of an era are higher than all before it. An era is no lower than the time in seconds, so that one which was
// lost in a failover is not begun again.
//
// The row of the turn alone decides between two claims, and between a claim and a commit: PostgreSQL looks at it again
// after waiting for its lock, but not at `hops`, which serves for hops that were done before the current one.
macro_rules! next_fence {
    ($era:literal) => {
        concat!("CASE WHEN t.fence < ", $era, " * 65536 THEN ", $era, " * 65536 ELSE t.fence END + 1")
    };
}

macro_rules! claim {
    ($era:literal, $items:literal) => {
        concat!(
            "UPDATE turns AS t SET fence = ",
            next_fence!($era),
            ", llm_calls = t.llm_calls + i.calls, \
             run = CASE WHEN t.hop = i.hop THEN t.run + 1 ELSE 1 END, \
             spared = CASE WHEN t.hop = i.hop THEN t.spared ELSE 0 END, \
             hop = i.hop, hop_done = FALSE, lease_owner = i.owner, lease_until_ms = i.until_ms, seized = FALSE FROM ",
            $items,
            " WHERE t.id = i.turn AND COALESCE(t.ended_ms, 0) = 0 \
             AND NOT (t.lease_owner IS NOT NULL AND t.lease_until_ms > $5 AND (t.hop = i.hop OR t.seized)) \
             AND NOT (t.hop_done AND t.hop = i.hop) \
             AND substr(t.hop, 1, length(i.hop) + 1) <> i.hop || '/' \
             AND NOT EXISTS (SELECT 1 FROM hops AS h WHERE h.hop = i.hop) \
             RETURNING id, fence, run, spared, cancel_requested, llm_calls"
        )
    };
}

pub(super) use next_fence;

const TOGETHER: &str = concat!(
    "WITH how AS MATERIALIZED (SELECT set_config('synchronous_commit', \
     COALESCE($7::text, current_setting('synchronous_commit')), TRUE) AS commits) ",
    claim!(
        "current_setting('askline.era')::bigint",
        "how JOIN unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $6::bigint[]) \
         AS i (turn, hop, owner, until_ms, calls) ON how.commits <> ''"
    )
);
const ALONE: &str =
    claim!("(SELECT n FROM eras)", "(SELECT $1 AS turn, $2 AS hop, $3 AS owner, $4 AS until_ms, $6 AS calls) AS i");
/// One era more, no lower than the time in seconds.
macro_rules! next_era {
    ($now_s:literal) => {
        concat!("UPDATE eras SET n = CASE WHEN n < ", $now_s, " THEN ", $now_s, " ELSE n + 1 END")
    };
}
pub(crate) const NEXT_ERA: &str = next_era!("$1");
const BEGIN_ERA: &str = concat!(
    "WITH era AS (",
    next_era!("$1::bigint"),
    " RETURNING n) SELECT set_config('askline.era', n::text, FALSE) FROM era"
);
/// PostgreSQL's codes for a setting that nobody has set, and for one whose setting was taken back.
const NO_ERA: [&str; 2] = ["42704", "22P02"];
const HOLDER: &str = "SELECT hop, lease_owner, lease_until_ms, seized, ended_ms FROM turns WHERE id = $1";
const OUTCOME: &str =
    "SELECT outcome, published AND NOT went_on AS published FROM hops WHERE hop = $1 AND turn_id = $2";

impl<const LASTS: bool> ClaimHop<LASTS> {
    fn until_ms(&self, now_ms: i64) -> i64 {
        until_ms(&self.0, now_ms)
    }

    fn calls(&self) -> i64 {
        prepaid_calls(&self.0)
    }

    fn granted(&self, row: &Row) -> Result<Claimed, Error> {
        granted(&self.0, row).map(Claimed::Granted)
    }

    /// Why the hop is not free; `None` when it is by now.
    async fn refusal(&self, now_ms: i64, conn: &mut Conn<'_>) -> Result<Option<Claimed>, Error> {
        let holder = conn.row(HOLDER, values![self.key()]).await?;
        let done = conn.row(OUTCOME, values![self.0.hop.as_str(), self.key()]).await?;
        if let Some(row) = done {
            return Ok(Some(Claimed::Done(Box::new(outcome(&row)?))));
        }
        let Some(turn) = holder else { return Ok(Some(Claimed::Over)) };
        let hop = turn.text("hop")?;
        let is_behind = hop.strip_prefix(self.0.hop.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if turn.maybe_int("ended_ms")?.is_some() || is_behind {
            return Ok(Some(Claimed::Over));
        }
        let is_held = turn.maybe_text("lease_owner")?.is_some();
        let remaining_ms = turn.int("lease_until_ms")?.saturating_sub(now_ms);
        if is_held && remaining_ms > 0 && (hop == self.0.hop.0 || turn.flag("seized")?) {
            return Ok(Some(Claimed::Busy(Duration::from_millis(remaining_ms.unsigned_abs()))));
        }
        Ok(None)
    }
}

impl<const LASTS: bool> Write for ClaimHop<LASTS> {
    type Answer = Claimed;
    const NAME: &'static str = if LASTS { "claim_for_good" } else { "claim" };

    fn key(&self) -> &str {
        self.0.turn.as_str()
    }

    /// A forgotten claim means that somebody else may claim too: the fence tells them apart.
    fn must_last(&self) -> bool {
        LASTS
    }

    async fn together(writes: &[&Self], now_ms: i64, conn: &mut PgConnection) -> Result<Vec<Option<Claimed>>, Error> {
        let rows = match claimed(writes, now_ms, conn).await {
            Err(error) if has_no_era(&error) => {
                begin_era(now_ms, conn).await?;
                claimed(writes, now_ms, conn).await?
            }
            rows => rows?,
        };
        let grants = by_id(rows)?;
        writes.iter().map(|write| grants.get(write.key()).map(|row| write.granted(row)).transpose()).collect()
    }

    async fn alone(&self, now_ms: i64, conn: &mut Conn<'_>) -> Result<Option<Claimed>, Error> {
        let (hop, owner) = (self.0.hop.as_str(), &self.0.owner);
        let values = values![self.key(), hop, owner, self.until_ms(now_ms), now_ms, self.calls()];
        let row = conn.row(ALONE, values).await?;
        row.map(|row| self.granted(&row)).transpose()
    }

    async fn otherwise(&self, now_ms: i64, conn: &mut Conn<'_>) -> Result<Claimed, Error> {
        for _ in 0..TRIES {
            if let Some(refusal) = self.refusal(now_ms, conn).await? {
                return Ok(refusal);
            }
            let granted = match conn {
                Conn::Postgres(conn) => Self::together(&[self], now_ms, conn).await?.pop().flatten(),
                Conn::Sqlite(_) => self.alone(now_ms, conn).await?,
            };
            if let Some(granted) = granted {
                return Ok(granted);
            }
        }
        Ok(Claimed::Busy(TRY_AGAIN))
    }
}

async fn claimed<const LASTS: bool>(
    writes: &[&ClaimHop<LASTS>],
    now_ms: i64,
    conn: &mut PgConnection,
) -> Result<Vec<PgRow>, Error> {
    sqlx::query(TOGETHER)
        .bind(column(writes, |write| write.0.turn.as_str()))
        .bind(column(writes, |write| write.0.hop.as_str()))
        .bind(column(writes, |write| write.0.owner.as_str()))
        .bind(column(writes, |write| write.until_ms(now_ms)))
        .bind(now_ms)
        .bind(column(writes, |write| write.calls()))
        .bind((!LASTS).then_some("off"))
        .fetch_all(conn)
        .await
}

/// When the lease of a claim that is made now runs out.
pub(super) fn until_ms(claim: &Claim, now_ms: i64) -> i64 {
    now_ms.saturating_add(i64::try_from(claim.lease.as_millis()).unwrap_or(i64::MAX))
}

/// Calls to language models that a claim spends.
pub(super) fn prepaid_calls(claim: &Claim) -> i64 {
    claim.prepays.map_or(0, |prepays| i64::from(prepays.calls))
}

/// How many calls the turn has spent beyond its budget.
fn beyond(calls: i64, most: u32) -> u32 {
    u32::try_from(calls.saturating_sub(i64::from(most)).max(0)).unwrap_or(u32::MAX)
}

/// What a claim got, with the calls that it has spent.
pub(super) fn granted(claim: &Claim, row: &Row) -> Result<Grant, Error> {
    let calls = row.int("llm_calls")?;
    let within = |prepays: Prepay| prepays.calls.saturating_sub(beyond(calls, prepays.most));
    Ok(Grant { prepaid: claim.prepays.map_or(0, within), ..grant(row)? })
}

/// For a connection that makes its first claim.
pub(super) async fn begin_era(now_ms: i64, conn: &mut PgConnection) -> Result<(), Error> {
    sqlx::query(BEGIN_ERA).bind(now_ms / 1_000).execute(conn).await?;
    Ok(())
}

/// Whether a claim failed for want of it.
pub(super) fn has_no_era(error: &Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| NO_ERA.contains(&code.as_ref()))
}

/// A claim's fence and run; nothing is prepaid.
pub(crate) fn grant(row: &Row) -> Result<Grant, Error> {
    let (attempt, spared): (u32, u32) = (row.count("run")?, row.count("spared")?);
    Ok(Grant {
        fence: row.count("fence")?,
        attempt,
        // A process of the release before does not begin anew to count with each hop.
        spent: attempt.saturating_sub(spared).max(1),
        cancel_requested: row.flag("cancel_requested")?,
        prepaid: 0,
    })
}

/// A stored outcome.
pub(crate) fn outcome(row: &Row) -> Result<Outcome, Error> {
    let stored: Outcome = row.json("outcome")?;
    Ok(Outcome { published: row.flag("published")?, ..stored })
}
