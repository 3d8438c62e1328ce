use crate::batch::{HotRead, hot_read};
use crate::db::Row;
use contracts::ResultSet;
use sqlx::Error;

macro_rules! body {
    ($business:literal, $id:literal, $most:literal) => {
        concat!("SELECT body FROM results WHERE business_id = ", $business, " AND id = ", $id, " LIMIT ", $most)
    };
}

/// Rows that a turn left.
pub(crate) struct FindResult;

impl HotRead for FindResult {
    type Item = ResultSet;
    const NAME: &'static str = "result";
    const TOGETHER: &'static str = hot_read!(together: body);
    const ALONE: &'static str = hot_read!(alone: body);

    fn item(row: &Row) -> Result<ResultSet, Error> {
        row.json("body")
    }
}
