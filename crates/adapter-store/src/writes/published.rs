use super::{column, quickly};
use crate::batch::Write;
use crate::db::{Conn, values};
use contracts::HopId;
use sqlx::{Error, PgConnection};
use std::time::Duration;

/// All of the outcome has been published that a hop had under a fence.
pub(crate) struct MarkPublished {
    pub(crate) hop: HopId,
    pub(crate) fence: i64,
}

const TOGETHER: &str = concat!(
    quickly!(),
    "UPDATE hops SET published = TRUE, went_on = FALSE FROM quick JOIN unnest($1::text[], $2::bigint[]) AS i (hop, fence) \
     ON quick.commits = 'off' WHERE hops.hop = i.hop AND hops.fence = i.fence"
);
const ALONE: &str =
    "UPDATE hops SET published = TRUE, went_on = FALSE WHERE hop = $1 AND fence = $2 AND (went_on OR NOT published)";

impl Write for MarkPublished {
    type Answer = ();
    const NAME: &'static str = "mark_published";
    /// The next hop has begun by now.
    const LINGER: Duration = Duration::from_millis(10);

    fn key(&self) -> &str {
        self.hop.as_str()
    }

    /// A mark that a crash takes back only means publishing once more.
    fn must_last(&self) -> bool {
        false
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<()>>, Error> {
        let fences = column(writes, |write| write.fence);
        sqlx::query(TOGETHER).bind(column(writes, Self::key)).bind(fences).execute(conn).await?;
        Ok(vec![Some(()); writes.len()])
    }

    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<()>, Error> {
        conn.execute(ALONE, values![self.key(), self.fence]).await?;
        Ok(Some(()))
    }

    async fn otherwise(&self, _: i64, _: &mut Conn<'_>) -> Result<(), Error> {
        Ok(())
    }
}
