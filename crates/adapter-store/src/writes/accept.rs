use super::{applied, column};
use crate::batch::Write;
use crate::db::{Conn, values};
use contracts::TurnId;
use ports::store::TurnState;
use sqlx::{Error, PgConnection};

/// `offered` → `accepted`.
pub(crate) struct Accept(pub(crate) TurnId);

macro_rules! accept {
    ($items:literal) => {
        concat!(
            "UPDATE turns AS t SET state = 'accepted' FROM ",
            $items,
            " WHERE t.id = i.turn AND t.state = 'offered' RETURNING id"
        )
    };
}

const TOGETHER: &str = accept!("unnest($1::text[]) AS i (turn)");
const ALONE: &str = accept!("(SELECT $1 AS turn) AS i");
const STATE: &str = "SELECT state FROM turns WHERE id = $1";

impl Write for Accept {
    type Answer = bool;
    const NAME: &'static str = "accept";

    fn key(&self) -> &str {
        self.0.as_str()
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<bool>>, Error> {
        let turns = column(writes, Self::key);
        let accepted = sqlx::query_scalar(TOGETHER).bind(turns).fetch_all(conn).await?;
        Ok(applied(writes, accepted, true))
    }

    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<bool>, Error> {
        let row = conn.row(ALONE, values![self.key()]).await?;
        Ok(row.map(|_| true))
    }

    async fn otherwise(&self, _: i64, conn: &mut Conn<'_>) -> Result<bool, Error> {
        let Some(row) = conn.row(STATE, values![self.key()]).await? else { return Ok(false) };
        let state = row.named("state", TurnState::parse)?;
        Ok(state == TurnState::Accepted || state.is_terminal())
    }
}
