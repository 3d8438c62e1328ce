use async_trait::async_trait;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

const WAITING: usize = 4_096;
const TOGETHER: usize = 256;

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
    answer: oneshot::Sender<Result<A::Answer, Arc<sqlx::Error>>>,
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
        self.waiting.send(Waiting { write, answer: sender }).await.map_err(|_| WriteError::Stopped)?;
        Ok(answer.await.map_err(|_| WriteError::Stopped)??)
    }

    /// Queues a write whose end nobody waits for. It is committed with the next ones, in order.
    pub(crate) async fn write_later(&self, write: A::Write) -> Result<(), WriteError> {
        let (answer, _) = oneshot::channel();
        self.waiting.send(Waiting { write, answer }).await.map_err(|_| WriteError::Stopped)
    }
}

async fn serve<A: Apply>(mut connection: SqliteConnection, mut apply: A, mut receiver: mpsc::Receiver<Waiting<A>>) {
    let mut batch = Vec::with_capacity(TOGETHER);
    while receiver.recv_many(&mut batch, TOGETHER).await > 0 {
        match transact(&mut connection, &mut apply, &batch).await {
            Ok(answers) => {
                for (waiting, answer) in batch.drain(..).zip(answers) {
                    apply.committed(waiting.write, &answer);
                    // A caller that went away does not need its answer.
                    drop(waiting.answer.send(Ok(answer)));
                }
            }
            Err(error) => {
                tracing::error!(%error, writes = batch.len(), "a batch of writes failed");
                let error = Arc::new(error);
                for waiting in batch.drain(..) {
                    drop(waiting.answer.send(Err(error.clone())));
                }
            }
        }
    }
}

async fn transact<A: Apply>(
    connection: &mut SqliteConnection,
    apply: &mut A,
    batch: &[Waiting<A>],
) -> Result<Vec<A::Answer>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let mut answers = Vec::with_capacity(batch.len());
    for waiting in batch {
        answers.push(apply.apply(&mut transaction, &waiting.write).await?);
    }
    transaction.commit().await?;
    Ok(answers)
}
