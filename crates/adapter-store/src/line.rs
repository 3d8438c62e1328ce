use crate::Store;
use crate::db::{Row, fault, values};
use crate::turns::{select, turn};
use crate::writes::{Asked, Begun, Wait};
use async_trait::async_trait;
use contracts::{BusinessId, Lane, TurnId};
use ports::PortError;
use ports::line::{Beginning, Line, Queued, Taken, Waits};
use ports::store::{NewTurn, Turn};
use sqlx::Error;
use std::time::Duration;

/// The next business in a lane's index, from one to the next: a line costs as much to find however long it is. For MIN and
/// MAX PostgreSQL may read the whole line, when it knows it as short.
const LINES: &str = "WITH RECURSIVE line (business) AS (\
     SELECT (SELECT f.business_id FROM turns AS f WHERE f.lane = $1 AND f.ended_ms IS NULL AND f.place IS NOT NULL \
     ORDER BY f.business_id LIMIT 1) \
     UNION ALL SELECT (SELECT n.business_id FROM turns AS n WHERE n.lane = $1 AND n.ended_ms IS NULL \
     AND n.place IS NOT NULL AND n.business_id > line.business ORDER BY n.business_id LIMIT 1) \
     FROM line WHERE line.business IS NOT NULL) \
     SELECT line.business, \
     (SELECT h.place FROM turns AS h WHERE h.lane = $1 AND h.business_id = line.business \
     AND h.ended_ms IS NULL AND h.place IS NOT NULL ORDER BY h.place LIMIT 1) AS head, \
     (SELECT l.place FROM turns AS l WHERE l.lane = $1 AND l.business_id = line.business \
     AND l.ended_ms IS NULL AND l.place IS NOT NULL ORDER BY l.place DESC LIMIT 1) AS tail \
     FROM line WHERE line.business IS NOT NULL";
const IN_FLIGHT: &str = "SELECT business_id, COUNT(*) AS turns FROM turns \
     WHERE lane = $1 AND ended_ms IS NULL AND place IS NULL GROUP BY business_id";
/// What another dispatcher has taken meanwhile is looked at again once its lock is free.
const TAKE: &str = "UPDATE turns SET taken_until_ms = $5 WHERE id IN (\
     SELECT id FROM turns WHERE lane = $1 AND business_id = $2 AND ended_ms IS NULL AND place IS NOT NULL \
     AND taken_until_ms <= $4 AND NOT cancel_requested ORDER BY place, id LIMIT $3) \
     AND taken_until_ms <= $4 AND COALESCE(place, 0) > 0 AND COALESCE(ended_ms, 0) = 0 RETURNING id, place, beginning";
const STOPPED: &str = select!("WHERE ended_ms IS NULL AND place IS NOT NULL AND cancel_requested ORDER BY id LIMIT $1");

#[async_trait]
impl Line for Store {
    async fn wait(&self, turn: &NewTurn, beginning: &Beginning, most: u32) -> Result<Waits, PortError> {
        let asked = Asked { turn: turn.clone(), key_lifetime_ms: self.key_lifetime_ms };
        self.writer.submit(Wait::new(asked, beginning, most).map_err(|error| fault("wait", &error))?).await
    }

    async fn lines(&self, lane: Lane) -> Result<Vec<Queued>, PortError> {
        let lines = self.db.list("lines", LINES, values![lane.as_str()], queued).await?;
        Ok(lines.into_iter().flatten().collect())
    }

    async fn in_flight(&self, lane: Lane) -> Result<Vec<(BusinessId, u64)>, PortError> {
        let read = |row: &Row| Ok((BusinessId(row.text("business_id")?), row.count("turns")?));
        self.db.list("in_flight", IN_FLIGHT, values![lane.as_str()], read).await
    }

    async fn take(
        &self,
        lane: Lane,
        business: &BusinessId,
        most: u32,
        lease: Duration,
    ) -> Result<Vec<Taken>, PortError> {
        let now_ms = self.clock.now_ms();
        let until_ms = now_ms.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
        let values = values![lane.as_str(), business.as_str(), i64::from(most), now_ms, until_ms];
        let mut taken = self.db.write_all("take", TAKE, values, taken).await?;
        taken.sort_unstable_by(|a, b| (a.0, &a.1.turn).cmp(&(b.0, &b.1.turn)));
        Ok(taken.into_iter().map(|(_, taken)| taken).collect())
    }

    async fn begun(&self, turn: &TurnId) -> Result<(), PortError> {
        self.writer.submit(Begun(turn.clone())).await
    }

    async fn stopped(&self, limit: u32) -> Result<Vec<Turn>, PortError> {
        self.db.list("stopped", STOPPED, values![i64::from(limit)], turn).await
    }
}

/// `None` for a line whose last turn left while it was read.
fn queued(row: &Row) -> Result<Option<Queued>, Error> {
    let (Some(head), Some(tail)) = (row.maybe_int("head")?, row.maybe_int("tail")?) else { return Ok(None) };
    let place = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(Some(Queued { business: BusinessId(row.text("business")?), head: place(head), tail: place(tail) }))
}

fn taken(row: &Row) -> Result<(i64, Taken), Error> {
    let beginning: Beginning = row.json("beginning")?;
    Ok((row.int("place")?, Taken { turn: TurnId(row.text("id")?), beginning }))
}
