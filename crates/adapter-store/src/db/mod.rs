//! Two dialects behind one small surface: a statement's text with `$1` parameters, values in, rows out.
//!
//! `sqlx::Any` offers the same, but it drops the SQLite settings that durability rests on and has no arrays, which the
//! batches of PostgreSQL need.

mod conn;
mod error;
mod open;
mod row;
mod secure;
mod value;

pub(crate) use conn::Conn;
pub(crate) use error::{SYSTEM, fault, is_outage};
pub(crate) use open::{TRUSTED_IDLE, open};
pub(crate) use row::Row;
pub(crate) use value::{Value, values};

use crate::batch::{Lane, Lanes};
use ports::PortError;
use sqlx::pool::PoolConnection;
use sqlx::{Error, PgPool, Sqlite, SqlitePool};
use std::future::Future;
use std::io;
use std::time::Duration;

/// The connections of this process.
#[derive(Clone)]
pub(crate) enum Db {
    Postgres {
        pool: PgPool,
        /// For what is no batch.
        lanes: Lanes,
        /// How long a free one is waited for.
        acquire_timeout: Duration,
    },
    /// SQLite has one writer at a time; readers see the last commit and wait for nobody.
    Sqlite { writer: SqlitePool, readers: SqlitePool },
}

/// A connection for one statement.
enum Lent<'d> {
    Postgres(Lane<'d>),
    Sqlite(PoolConnection<Sqlite>),
}

impl Lent<'_> {
    async fn rows(self, sql: &'static str, values: Vec<Value<'_>>) -> Result<Vec<Row>, Error> {
        match self {
            Self::Postgres(mut lane) => {
                let patience = lane.patience();
                let rows = in_time(patience, Conn::Postgres(lane.conn()).rows(sql, values)).await;
                given_back(lane, rows)
            }
            Self::Sqlite(mut lent) => Conn::Sqlite(&mut lent).rows(sql, values).await,
        }
    }

    async fn execute(self, sql: &'static str, values: Vec<Value<'_>>) -> Result<u64, Error> {
        match self {
            Self::Postgres(mut lane) => {
                let patience = lane.patience();
                let written = in_time(patience, Conn::Postgres(lane.conn()).execute(sql, values)).await;
                given_back(lane, written)
            }
            Self::Sqlite(mut lent) => Conn::Sqlite(&mut lent).execute(sql, values).await,
        }
    }
}

async fn in_time<T>(patience: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(patience, work).await.unwrap_or_else(|_| Err(Error::Io(io::ErrorKind::TimedOut.into())))
}

/// Keeps the connection, unless it is of no more use.
fn given_back<T>(lane: Lane<'_>, done: Result<T, Error>) -> Result<T, Error> {
    if !done.as_ref().is_err_and(is_outage) {
        lane.keep();
    }
    done
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
            Ok(lent) => lent.rows(sql, values).await,
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
            Ok(lent) => lent.execute(sql, values).await,
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
        Ok(self.write_all(step, sql, values, read).await?.pop())
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
            Ok(lent) => lent.rows(sql, values).await,
            Err(error) => Err(error),
        };
        rows.and_then(|rows| rows.iter().map(read).collect()).map_err(|error| fault(step, &error))
    }

    /// Closes every connection once it is free.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres { pool, lanes, .. } => {
                lanes.close();
                pool.close().await;
            }
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }

    async fn reader(&self) -> Result<Lent<'_>, Error> {
        match self {
            Self::Postgres { lanes, acquire_timeout, .. } => lane(lanes, *acquire_timeout).await,
            Self::Sqlite { readers, .. } => readers.acquire().await.map(Lent::Sqlite),
        }
    }

    async fn writer(&self) -> Result<Lent<'_>, Error> {
        match self {
            Self::Postgres { lanes, acquire_timeout, .. } => lane(lanes, *acquire_timeout).await,
            Self::Sqlite { writer, .. } => writer.acquire().await.map(Lent::Sqlite),
        }
    }
}

async fn lane(lanes: &Lanes, acquire_timeout: Duration) -> Result<Lent<'_>, Error> {
    let taken = tokio::time::timeout(acquire_timeout, lanes.take()).await;
    taken.unwrap_or(Err(Error::PoolTimedOut)).map(Lent::Postgres)
}
