use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

const WAITING: usize = 4_096;
const TOGETHER: usize = 256;
/// When a write that failed and that nobody waits for is tried again, at the latest.
const AGAIN: Duration = Duration::from_millis(500);

/// Does one write inside a transaction.
#[async_trait]
pub(crate) trait Apply: Send + 'static {
    type Write: Send + Sync + 'static;
    type Answer: Send + 'static;
    async fn apply(
        &mut self,
        connection: &mut SqliteConnection,
        write: &Self::Write,
    ) -> Result<Self::Answer, sqlx::Error>;
    /// After the commit, in order: what others may now see.
    fn committed(&mut self, write: Self::Write, answer: &Self::Answer);
}

struct Waiting<A: Apply> {
    write: A::Write,
    /// `None` when nobody waits: then it is tried until it is done.
    answer: Option<oneshot::Sender<Result<A::Answer, Arc<sqlx::Error>>>>,
}

/// The only writer of a file: whatever waits shares one commit.
pub(crate) struct Writer<A: Apply> {
    waiting: mpsc::Sender<Waiting<A>>,
}

/// The writer has ended, or the file refused the write.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("the writer has stopped")]
    Stopped,
    #[error(transparent)]
    File(#[from] Arc<sqlx::Error>),
}

impl<A: Apply> Writer<A> {
    pub(crate) fn start(connection: SqliteConnection, apply: A) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(serve(connection, apply, receiver));
        Self { waiting: sender }
    }

    /// Returns when the write is committed.
    pub(crate) async fn write(&self, write: A::Write) -> Result<A::Answer, WriteError> {
        let (sender, answer) = oneshot::channel();
        self.waiting.send(Waiting { write, answer: Some(sender) }).await.map_err(|_| WriteError::Stopped)?;
        Ok(answer.await.map_err(|_| WriteError::Stopped)??)
    }

    /// Queues a write whose end nobody waits for. It is committed with the next ones, in order, and again with the next
    /// when the file refuses it (a full disk, say): it must be one that may be done twice and late.
    pub(crate) async fn write_later(&self, write: A::Write) -> Result<(), WriteError> {
        self.waiting.send(Waiting { write, answer: None }).await.map_err(|_| WriteError::Stopped)
    }
}

async fn serve<A: Apply>(mut connection: SqliteConnection, mut apply: A, mut receiver: mpsc::Receiver<Waiting<A>>) {
    let mut batch = Vec::with_capacity(TOGETHER);
    while gather(&mut receiver, &mut batch).await {
        match transact(&mut connection, &mut apply, &batch).await {
            Ok(answers) => {
                for (waiting, answer) in batch.drain(..).zip(answers) {
                    apply.committed(waiting.write, &answer);
                    // A caller that went away does not need its answer.
                    if let Some(caller) = waiting.answer {
                        drop(caller.send(Ok(answer)));
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, writes = batch.len(), "a batch of writes failed");
                refuse(&mut batch, &Arc::new(error));
            }
        }
    }
}

/// Adds what waits to what is to be tried again. False when nothing more comes.
async fn gather<A: Apply>(receiver: &mut mpsc::Receiver<Waiting<A>>, batch: &mut Vec<Waiting<A>>) -> bool {
    if batch.is_empty() {
        return receiver.recv_many(batch, TOGETHER).await > 0;
    }
    tokio::time::timeout(AGAIN, receiver.recv_many(batch, TOGETHER)).await != Ok(0)
}

/// Those who wait are told; what nobody waits for stays in the batch.
fn refuse<A: Apply>(batch: &mut Vec<Waiting<A>>, error: &Arc<sqlx::Error>) {
    batch.retain_mut(|waiting| {
        let caller = waiting.answer.take();
        let stays = caller.is_none();
        caller.into_iter().for_each(|caller| drop(caller.send(Err(error.clone()))));
        stays
    });
}

async fn transact<A: Apply>(
    connection: &mut SqliteConnection,
    apply: &mut A,
    batch: &[Waiting<A>],
) -> Result<Vec<A::Answer>, sqlx::Error> {
    let written = write(connection, apply, batch).await;
    if written.is_err() {
        // A full disk ends a transaction by itself: then there is none to end, which is as well.
        drop(sqlx::query("ROLLBACK").execute(connection).await);
    }
    written
}

/// Not by a transaction of sqlx: that counts how deep it is, and goes on counting one which has ended by itself.
async fn write<A: Apply>(
    connection: &mut SqliteConnection,
    apply: &mut A,
    batch: &[Waiting<A>],
) -> Result<Vec<A::Answer>, sqlx::Error> {
    sqlx::query("BEGIN").execute(&mut *connection).await?;
    let mut answers = Vec::with_capacity(batch.len());
    for waiting in batch {
        answers.push(apply.apply(connection, &waiting.write).await?);
    }
    sqlx::query("COMMIT").execute(connection).await?;
    Ok(answers)
}
