use crate::batch::{HotRead, hot_read};
use crate::db::Row;
use contracts::Schema;
use sqlx::Error;

macro_rules! body {
    ($business:literal, $id:literal, $most:literal) => {
        concat!(
            "SELECT body FROM schemas WHERE business_id = ",
            $business,
            " AND connection_id = ",
            $id,
            " LIMIT ",
            $most
        )
    };
}

/// What discovery found in a connection.
pub(crate) struct FindSchema;

impl HotRead for FindSchema {
    type Item = Schema;
    const NAME: &'static str = "schema";
    const TOGETHER: &'static str = hot_read!(together: body);
    const ALONE: &'static str = hot_read!(alone: body);

    fn item(row: &Row) -> Result<Schema, Error> {
        row.json("body")
    }
}
