use async_trait::async_trait;
use contracts::TurnId;
use ports::signals::Cancels;
use ports::{PortError, Signals};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

const WAITING: usize = 1_024;

/// Cancels within one process.
pub struct LocalSignals {
    sender: broadcast::Sender<TurnId>,
}

impl Default for LocalSignals {
    fn default() -> Self {
        Self { sender: broadcast::channel(WAITING).0 }
    }
}

struct LocalCancels(broadcast::Receiver<TurnId>);

#[async_trait]
impl Signals for LocalSignals {
    async fn cancel(&self, turn: &TurnId) -> Result<(), PortError> {
        // Without a listener nobody works on the turn here.
        drop(self.sender.send(turn.clone()));
        Ok(())
    }

    async fn cancels(&self) -> Result<Box<dyn Cancels>, PortError> {
        Ok(Box::new(LocalCancels(self.sender.subscribe())))
    }
}

#[async_trait]
impl Cancels for LocalCancels {
    async fn next(&mut self) -> Option<TurnId> {
        loop {
            match self.0.recv().await {
                Ok(turn) => return Some(turn),
                // A missed signal is made good by the store, which each renewal of a lease reads.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
