use super::column;
use crate::batch::Write;
use crate::db::{Conn, Row, values};
use ports::ledger::{Claim, Claimed, Grant, Outcome};
use sqlx::{Error, PgConnection};
use std::collections::HashMap;
use std::time::Duration;

/// A request to work on a hop.
pub(crate) struct ClaimHop(pub(crate) Claim);

/// What a turn says when it was not free a moment ago and is now.
const TRY_AGAIN: Duration = Duration::from_millis(50);
const TRIES: usize = 3;

// The row of the turn alone decides between two claims, and between a claim and a commit: PostgreSQL looks at it again
// after waiting for its lock, but not at `hops`, which serves for hops that were done before the current one.
macro_rules! claim {
    ($items:literal) => {
        concat!(
            "UPDATE turns AS t SET fence = t.fence + 1, run = CASE WHEN t.hop = i.hop THEN t.run + 1 ELSE 1 END, \
             hop = i.hop, hop_done = FALSE, lease_owner = i.owner, lease_until_ms = i.until_ms, seized = FALSE FROM ",
            $items,
            " WHERE t.id = i.turn AND t.ended_ms IS NULL \
             AND NOT (t.lease_owner IS NOT NULL AND t.lease_until_ms > $5 AND (t.hop = i.hop OR t.seized)) \
             AND NOT (t.hop_done AND t.hop = i.hop) \
             AND substr(t.hop, 1, length(i.hop) + 1) <> i.hop || '/' \
             AND NOT EXISTS (SELECT 1 FROM hops AS h WHERE h.hop = i.hop) \
             RETURNING id, fence, run, cancel_requested"
        )
    };
}

const TOGETHER: &str =
    claim!("unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS i (turn, hop, owner, until_ms)");
const ALONE: &str = claim!("(SELECT $1 AS turn, $2 AS hop, $3 AS owner, $4 AS until_ms) AS i");
const HOLDER: &str = "SELECT hop, lease_owner, lease_until_ms, seized, ended_ms FROM turns WHERE id = $1";
const OUTCOME: &str = "SELECT outcome, published FROM hops WHERE hop = $1 AND turn_id = $2";

impl ClaimHop {
    fn until_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_add(i64::try_from(self.0.lease.as_millis()).unwrap_or(i64::MAX))
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

impl Write for ClaimHop {
    type Answer = Claimed;
    const NAME: &'static str = "claim";

    fn key(&self) -> &str {
        self.0.turn.as_str()
    }

    async fn together(writes: &[&Self], now_ms: i64, conn: &mut PgConnection) -> Result<Vec<Option<Claimed>>, Error> {
        let rows = sqlx::query(TOGETHER)
            .bind(column(writes, Self::key))
            .bind(column(writes, |write| write.0.hop.as_str()))
            .bind(column(writes, |write| write.0.owner.as_str()))
            .bind(column(writes, |write| write.until_ms(now_ms)))
            .bind(now_ms)
            .fetch_all(conn)
            .await?;
        let mut grants = HashMap::with_capacity(rows.len());
        for row in rows.into_iter().map(Row::Postgres) {
            grants.insert(row.text("id")?, grant(&row)?);
        }
        Ok(writes.iter().map(|write| grants.remove(write.key()).map(Claimed::Granted)).collect())
    }

    async fn alone(&self, now_ms: i64, conn: &mut Conn<'_>) -> Result<Option<Claimed>, Error> {
        let (hop, owner) = (self.0.hop.as_str(), &self.0.owner);
        let row = conn.row(ALONE, values![self.key(), hop, owner, self.until_ms(now_ms), now_ms]).await?;
        row.map(|row| grant(&row).map(Claimed::Granted)).transpose()
    }

    async fn otherwise(&self, now_ms: i64, conn: &mut Conn<'_>) -> Result<Claimed, Error> {
        for _ in 0..TRIES {
            if let Some(refusal) = self.refusal(now_ms, conn).await? {
                return Ok(refusal);
            }
            if let Some(granted) = self.alone(now_ms, conn).await? {
                return Ok(granted);
            }
        }
        Ok(Claimed::Busy(TRY_AGAIN))
    }
}

/// A claim's fence and run.
pub(crate) fn grant(row: &Row) -> Result<Grant, Error> {
    Ok(Grant {
        fence: row.count("fence")?,
        attempt: row.count("run")?,
        cancel_requested: row.flag("cancel_requested")?,
    })
}

/// A stored outcome.
pub(crate) fn outcome(row: &Row) -> Result<Outcome, Error> {
    let stored: Outcome = row.json("outcome")?;
    Ok(Outcome { published: row.flag("published")?, ..stored })
}
