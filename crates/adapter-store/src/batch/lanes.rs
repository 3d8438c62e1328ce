//! The connections that statements run on.
//!
//! There are few of them on purpose: while all are busy more work gathers, and a statement over many rows costs hardly
//! more than one over a few. They stay here between statements, because giving a connection back to the pool costs a
//! round trip.
//!
//! A connection whose other end is gone without a word answers nothing, for hours. So no statement is waited for longer
//! than the patience.

use crate::db::TRUSTED_IDLE;
use sqlx::pool::PoolConnection;
use sqlx::{Error, PgConnection, PgPool, Postgres};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// A bounded number of connections of a pool.
#[derive(Clone)]
pub(crate) struct Lanes(Arc<Inner>);

struct Inner {
    pool: PgPool,
    patience: Duration,
    free: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    conn: PoolConnection<Postgres>,
    since: Instant,
}

/// A connection for one batch or one statement. Dropped, it goes back to the pool, which finds out whether it is still of
/// use.
pub(crate) struct Lane<'l> {
    lanes: &'l Inner,
    conn: PoolConnection<Postgres>,
    _permit: SemaphorePermit<'l>,
}

impl Lanes {
    /// At most so many connections. No statement may take longer than the patience.
    pub(crate) fn new(pool: PgPool, count: usize, patience: Duration) -> Self {
        Self(Arc::new(Inner { pool, patience, free: Semaphore::new(count.max(1)), idle: Mutex::default() }))
    }

    /// Waits until a connection is free.
    pub(crate) async fn take(&self) -> Result<Lane<'_>, Error> {
        let lanes = self.0.as_ref();
        let permit = lanes.free.acquire().await.map_err(|_| Error::PoolClosed)?;
        let conn = match lanes.trusted() {
            Some(conn) => conn,
            None => lanes.pool.acquire().await?,
        };
        Ok(Lane { lanes, conn, _permit: permit })
    }

    /// Gives every connection back, so that the pool can close.
    pub(crate) fn close(&self) {
        self.0.free.close();
        self.0.idle().clear();
    }
}

impl Inner {
    /// A connection that was of use a moment ago. One that was not goes back to the pool, which tests it.
    fn trusted(&self) -> Option<PoolConnection<Postgres>> {
        let Idle { conn, since } = self.idle().pop()?;
        (since.elapsed() <= TRUSTED_IDLE).then_some(conn)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane<'_> {
    pub(crate) fn conn(&mut self) -> &mut PgConnection {
        &mut self.conn
    }

    /// How long its server may take.
    pub(crate) fn patience(&self) -> Duration {
        self.lanes.patience
    }

    /// Keeps the connection for the next batch.
    pub(crate) fn keep(self) {
        let mut idle = self.lanes.idle();
        if !self.lanes.free.is_closed() {
            idle.push(Idle { conn: self.conn, since: Instant::now() });
        }
    }
}
