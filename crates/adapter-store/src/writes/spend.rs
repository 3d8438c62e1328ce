use super::{applied, column};
use crate::batch::Write;
use crate::db::{Conn, values};
use contracts::TurnId;
use sqlx::{Error, PgConnection};

/// One call to a language model, if the turn may still have one.
pub(crate) struct SpendLlmCall {
    pub(crate) turn: TurnId,
    pub(crate) max: u32,
}

macro_rules! spend {
    ($items:literal) => {
        concat!(
            "UPDATE turns AS t SET llm_calls = t.llm_calls + 1 FROM ",
            $items,
            " WHERE t.id = i.turn AND t.llm_calls < i.most AND COALESCE(t.ended_ms, 0) = 0 RETURNING id"
        )
    };
}

const TOGETHER: &str = spend!("unnest($1::text[], $2::bigint[]) AS i (turn, most)");
const ALONE: &str = spend!("(SELECT $1 AS turn, $2 AS most) AS i");

impl Write for SpendLlmCall {
    type Answer = bool;
    const NAME: &'static str = "spend_llm_call";

    fn key(&self) -> &str {
        self.turn.as_str()
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<bool>>, Error> {
        let query = sqlx::query_scalar(TOGETHER)
            .bind(column(writes, Self::key))
            .bind(column(writes, |write| i64::from(write.max)));
        Ok(applied(writes, query.fetch_all(conn).await?, true))
    }

    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<bool>, Error> {
        let row = conn.row(ALONE, values![self.key(), i64::from(self.max)]).await?;
        Ok(row.map(|_| true))
    }

    async fn otherwise(&self, _: i64, _: &mut Conn<'_>) -> Result<bool, Error> {
        Ok(false)
    }
}
