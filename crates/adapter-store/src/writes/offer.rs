use super::asked::Asked;
use super::{column, first_job};
use crate::batch::Write;
use crate::db::{Conn, Row, values};
use contracts::Envelope;
use ports::store::Offered;
use sqlx::{Error, PgConnection};
use std::collections::HashMap;

/// A question that the API wants to take.
pub(crate) struct Offer {
    asked: Asked,
    first_job: String,
}

const TRIES: usize = 4;

macro_rules! insert {
    ($items:expr) => {
        concat!(
            "INSERT INTO turns (id, business_id, user_id, conversation_id, connection_id, question, idempotency_key, \
             created_ms, deadline_ms, lane, replay_of, first_job, state) ",
            $items,
            " ON CONFLICT DO NOTHING RETURNING id"
        )
    };
}

/// Turns of a business and lane in flight, counted up to a bound.
macro_rules! in_flight {
    ($lane:literal, $business:literal, $most:literal) => {
        concat!(
            "(SELECT COUNT(*) FROM (SELECT 1 FROM turns AS f WHERE f.lane = ",
            $lane,
            " AND f.business_id = ",
            $business,
            " AND f.ended_ms IS NULL AND f.place IS NULL LIMIT ",
            $most,
            ") AS counted)"
        )
    };
}

/// Whether turns of a business wait in a lane: who comes later waits behind them.
macro_rules! has_line {
    ($lane:literal, $business:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM turns AS w WHERE w.lane = ",
            $lane,
            " AND w.business_id = ",
            $business,
            " AND w.ended_ms IS NULL AND w.place IS NOT NULL)"
        )
    };
}

// What is counted is counted once for each business of a batch, and each turn of the batch is one more.
const TOGETHER: &str = concat!(
    "WITH i AS (SELECT n.*, ROW_NUMBER() OVER (PARTITION BY n.business, n.lane ORDER BY n.id) AS nth \
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], \
     $9::bigint[], $10::text[], $11::bigint[], $12::text[], $14::text[]) AS n (id, business, asker, conversation, \
     connection, question, key, created_ms, deadline_ms, lane, share, replay_of, first_job)), \
     room AS MATERIALIZED (SELECT b.business, b.lane, CASE WHEN ",
    has_line!("b.lane", "b.business"),
    " THEN 0 ELSE b.share - ",
    in_flight!("b.lane", "b.business", "$13"),
    " END AS free FROM (SELECT business, lane, MAX(share) AS share FROM i WHERE share IS NOT NULL \
     GROUP BY business, lane) AS b), \
     made AS (",
    insert!(
        "SELECT i.id, i.business, i.asker, i.conversation, i.connection, i.question, i.key, i.created_ms, \
         i.deadline_ms, i.lane, i.replay_of, i.first_job, 'offered' FROM i LEFT JOIN room ON room.business = i.business AND room.lane = i.lane \
         WHERE i.share IS NULL OR i.nth <= room.free"
    ),
    ") SELECT id, TRUE AS is_new FROM made UNION ALL \
     SELECT i.id, FALSE AS is_new FROM i JOIN room ON room.business = i.business AND room.lane = i.lane \
     WHERE i.share IS NOT NULL AND i.nth > room.free AND (i.key IS NULL OR NOT EXISTS (SELECT 1 FROM turns AS k \
     WHERE k.business_id = i.business AND k.user_id = i.asker AND k.idempotency_key = i.key))"
);
const ALONE: &str = insert!(concat!(
    "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12, $13, 'offered' WHERE $11 IS NULL OR (NOT ",
    has_line!("$10", "$2"),
    " AND ",
    in_flight!("$10", "$2", "$11"),
    " < $11)"
));

impl Offer {
    pub(crate) fn new(asked: Asked, first: &Envelope) -> Result<Self, Error> {
        Ok(Self { asked, first_job: first_job(first)? })
    }

    fn share(&self) -> Option<i64> {
        self.asked.turn.share.map(i64::from)
    }
}

impl Write for Offer {
    type Answer = Offered;
    const NAME: &'static str = "offer";

    fn key(&self) -> &str {
        self.asked.id()
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<Offered>>, Error> {
        let rows = sqlx::query(TOGETHER)
            .bind(column(writes, Self::key))
            .bind(column(writes, |write| write.asked.business()))
            .bind(column(writes, |write| write.asked.user()))
            .bind(column(writes, |write| write.asked.conversation()))
            .bind(column(writes, |write| write.asked.connection()))
            .bind(column(writes, |write| write.asked.turn.question.as_str()))
            .bind(column(writes, |write| write.asked.key()))
            .bind(column(writes, |write| write.asked.turn.created_ms))
            .bind(column(writes, |write| write.asked.turn.deadline_ms))
            .bind(column(writes, |write| write.asked.lane()))
            .bind(column(writes, Self::share))
            .bind(column(writes, |write| write.asked.replay_of()))
            .bind(writes.iter().filter_map(|write| write.share()).max())
            .bind(column(writes, |write| write.first_job.as_str()))
            .fetch_all(conn)
            .await?;
        let mut answers = HashMap::with_capacity(rows.len());
        for row in rows.into_iter().map(Row::Postgres) {
            let answer = if row.flag("is_new")? { Offered::New } else { Offered::Beyond };
            answers.insert(row.text("id")?, answer);
        }
        Ok(writes.iter().map(|write| answers.remove(write.key())).collect())
    }

    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<Offered>, Error> {
        let (asked, turn) = (&self.asked, &self.asked.turn);
        let values = values![
            asked.id(),
            asked.business(),
            asked.user(),
            asked.conversation(),
            asked.connection(),
            &turn.question,
            asked.key(),
            turn.created_ms,
            turn.deadline_ms,
            asked.lane(),
            self.share(),
            asked.replay_of(),
            &self.first_job,
        ];
        Ok(conn.row(ALONE, values).await?.map(|_| Offered::New))
    }

    async fn otherwise(&self, now_ms: i64, conn: &mut Conn<'_>) -> Result<Offered, Error> {
        let mut was_refused = false;
        for _ in 0..TRIES {
            let answer = match self.asked.by_key(conn).await? {
                Some(earlier) => self.asked.known(&earlier, now_ms, conn).await?,
                None if was_refused && self.asked.turn.share.is_some() => Some(Offered::Beyond),
                None => {
                    let inserted = self.alone(now_ms, conn).await?;
                    was_refused = inserted.is_none();
                    inserted
                }
            };
            if let Some(answer) = answer {
                return Ok(answer);
            }
        }
        Err(Error::InvalidArgument(format!("a turn {} exists already", self.asked.turn.id)))
    }
}
