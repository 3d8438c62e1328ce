use crate::batch::{HotRead, hot_read};
use crate::db::Row;
use serde_json::Value;
use sqlx::Error;

macro_rules! body {
    ($business:literal, $id:literal, $most:literal) => {
        concat!(
            "SELECT body FROM connection_policies WHERE business_id = ",
            $business,
            " AND connection_id = ",
            $id,
            " LIMIT ",
            $most
        )
    };
}

/// What each role may see of a connection.
pub(crate) struct FindPolicy;

impl HotRead for FindPolicy {
    type Item = Value;
    const NAME: &'static str = "connection_policy";
    const TOGETHER: &'static str = hot_read!(together: body);
    const ALONE: &'static str = hot_read!(alone: body);

    fn item(row: &Row) -> Result<Value, Error> {
        row.json("body")
    }
}
