use contracts::TurnId;
use ports::Signals;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const AGAIN: Duration = Duration::from_secs(1);

/// The turns that this process works on, and how to stop each.
#[derive(Clone, Default)]
pub struct CancelRegistry {
    running: Arc<Mutex<HashMap<TurnId, CancellationToken>>>,
}

/// A registered turn; leaves the registry when dropped.
pub(crate) struct Registered {
    registry: CancelRegistry,
    turn: TurnId,
    pub(crate) requested: CancellationToken,
}

impl CancelRegistry {
    pub(crate) fn register(&self, turn: &TurnId) -> Registered {
        let requested = CancellationToken::new();
        self.with(|running| running.insert(turn.clone(), requested.clone()));
        Registered { registry: self.clone(), turn: turn.clone(), requested }
    }

    /// Listens until `stop`. A lost signal costs time, not truth: each renewal of a lease reads the store.
    pub async fn listen(&self, signals: Arc<dyn Signals>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match signals.cancels().await {
                Ok(mut cancels) => loop {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        heard = cancels.next() => match heard {
                            Some(turn) => self.cancel(&turn),
                            None => break,
                        },
                    }
                },
                Err(error) => tracing::warn!(%error, "cancels are not heard at once: leases will tell"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    fn cancel(&self, turn: &TurnId) {
        if let Some(token) = self.with(|running| running.get(turn).cloned()) {
            token.cancel();
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashMap<TurnId, CancellationToken>) -> T) -> T {
        change(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.with(|running| running.remove(&self.turn));
    }
}
