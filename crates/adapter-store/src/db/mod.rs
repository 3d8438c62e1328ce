//! Two dialects behind one small surface: a statement's text with `$1` parameters, values in, rows out.
//!
//! `sqlx::Any` offers the same, but it drops the SQLite settings that durability rests on and has no arrays, which the
//! batches of PostgreSQL need.

mod conn;
mod error;
mod open;
mod row;
mod value;

pub(crate) use conn::Conn;
pub(crate) use error::{SYSTEM, fault, is_outage};
pub(crate) use open::{TRUSTED_IDLE, open};
pub(crate) use row::Row;
pub(crate) use value::{Value, values};

use ports::PortError;
use sqlx::pool::PoolConnection;
use sqlx::{Error, PgPool, Postgres, Sqlite, SqlitePool};

/// The connections of this process.
#[derive(Clone)]
pub(crate) enum Db {
    Postgres(PgPool),
    /// SQLite has one writer at a time; readers see the last commit and wait for nobody.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
}

/// A connection, given back when dropped.
enum Lent {
    Postgres(PoolConnection<Postgres>),
    Sqlite(PoolConnection<Sqlite>),
}

impl Lent {
    fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Postgres(lent) => Conn::Postgres(lent),
            Self::Sqlite(lent) => Conn::Sqlite(lent),
        }
    }
}

impl Db {
    /// Runs a query and reads each of its rows.
    pub(crate) async fn list<T>(
        &self,
        step: &'static str,
        sql: &'static str,
        values: Vec<Value<'_>>,
        read: fn(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, PortError> {
        let rows = match self.reader().await {
            Ok(mut lent) => lent.conn().rows(sql, values).await,
            Err(error) => Err(error),
        };
        rows.and_then(|rows| rows.iter().map(read).collect()).map_err(|error| fault(step, &error))
    }

    /// Runs a query for at most one row.
    pub(crate) async fn find<T>(
        &self,
        step: &'static str,
        sql: &'static str,
        values: Vec<Value<'_>>,
        read: fn(&Row) -> Result<T, Error>,
    ) -> Result<Option<T>, PortError> {
        Ok(self.list(step, sql, values, read).await?.pop())
    }

    /// Runs one write, committed when this returns, and says how many rows it wrote.
    pub(crate) async fn execute(
        &self,
        step: &'static str,
        sql: &'static str,
        values: Vec<Value<'_>>,
    ) -> Result<u64, PortError> {
        let written = match self.writer().await {
            Ok(mut lent) => lent.conn().execute(sql, values).await,
            Err(error) => Err(error),
        };
        written.map_err(|error| fault(step, &error))
    }

    /// Runs one write that returns at most one row, committed when this returns.
    pub(crate) async fn write<T>(
        &self,
        step: &'static str,
        sql: &'static str,
        values: Vec<Value<'_>>,
        read: fn(&Row) -> Result<T, Error>,
    ) -> Result<Option<T>, PortError> {
        let row = match self.writer().await {
            Ok(mut lent) => lent.conn().row(sql, values).await,
            Err(error) => Err(error),
        };
        row.and_then(|row| row.as_ref().map(read).transpose()).map_err(|error| fault(step, &error))
    }

    /// As `write`, for any number of rows.
    pub(crate) async fn write_all<T>(
        &self,
        step: &'static str,
        sql: &'static str,
        values: Vec<Value<'_>>,
        read: fn(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, PortError> {
        let rows = match self.writer().await {
            Ok(mut lent) => lent.conn().rows(sql, values).await,
            Err(error) => Err(error),
        };
        rows.and_then(|rows| rows.iter().map(read).collect()).map_err(|error| fault(step, &error))
    }

    /// Closes every connection once it is free.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }

    async fn reader(&self) -> Result<Lent, Error> {
        match self {
            Self::Postgres(pool) => pool.acquire().await.map(Lent::Postgres),
            Self::Sqlite { readers, .. } => readers.acquire().await.map(Lent::Sqlite),
        }
    }

    async fn writer(&self) -> Result<Lent, Error> {
        match self {
            Self::Postgres(pool) => pool.acquire().await.map(Lent::Postgres),
            Self::Sqlite { writer, .. } => writer.acquire().await.map(Lent::Sqlite),
        }
    }
}
