use crate::batch::{HotRead, hot_read};
use crate::db::Row;
use crate::turns::{select, turn};
use ports::store::Turn;
use sqlx::Error;

macro_rules! ended {
    ($business:literal, $id:literal, $most:literal) => {
        select!(concat!(
            "WHERE business_id = ",
            $business,
            " AND conversation_id = ",
            $id,
            " AND state IN ('completed', 'failed', 'incomplete') ORDER BY created_ms DESC, id DESC LIMIT ",
            $most
        ))
    };
}

/// The last ended turns of a conversation.
pub(crate) struct History;

impl HotRead for History {
    type Item = Turn;
    const NAME: &'static str = "history";
    const TOGETHER: &'static str = hot_read!(together: ended);
    const ALONE: &'static str = hot_read!(alone: ended);

    fn item(row: &Row) -> Result<Turn, Error> {
        turn(row)
    }
}
