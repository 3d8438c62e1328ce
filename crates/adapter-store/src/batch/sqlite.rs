use super::{Limits, Waiting, Write, measure};
use crate::db::{Conn, is_outage};
use futures_util::future::BoxFuture;
use sqlx::{Connection, Error, SqliteConnection, SqlitePool};
use tokio::sync::mpsc;

/// A waiting write of any kind.
pub(crate) trait Pending: Send {
    /// Writes, inside a transaction, and keeps the answer.
    fn write<'p>(&'p mut self, now_ms: i64, conn: &'p mut SqliteConnection) -> BoxFuture<'p, Result<(), Error>>;
    /// Whether the transaction must survive a power failure once its caller goes on.
    fn must_last(&self) -> bool;
    /// Gives the kept answer to its caller: the transaction is committed.
    fn answer(self: Box<Self>);
    /// Tells its caller that nothing was written.
    fn refuse(self: Box<Self>, error: &Error);
}

impl<W: Write> Pending for Waiting<W> {
    fn write<'p>(&'p mut self, now_ms: i64, conn: &'p mut SqliteConnection) -> BoxFuture<'p, Result<(), Error>> {
        Box::pin(async move {
            let mut conn = Conn::Sqlite(conn);
            self.answer = match self.write.alone(now_ms, &mut conn).await? {
                Some(answer) => Some(answer),
                None => Some(self.write.otherwise(now_ms, &mut conn).await?),
            };
            Ok(())
        })
    }

    fn must_last(&self) -> bool {
        self.write.must_last()
    }

    fn answer(mut self: Box<Self>) {
        if let Some(answer) = self.answer.take() {
            self.settle(Ok(answer));
        }
    }

    fn refuse(self: Box<Self>, error: &Error) {
        self.fail(error);
    }
}

type Batch = Vec<Box<dyn Pending>>;

/// Starts the queue and the task of all hot writes.
pub(super) fn start(writer: SqlitePool, limits: Limits) -> mpsc::Sender<Box<dyn Pending>> {
    let (sender, receiver) = mpsc::channel(limits.queue);
    tokio::spawn(run(writer, limits, receiver));
    sender
}

async fn run(writer: SqlitePool, limits: Limits, mut receiver: mpsc::Receiver<Box<dyn Pending>>) {
    let mut batch = Vec::new();
    while receiver.recv_many(&mut batch, limits.batch).await > 0 {
        measure("all", batch.len());
        write_batch(&writer, std::mem::take(&mut batch), limits.clock.now_ms()).await;
    }
}

async fn write_batch(writer: &SqlitePool, mut batch: Batch, now_ms: i64) {
    match commit(writer, &mut batch, now_ms).await {
        Ok(()) => batch.into_iter().for_each(Pending::answer),
        Err(error) if batch.len() == 1 || is_outage(&error) => {
            batch.into_iter().for_each(|pending| pending.refuse(&error));
        }
        // One of them made the transaction fail; the others must not suffer for it.
        Err(_) => {
            for pending in batch {
                Box::pin(write_batch(writer, vec![pending], now_ms)).await;
            }
        }
    }
}

/// What a failed transaction leaves of a connection is not known (a full disk ends the transaction by itself, of which
/// sqlx does not hear): the next one begins on another.
async fn commit(writer: &SqlitePool, batch: &mut Batch, now_ms: i64) -> Result<(), Error> {
    let mut conn = writer.acquire().await?;
    let done = commit_on(&mut conn, batch, now_ms).await;
    if done.is_err() {
        conn.close_on_drop();
    }
    done
}

async fn commit_on(conn: &mut SqliteConnection, batch: &mut Batch, now_ms: i64) -> Result<(), Error> {
    if batch.iter().any(|pending| pending.must_last()) {
        return transact(conn, batch, now_ms).await;
    }
    // In the system's hands is enough: it survives the end of this process, and the next commit that waits for the disk
    // takes it along.
    sqlx::query("PRAGMA synchronous = NORMAL").execute(&mut *conn).await?;
    transact(conn, batch, now_ms).await?;
    sqlx::query("PRAGMA synchronous = FULL").execute(conn).await?;
    Ok(())
}

async fn transact(conn: &mut SqliteConnection, batch: &mut Batch, now_ms: i64) -> Result<(), Error> {
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
    for pending in batch {
        pending.write(now_ms, &mut transaction).await?;
    }
    transaction.commit().await
}
