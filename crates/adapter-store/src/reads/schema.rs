use crate::batch::{HotRead, hot_read};
use crate::db::Row;
use contracts::Schema;
use sqlx::Error;
use std::sync::Arc;

macro_rules! body {
    ($business:literal, $id:literal, $most:literal) => {
        concat!(
            "SELECT body, saved_ms FROM schemas WHERE business_id = ",
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

/// It, and since when it is known.
#[derive(Clone)]
pub(crate) struct SavedSchema {
    pub(crate) schema: Arc<Schema>,
    pub(crate) at_ms: i64,
}

impl HotRead for FindSchema {
    type Item = SavedSchema;
    const NAME: &'static str = "schema";
    const TOGETHER: &'static str = hot_read!(together: body);
    const ALONE: &'static str = hot_read!(alone: body);

    fn item(row: &Row) -> Result<SavedSchema, Error> {
        Ok(SavedSchema { schema: Arc::new(row.json("body")?), at_ms: row.int("saved_ms")? })
    }
}
