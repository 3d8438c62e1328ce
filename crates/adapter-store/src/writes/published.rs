use super::{column, quickly};
use crate::batch::Write;
use crate::db::{Conn, values};
use contracts::HopId;
use sqlx::{Error, PgConnection};
use std::time::Duration;

/// All of an outcome has been published.
pub(crate) struct MarkPublished(pub(crate) HopId);

const TOGETHER: &str = concat!(
    quickly!(),
    "UPDATE hops SET published = TRUE FROM quick \
     WHERE hop = ANY($1::text[]) AND quick.commits = 'off'"
);
const ALONE: &str = "UPDATE hops SET published = TRUE WHERE hop = $1 AND NOT published";

impl Write for MarkPublished {
    type Answer = ();
    const NAME: &'static str = "mark_published";
    /// The next hop has begun by now.
    const LINGER: Duration = Duration::from_millis(10);

    fn key(&self) -> &str {
        self.0.as_str()
    }

    /// A mark that a crash takes back only means publishing once more.
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
