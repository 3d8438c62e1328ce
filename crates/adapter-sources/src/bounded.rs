use async_trait::async_trait;
use contracts::{ResultSet, Schema};
use ports::source::{About, DiscoveryLimits, Error, Source, Statement};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a connection test may take, and how long it or a discovery waits for a free connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// A source with a bound on its connections.
pub(crate) struct Bounded<S> {
    source: Arc<S>,
    slots: Arc<Semaphore>,
    max_connections: u32,
}

impl<S: Source + 'static> Bounded<S> {
    pub(crate) fn new(source: S, max_connections: u32) -> Self {
        let max_connections = max_connections.max(1);
        Self { source: Arc::new(source), slots: Arc::new(Semaphore::new(max_connections as usize)), max_connections }
    }

    async fn slot(&self, patience: Duration) -> Result<OwnedSemaphorePermit, Error> {
        match tokio::time::timeout(patience, self.slots.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Error::Unreachable(format!(
                "all {} connections that are allowed to it were busy for {} s; ask again later",
                self.max_connections,
                patience.as_secs_f64()
            ))),
        }
    }

    /// The statement runs in a task of its own: when the caller goes away the task still stops it in the database and
    /// closes the connection.
    async fn run<T: Send + 'static, F: Future<Output = Result<T, Error>> + Send + 'static>(
        &self,
        mut statement: Statement,
        work: impl FnOnce(Arc<S>, Statement) -> F,
    ) -> Result<T, Error> {
        let asked = statement.cancel.clone();
        let slot = tokio::select! {
            slot = self.slot(statement.timeout) => slot?,
            () = asked.cancelled() => return Err(Error::Cancelled),
        };
        statement.cancel = asked.child_token();
        let _caller = statement.cancel.clone().drop_guard();
        let work = work(self.source.clone(), statement);
        let running = tokio::spawn(async move {
            let outcome = work.await;
            drop(slot);
            outcome
        });
        match running.await {
            Ok(outcome) => outcome,
            Err(error) => Err(Error::Interrupted(format!("the session ended unexpectedly ({error})"))),
        }
    }
}

#[async_trait]
impl<S: Source + 'static> Source for Bounded<S> {
    async fn about(&self) -> Result<About, Error> {
        let _slot = self.slot(PATIENCE).await?;
        let about = tokio::time::timeout(PATIENCE, self.source.about()).await;
        about.unwrap_or(Err(Error::TimedOut(PATIENCE)))
    }

    async fn discover(&self, limits: DiscoveryLimits) -> Result<Schema, Error> {
        let _slot = self.slot(PATIENCE).await?;
        self.source.discover(limits).await
    }

    async fn query(&self, statement: Statement) -> Result<ResultSet, Error> {
        self.run(statement, |source, statement| async move { source.query(statement).await }).await
    }

    async fn plan(&self, statement: Statement) -> Result<(), Error> {
        self.run(statement, |source, statement| async move { source.plan(statement).await }).await
    }
}
