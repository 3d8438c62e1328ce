use async_trait::async_trait;
use contracts::{ResultSet, Schema};
use ports::source::{About, Change, Changed, DiscoveryLimits, Error, GoOn, Source, Statement, Writer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a connection test may take, and how long it or a discovery waits for a free connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections to one source that may be open at a time, to read and to write together.
#[derive(Clone)]
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    most: u32,
}

impl Slots {
    pub(crate) fn new(most: u32) -> Self {
        let most = most.max(1);
        Self { free: Arc::new(Semaphore::new(most as usize)), most }
    }

    /// How many share them, those who have one counted again.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.free)
    }

    async fn take(&self, patience: Duration) -> Result<OwnedSemaphorePermit, Error> {
        match tokio::time::timeout(patience, self.free.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Error::Unreachable(format!(
                "all {} connections that are allowed to it were busy for {} s; ask again later",
                self.most,
                patience.as_secs_f64()
            ))),
        }
    }
}

/// A source or a writer with a bound on its connections.
pub(crate) struct Bounded<S> {
    source: Arc<S>,
    slots: Slots,
}

impl<S> Bounded<S> {
    pub(crate) fn new(source: S, slots: Slots) -> Self {
        Self { source: Arc::new(source), slots }
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
            slot = self.slots.take(statement.timeout) => slot?,
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
        let _slot = self.slots.take(PATIENCE).await?;
        let about = tokio::time::timeout(PATIENCE, self.source.about()).await;
        about.unwrap_or(Err(Error::TimedOut(PATIENCE)))
    }

    async fn discover(&self, limits: DiscoveryLimits, go_on: GoOn) -> Result<Schema, Error> {
        let _slot = self.slots.take(PATIENCE).await?;
        self.source.discover(limits, go_on).await
    }

    async fn query(&self, statement: Statement) -> Result<ResultSet, Error> {
        self.run(statement, |source, statement| async move { source.query(statement).await }).await
    }

    async fn plan(&self, statement: Statement) -> Result<(), Error> {
        self.run(statement, |source, statement| async move { source.plan(statement).await }).await
    }
}

#[async_trait]
impl<W: Writer + 'static> Writer for Bounded<W> {
    async fn check(&self) -> Result<(), Error> {
        let _slot = self.slots.take(PATIENCE).await?;
        let checked = tokio::time::timeout(PATIENCE, self.source.check()).await;
        checked.unwrap_or(Err(Error::TimedOut(PATIENCE)))
    }

    /// In a task of its own, as a query: when the caller goes away before the change is being kept, it is undone.
    async fn change(&self, mut change: Change) -> Result<Changed, Error> {
        let asked = change.cancel.clone();
        let slot = tokio::select! {
            slot = self.slots.take(change.timeout) => slot?,
            () = asked.cancelled() => return Err(Error::Cancelled),
        };
        change.cancel = asked.child_token();
        let _caller = change.cancel.clone().drop_guard();
        let writer = self.source.clone();
        let running = tokio::spawn(async move {
            let outcome = writer.change(change).await;
            drop(slot);
            outcome
        });
        match running.await {
            Ok(outcome) => outcome,
            Err(error) => Err(Error::OutcomeUnknown(format!("the session ended unexpectedly ({error})"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::ChangeKind;
    use ports::source::Reads;
    use tokio::sync::{Notify, watch};
    use tokio_util::sync::CancellationToken;

    const MOST: u32 = 3;

    /// Statements that end when they are told to.
    struct Held {
        running: watch::Sender<u32>,
        end: Notify,
    }

    impl Held {
        async fn statement(&self) {
            self.running.send_modify(|running| *running += 1);
            self.end.notified().await;
            self.running.send_modify(|running| *running -= 1);
        }
    }

    struct Fake(Arc<Held>);

    #[async_trait]
    impl Source for Fake {
        async fn about(&self) -> Result<About, Error> {
            self.0.statement().await;
            Ok(About { version: String::new(), warnings: Vec::new() })
        }

        async fn discover(&self, _: DiscoveryLimits, _: GoOn) -> Result<Schema, Error> {
            self.0.statement().await;
            Ok(Schema::default())
        }

        async fn query(&self, _: Statement) -> Result<ResultSet, Error> {
            self.0.statement().await;
            Ok(ResultSet::default())
        }

        async fn plan(&self, _: Statement) -> Result<(), Error> {
            self.0.statement().await;
            Ok(())
        }
    }

    #[async_trait]
    impl Writer for Fake {
        async fn check(&self) -> Result<(), Error> {
            self.0.statement().await;
            Ok(())
        }

        async fn change(&self, _: Change) -> Result<Changed, Error> {
            self.0.statement().await;
            Ok(Changed { rows: 1 })
        }
    }

    const LIMITS: DiscoveryLimits =
        DiscoveryLimits { max_tables: 1, samples: 1, sampled_rows: 1, timeout: Duration::from_secs(20) };

    fn statement() -> Statement {
        Statement {
            sql: String::new(),
            timeout: Duration::from_secs(20),
            max_rows: 1,
            max_bytes: 1,
            cancel: CancellationToken::new(),
            reads: None,
            max_scanned_rows: None,
        }
    }

    fn change() -> Change {
        Change {
            sql: String::new(),
            kind: ChangeKind::Update,
            namespace: None,
            table: String::new(),
            expected_rows: 1,
            reads: Arc::new(Reads::default()),
            timeout: Duration::from_secs(20),
            cancel: CancellationToken::new(),
        }
    }

    #[tokio::test]
    async fn never_more_run_at_a_time_than_the_bound_whoever_asks() {
        let (running, mut seen) = watch::channel(0);
        let held = Arc::new(Held { running, end: Notify::new() });
        let slots = Slots::new(MOST);
        let source = Arc::new(Bounded::new(Fake(held.clone()), slots.clone()));
        let writer = Arc::new(Bounded::new(Fake(held.clone()), slots));
        let mut all = tokio::task::JoinSet::new();
        for number in 0..24 {
            let (source, writer) = (source.clone(), writer.clone());
            all.spawn(async move {
                match number % 6 {
                    0 => source.query(statement()).await.map(drop),
                    1 => source.plan(statement()).await,
                    2 => Source::about(&*source).await.map(drop),
                    3 => source.discover(LIMITS, GoOn::always()).await.map(drop),
                    4 => writer.check().await,
                    _ => writer.change(change()).await.map(drop),
                }
            });
        }
        for left in (1..=24).rev() {
            let expected = left.min(MOST);
            seen.wait_for(|running| *running >= expected).await.unwrap();
            // Whoever could begin has had its turn.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(*seen.borrow(), expected, "{left} are left");
            held.end.notify_one();
            all.join_next().await.unwrap().unwrap().unwrap();
        }
    }
}
