use super::asked::Asked;
use super::{column, encoded, first_job};
use crate::batch::Write;
use crate::db::{Conn, Row, values};
use ports::line::{Beginning, Waits};
use sqlx::{Error, PgConnection};
use std::collections::HashMap;

/// A question that waits in its business's line.
pub(crate) struct Wait {
    asked: Asked,
    beginning: String,
    first_job: String,
    most: i64,
}

const TRIES: usize = 4;

macro_rules! insert {
    ($items:expr) => {
        concat!(
            "INSERT INTO turns (id, business_id, user_id, conversation_id, connection_id, question, idempotency_key, \
             created_ms, deadline_ms, lane, beginning, first_job, place, state) ",
            $items,
            " ON CONFLICT DO NOTHING RETURNING id, place"
        )
    };
}

/// The first or last place of a line.
macro_rules! end_of_line {
    ($order:literal, $lane:literal, $business:literal) => {
        concat!(
            "(SELECT p.place FROM turns AS p WHERE p.lane = ",
            $lane,
            " AND p.business_id = ",
            $business,
            " AND p.ended_ms IS NULL AND p.place IS NOT NULL ORDER BY p.place ",
            $order,
            " LIMIT 1)"
        )
    };
}

// Two batches at once may give one place twice, and together go beyond the bound by their size: then the id decides
// who is first.
const TOGETHER: &str = concat!(
    "WITH i AS (SELECT n.*, ROW_NUMBER() OVER (PARTITION BY n.business, n.lane ORDER BY n.id) AS nth \
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], \
     $9::bigint[], $10::text[], $11::text[], $12::bigint[], $13::text[]) AS n (id, business, asker, conversation, \
     connection, question, key, created_ms, deadline_ms, lane, beginning, most, first_job)), \
     line AS MATERIALIZED (SELECT b.business, b.lane, COALESCE(",
    end_of_line!("DESC", "b.lane", "b.business"),
    ", 0) AS tail, COALESCE(",
    end_of_line!("ASC", "b.lane", "b.business"),
    ", 1) AS head FROM (SELECT DISTINCT business, lane FROM i) AS b) ",
    insert!(
        "SELECT i.id, i.business, i.asker, i.conversation, i.connection, i.question, i.key, i.created_ms, \
         i.deadline_ms, i.lane, i.beginning, i.first_job, line.tail + i.nth, 'waiting' \
         FROM i JOIN line ON line.business = i.business AND line.lane = i.lane \
         WHERE line.tail + i.nth - line.head < i.most"
    )
);
const ALONE: &str = insert!(concat!(
    "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $13, COALESCE(",
    end_of_line!("DESC", "$10", "$2"),
    ", 0) + 1, 'waiting' WHERE COALESCE(",
    end_of_line!("DESC", "$10", "$2"),
    " - ",
    end_of_line!("ASC", "$10", "$2"),
    " + 1, 0) < $12"
));

impl Wait {
    pub(crate) fn new(asked: Asked, beginning: &Beginning, most: u32) -> Result<Self, Error> {
        Ok(Self {
            asked,
            beginning: encoded(beginning)?,
            first_job: first_job(&beginning.envelope)?,
            most: i64::from(most),
        })
    }
}

fn place(row: &Row) -> Result<Waits, Error> {
    Ok(Waits::At(row.count("place")?))
}

impl Write for Wait {
    type Answer = Waits;
    const NAME: &'static str = "wait";

    fn key(&self) -> &str {
        self.asked.id()
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<Waits>>, Error> {
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
            .bind(column(writes, |write| write.beginning.as_str()))
            .bind(column(writes, |write| write.most))
            .bind(column(writes, |write| write.first_job.as_str()))
            .fetch_all(conn)
            .await?;
        let mut places = HashMap::with_capacity(rows.len());
        for row in rows.into_iter().map(Row::Postgres) {
            places.insert(row.text("id")?, place(&row)?);
        }
        Ok(writes.iter().map(|write| places.remove(write.key())).collect())
    }

    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<Waits>, Error> {
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
            &self.beginning,
            self.most,
            &self.first_job,
        ];
        conn.row(ALONE, values).await?.as_ref().map(place).transpose()
    }

    async fn otherwise(&self, now_ms: i64, conn: &mut Conn<'_>) -> Result<Waits, Error> {
        let mut was_refused = false;
        for _ in 0..TRIES {
            let answer = match self.asked.by_key(conn).await? {
                Some(earlier) => self.asked.known(&earlier, now_ms, conn).await?.map(Waits::Keyed),
                None if was_refused => Some(Waits::Full),
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
        Ok(Waits::Full)
    }
}
