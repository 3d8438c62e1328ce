use super::{column, quickly, stored};
use crate::batch::Write;
use crate::db::{Conn, Row, values};
use contracts::TurnId;
use ports::ledger::Renewed;
use sqlx::{Error, PgConnection};
use std::collections::HashMap;

/// A claim that is to hold longer. Many at a time in one statement, so that a slow store loses nobody's claim.
pub(crate) struct Renew {
    pub(crate) turn: TurnId,
    pub(crate) fence: u64,
    pub(crate) until_ms: i64,
}

macro_rules! renew {
    ($items:literal, $and:literal, $returning:literal) => {
        concat!(
            "UPDATE turns AS t SET lease_until_ms = i.until_ms FROM ",
            $items,
            " WHERE t.id = i.turn AND t.fence = i.fence AND COALESCE(t.ended_ms, 0) = 0 AND t.lease_owner IS NOT NULL ",
            $and,
            "RETURNING ",
            $returning
        )
    };
}

const TOGETHER: &str = concat!(
    quickly!(),
    renew!(
        "quick, unnest($1::text[], $2::bigint[], $3::bigint[]) AS i (turn, fence, until_ms)",
        "AND quick.commits = 'off' ",
        "t.id, t.cancel_requested"
    )
);
const ALONE: &str = renew!("(SELECT $1 AS turn, $2 AS fence, $3 AS until_ms) AS i", "", "cancel_requested");

impl Write for Renew {
    type Answer = Renewed;
    const NAME: &'static str = "renew";

    fn key(&self) -> &str {
        self.turn.as_str()
    }

    /// A lease that a crash shortens is renewed again, or ends early, which the fence makes harmless.
    fn must_last(&self) -> bool {
        false
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<Renewed>>, Error> {
        let query = sqlx::query_as(TOGETHER)
            .bind(column(writes, Self::key))
            .bind(column(writes, |write| stored(write.fence)))
            .bind(column(writes, |write| write.until_ms));
        let held: HashMap<String, bool> = query.fetch_all(conn).await?.into_iter().collect();
        let answer = |cancel_requested: &bool| Renewed::Held { cancel_requested: *cancel_requested };
        Ok(writes.iter().map(|write| held.get(write.key()).map(answer)).collect())
    }

    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<Renewed>, Error> {
        let row = conn.row(ALONE, values![self.key(), stored(self.fence), self.until_ms]).await?;
        let held = |row: &Row| Ok(Renewed::Held { cancel_requested: row.flag("cancel_requested")? });
        row.as_ref().map(held).transpose()
    }

    async fn otherwise(&self, _: i64, _: &mut Conn<'_>) -> Result<Renewed, Error> {
        Ok(Renewed::Lost)
    }
}
