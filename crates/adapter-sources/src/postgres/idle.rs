use sqlx::postgres::PgConnection;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an idle connection is kept: over the next question, not over the coffee after it.
const KEPT: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Parked {
    connections: Vec<(Instant, PgConnection)>,
    /// A task is there that closes what was idle for too long.
    is_swept: bool,
}

/// Connections that were reset and wait for the next statement.
#[derive(Clone, Default)]
pub(super) struct Idle(Arc<Mutex<Parked>>);

impl Idle {
    /// The one that was used last.
    pub(super) fn take(&self) -> Option<PgConnection> {
        let mut parked = self.lock();
        parked.drop_old();
        parked.connections.pop().map(|(_, connection)| connection)
    }

    pub(super) fn put(&self, connection: PgConnection) {
        let mut parked = self.lock();
        parked.connections.push((Instant::now(), connection));
        if !std::mem::replace(&mut parked.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.0)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Parked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parked {
    fn drop_old(&mut self) {
        self.connections.retain(|(since, _)| since.elapsed() < KEPT);
    }
}

async fn sweep(parked: std::sync::Weak<Mutex<Parked>>) {
    loop {
        tokio::time::sleep(KEPT).await;
        let Some(parked) = parked.upgrade() else { return };
        let mut parked = parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.drop_old();
        if parked.connections.is_empty() {
            parked.is_swept = false;
            return;
        }
    }
}
