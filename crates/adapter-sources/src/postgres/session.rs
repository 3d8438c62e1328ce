use super::cells::{self, Decoded};
use super::errors::failed;
use super::render::Later;
use super::server::{Server, close};
use crate::collect::Collector;
use contracts::{Cell, Column};
use futures_util::TryStreamExt;
use ports::source::Error;
use sqlx::postgres::{PgColumn, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Column as _, Executor, Row, SqlSafeStr, Statement as _, TypeInfo};
use std::time::Duration;

/// Within the transaction: the time, what a name without a schema means, and how strings are read (the guard reads
/// them by the standard). The last one ends a transaction that a crashed process of ours left behind.
const SETTINGS: &str = "SELECT pg_catalog.pg_backend_pid(), \
    pg_catalog.set_config('statement_timeout', $1, true), \
    pg_catalog.set_config('search_path', 'pg_catalog, public, pg_temp', true), \
    pg_catalog.set_config('standard_conforming_strings', 'on', true), \
    pg_catalog.set_config('transform_null_equals', 'off', true), \
    pg_catalog.set_config('idle_in_transaction_session_timeout', $1, true)";

/// A read-only transaction, alone on its connection.
pub(super) struct Session {
    connection: PgConnection,
    /// The server's number of it.
    pub(super) backend: i32,
}

impl Session {
    pub(super) async fn begin(server: &Server, timeout: Duration) -> Result<Self, Error> {
        let mut connection = server.acquire().await?;
        connection.execute("BEGIN READ ONLY").await.map_err(failed)?;
        let timeout = timeout.as_millis().max(1).to_string();
        let settings = sqlx::query(SETTINGS).bind(timeout).fetch_one(&mut connection).await.map_err(failed)?;
        let backend = settings.try_get(0).map_err(failed)?;
        Ok(Self { connection, backend })
    }

    /// Runs a guarded statement up to the caps. True when it was cut, and what only the server can render.
    pub(super) async fn collect(&mut self, sql: &str, rows: &mut Collector) -> Result<(bool, Later), Error> {
        let mut later = Later::default();
        // A named statement: an unnamed one is gone when the driver then asks for the names of unknown types.
        let mut stream = sqlx::query(AssertSqlSafe(sql)).persistent(true).fetch(&mut self.connection);
        while let Some(row) = stream.try_next().await.map_err(failed)? {
            if !rows.has_columns() {
                rows.set_columns(row.columns().iter().map(column).collect());
            }
            if !keep(&row, rows, &mut later) {
                return Ok((true, later));
            }
        }
        drop(stream);
        if !rows.has_columns() {
            rows.set_columns(self.columns(sql).await?);
        }
        Ok((false, later))
    }

    /// Columns of a statement that returned no row.
    async fn columns(&mut self, sql: &str) -> Result<Vec<Column>, Error> {
        let prepared = (&mut self.connection).prepare(AssertSqlSafe(sql).into_sql_str()).await.map_err(failed)?;
        Ok(prepared.columns().iter().map(column).collect())
    }

    pub(super) async fn render(&mut self, later: Later) -> Result<Later, Error> {
        later.render(&mut self.connection).await
    }

    /// Ends the transaction and keeps the connection.
    pub(super) async fn release(self, server: &Server) {
        server.release(self.connection).await;
    }

    /// Ends the transaction with the connection.
    pub(super) async fn close(self) {
        close(self.connection).await;
    }
}

fn keep(row: &PgRow, rows: &mut Collector, later: &mut Later) -> bool {
    let mut cells = Vec::with_capacity(row.len());
    let mut unseen = Vec::new();
    for (index, decoded) in cells::row(row).enumerate() {
        match decoded {
            Decoded::Cell(cell) => cells.push(cell),
            Decoded::Later(oid, bytes) => {
                unseen.push((index, oid, bytes));
                cells.push(Cell::Null);
            }
        }
    }
    let at = rows.rows();
    let kept = rows.keep(cells, unseen.iter().map(|(_, _, bytes)| bytes.len()).sum());
    if kept {
        unseen.into_iter().for_each(|(column, oid, bytes)| later.push(oid, at, column, bytes));
    }
    kept
}

fn column(column: &PgColumn) -> Column {
    let info = column.type_info();
    let data_type = match info.oid() {
        // The driver writes the names of built-in types in capitals.
        Some(oid) if oid.0 < cells::FIRST_CUSTOM_OID => info.name().to_lowercase(),
        _ => info.name().to_owned(),
    };
    Column { name: column.name().to_owned(), data_type }
}
