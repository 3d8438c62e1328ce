use async_trait::async_trait;
use contracts::{Frame, TurnId};
use ports::event_log::{Heard, Watch};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{self, error::TrySendError};

const WAITING: usize = 256;

/// Who listens to which response in this process.
#[derive(Clone, Default)]
pub(crate) struct Watchers {
    by_turn: Arc<Mutex<HashMap<TurnId, Vec<Listener>>>>,
}

#[derive(Clone)]
struct Listener {
    id: Arc<AtomicBool>,
    sender: mpsc::Sender<Frame>,
}

pub(crate) struct LocalWatch {
    watchers: Watchers,
    turn: TurnId,
    /// True when a frame did not fit; also the listener's identity.
    missed: Arc<AtomicBool>,
    frames: mpsc::Receiver<Frame>,
}

impl Watchers {
    pub(crate) fn watch(&self, turn: &TurnId) -> LocalWatch {
        let (sender, frames) = mpsc::channel(WAITING);
        let missed = Arc::new(AtomicBool::new(false));
        let listener = Listener { id: missed.clone(), sender };
        self.with(|by_turn| by_turn.entry(turn.clone()).or_default().push(listener));
        LocalWatch { watchers: self.clone(), turn: turn.clone(), missed, frames }
    }

    pub(crate) fn announce(&self, frame: &Frame) {
        let listeners = self.with(|by_turn| by_turn.get(&frame.turn).cloned().unwrap_or_default());
        for listener in listeners {
            if let Err(TrySendError::Full(_)) = listener.sender.try_send(frame.clone()) {
                listener.id.store(true, Ordering::Release);
            }
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashMap<TurnId, Vec<Listener>>) -> T) -> T {
        change(&mut self.by_turn.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Watch for LocalWatch {
    async fn next(&mut self) -> Option<Heard> {
        if self.missed.swap(false, Ordering::AcqRel) {
            return Some(Heard::Missed);
        }
        self.frames.recv().await.map(Heard::Frame)
    }
}

impl Drop for LocalWatch {
    fn drop(&mut self) {
        self.watchers.with(|by_turn| {
            let Some(listeners) = by_turn.get_mut(&self.turn) else { return };
            listeners.retain(|listener| !Arc::ptr_eq(&listener.id, &self.missed));
            if listeners.is_empty() {
                by_turn.remove(&self.turn);
            }
        });
    }
}
