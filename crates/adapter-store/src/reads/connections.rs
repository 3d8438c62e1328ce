use crate::batch::{HotRead, hot_read};
use crate::db::Row;
use contracts::{BusinessId, ConnectionId, Dialect};
use ports::store::{Connection, ConnectionStatus};
use sqlx::Error;

macro_rules! select {
    ($rest:expr) => {
        $crate::reads::connections::select!("", $rest)
    };
    ($more:expr, $rest:expr) => {
        concat!(
            "SELECT id, business_id, name, dialect, sealed_url, sealed_write_url, status, status_message, created_ms, \
             max_scanned_rows, \
             (SELECT saved_ms FROM schemas WHERE schemas.connection_id = connections.id) AS schema_ms",
            $more,
            " FROM connections ",
            $rest
        )
    };
}
pub(super) use select;

macro_rules! one {
    ($business:literal, $id:literal, $most:literal) => {
        select!(concat!("WHERE business_id = ", $business, " AND id = ", $id, " LIMIT ", $most))
    };
}

// The id is the business once more: every connection of it is read.
macro_rules! all {
    ($business:literal, $id:literal, $most:literal) => {
        select!(concat!(
            "WHERE business_id = ",
            $business,
            " AND business_id = ",
            $id,
            " ORDER BY created_ms, id LIMIT ",
            $most
        ))
    };
}

/// A connection of a business.
pub(crate) struct FindConnection;

impl HotRead for FindConnection {
    type Item = Connection;
    const NAME: &'static str = "connection";
    const TOGETHER: &'static str = hot_read!(together: one);
    const ALONE: &'static str = hot_read!(alone: one);

    fn item(row: &Row) -> Result<Connection, Error> {
        connection(row)
    }
}

/// Every connection of a business. Its key is the business, twice.
pub(crate) struct AllConnections;

impl HotRead for AllConnections {
    type Item = Connection;
    const NAME: &'static str = "connections";
    const TOGETHER: &'static str = hot_read!(together: all);
    const ALONE: &'static str = hot_read!(alone: all);

    fn item(row: &Row) -> Result<Connection, Error> {
        connection(row)
    }
}

/// Every connection of every business.
pub(crate) const EVERY_CONNECTION: &str = select!("ORDER BY created_ms, id");

pub(crate) fn connection(row: &Row) -> Result<Connection, Error> {
    Ok(Connection {
        id: ConnectionId(row.text("id")?),
        business: BusinessId(row.text("business_id")?),
        name: row.text("name")?,
        dialect: row.named("dialect", Dialect::parse)?,
        sealed_url: row.text("sealed_url")?,
        sealed_write_url: row.maybe_text("sealed_write_url")?,
        status: row.named("status", ConnectionStatus::parse)?,
        status_message: row.text("status_message")?,
        max_scanned_rows: row.maybe_int("max_scanned_rows")?.and_then(|rows| u64::try_from(rows).ok()),
        schema_ms: row.maybe_int("schema_ms")?,
        created_ms: row.int("created_ms")?,
    })
}
