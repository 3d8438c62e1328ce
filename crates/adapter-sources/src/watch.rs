use ports::source::{Error, Statement};
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The database's own timer should fire first; ours is for a database that does not answer any more.
const GRACE: Duration = Duration::from_millis(250);
/// How long a stopped session may take to say so before it is stopped again.
const STOP_WAIT: Duration = Duration::from_secs(1);
/// How often it is stopped before its connection is dropped under it.
const STOPS: usize = 3;

/// Watches over a running statement.
pub(crate) struct Watch {
    cancel: CancellationToken,
    timeout: Duration,
    started: Instant,
}

impl Watch {
    /// Starts now.
    pub(crate) fn start(statement: &Statement) -> Self {
        Self::over(&statement.cancel, statement.timeout)
    }

    /// As above, for work that is no query.
    pub(crate) fn over(cancel: &CancellationToken, timeout: Duration) -> Self {
        Self { cancel: cancel.clone(), timeout, started: Instant::now() }
    }

    /// Runs `work`; when it is cancelled or out of time, `stop` ends it in the database and its end is awaited.
    pub(crate) async fn run<T, S: Future<Output = ()>>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
        stop: impl Fn() -> S,
    ) -> Result<T, Error> {
        let mut work = pin!(work);
        let stopped = tokio::select! {
            outcome = &mut work => return outcome.map_err(|error| self.settle(error)),
            () = self.cancel.cancelled() => Error::Cancelled,
            () = tokio::time::sleep(self.timeout + GRACE) => Error::TimedOut(self.timeout),
        };
        // Again, because a signal that comes between two commands of the session is lost.
        for _ in 0..STOPS {
            stop().await;
            if tokio::time::timeout(STOP_WAIT, &mut work).await.is_ok() {
                break;
            }
        }
        Err(stopped)
    }

    /// A statement that was interrupted when its time was up was stopped by the database's timer.
    pub(crate) fn settle(&self, error: Error) -> Error {
        let late = self.started.elapsed() + Duration::from_millis(20) >= self.timeout;
        match error {
            Error::Interrupted(_) if self.cancel.is_cancelled() => Error::Cancelled,
            Error::Interrupted(_) if late => Error::TimedOut(self.timeout),
            other => other,
        }
    }
}

/// What `work` gives, unless it is cancelled before. For work that runs nothing in the database.
pub(crate) async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        outcome = work => outcome,
        () = cancel.cancelled() => Err(Error::Cancelled),
    }
}
