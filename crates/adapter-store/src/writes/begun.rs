use super::column;
use crate::batch::Write;
use crate::db::{Conn, values};
use contracts::TurnId;
use sqlx::{Error, PgConnection};

/// The first job of a waiting turn is in the queue: it leaves the line.
pub(crate) struct Begun(pub(crate) TurnId);

// A fast worker may have ended it by then.
macro_rules! begun {
    ($items:literal) => {
        concat!(
            "UPDATE turns AS t SET place = NULL, beginning = NULL, \
             state = CASE WHEN t.state = 'waiting' THEN 'accepted' ELSE t.state END FROM ",
            $items,
            " WHERE t.id = i.turn AND COALESCE(t.place, 0) > 0"
        )
    };
}

const TOGETHER: &str = begun!("unnest($1::text[]) AS i (turn)");
const ALONE: &str = begun!("(SELECT $1 AS turn) AS i");

impl Write for Begun {
    type Answer = ();
    const NAME: &'static str = "begun";

    fn key(&self) -> &str {
        self.0.as_str()
    }

    /// A turn that is forgotten to have begun is begun once more, which does nothing.
    fn must_last(&self) -> bool {
        false
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<()>>, Error> {
        sqlx::query(TOGETHER).bind(column(writes, Self::key)).execute(conn).await?;
        Ok(vec![Some(()); writes.len()])
    }

    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<()>, Error> {
        conn.execute(ALONE, values![self.key()]).await?;
        Ok(Some(()))
    }

    async fn otherwise(&self, _: i64, _: &mut Conn<'_>) -> Result<(), Error> {
        Ok(())
    }
}
