use contracts::TurnId;
use ports::Signals;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const AGAIN: Duration = Duration::from_secs(1);

/// Runs of one turn, each with a number: an old run that ends must not unregister a newer one.
type Runs = HashMap<TurnId, Vec<(u64, CancellationToken)>>;

/// The turns that this process works on, and how to stop each.
#[derive(Clone, Default)]
pub struct CancelRegistry {
    running: Arc<Mutex<Runs>>,
    count: Arc<AtomicU64>,
}

/// A registered turn; leaves the registry when dropped.
pub(crate) struct Registered {
    registry: CancelRegistry,
    turn: TurnId,
    number: u64,
    pub(crate) requested: CancellationToken,
}

impl CancelRegistry {
    pub(crate) fn register(&self, turn: &TurnId) -> Registered {
        let requested = CancellationToken::new();
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        self.with(|running| running.entry(turn.clone()).or_default().push((number, requested.clone())));
        Registered { registry: self.clone(), turn: turn.clone(), number, requested }
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
        let tokens = self.with(|running| running.get(turn).cloned().unwrap_or_default());
        tokens.iter().for_each(|(_, token)| token.cancel());
    }

    fn with<T>(&self, change: impl FnOnce(&mut Runs) -> T) -> T {
        change(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.with(|running| {
            let Some(tokens) = running.get_mut(&self.turn) else { return };
            tokens.retain(|(number, _)| *number != self.number);
            if tokens.is_empty() {
                running.remove(&self.turn);
            }
        });
    }
}
