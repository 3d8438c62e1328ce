//! Who listens to which turn in this process.

use async_trait::async_trait;
use contracts::{Frame, TurnId};
use ports::event_log::{Heard, Watch};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{self, UnboundedSender};

/// Frames that wait for one watcher. One that is slower is told that it missed something.
const WAITING: usize = 256;

/// Every watcher of this process.
#[derive(Default)]
pub(crate) struct Watchers {
    by_turn: Mutex<HashMap<TurnId, Vec<Listener>>>,
    next_id: AtomicU64,
}

struct Listener {
    id: u64,
    to: mpsc::Sender<Heard>,
    missed: Arc<AtomicBool>,
}

impl Listener {
    fn tell(&self, heard: Heard) {
        if self.to.try_send(heard).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }
}

impl Watchers {
    /// A new watcher of a turn. The turn goes to `gone` when its last watcher goes.
    pub(crate) fn add(self: &Arc<Self>, turn: &TurnId, gone: UnboundedSender<TurnId>) -> RedisWatch {
        let (to, from) = mpsc::channel(WAITING);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let missed = Arc::new(AtomicBool::new(false));
        self.lock().entry(turn.clone()).or_default().push(Listener { id, to, missed: Arc::clone(&missed) });
        RedisWatch { turn: turn.clone(), id, from, missed, watchers: Arc::clone(self), gone }
    }

    /// Hands a frame to the watchers of its turn.
    pub(crate) fn hear(&self, frame: Frame) {
        let by_turn = self.lock();
        let Some((last, others)) = by_turn.get(&frame.turn).and_then(|listeners| listeners.split_last()) else {
            return;
        };
        others.iter().for_each(|listener| listener.tell(Heard::Frame(frame.clone())));
        last.tell(Heard::Frame(frame));
    }

    /// Tells every watcher that it may have missed something.
    pub(crate) fn missed(&self) {
        self.lock().values().flatten().for_each(|listener| listener.tell(Heard::Missed));
    }

    /// True when somebody listens to the turn.
    pub(crate) fn is_watched(&self, turn: &TurnId) -> bool {
        self.lock().contains_key(turn)
    }

    /// The turns that somebody listens to.
    pub(crate) fn turns(&self) -> Vec<TurnId> {
        self.lock().keys().cloned().collect()
    }

    /// Ends every watch.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }

    fn remove(&self, turn: &TurnId, id: u64) -> bool {
        let mut by_turn = self.lock();
        let Some(listeners) = by_turn.get_mut(turn) else { return false };
        listeners.retain(|listener| listener.id != id);
        let was_last = listeners.is_empty();
        if was_last {
            by_turn.remove(turn);
        }
        was_last
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TurnId, Vec<Listener>>> {
        self.by_turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One watcher.
pub(crate) struct RedisWatch {
    turn: TurnId,
    id: u64,
    from: mpsc::Receiver<Heard>,
    missed: Arc<AtomicBool>,
    watchers: Arc<Watchers>,
    gone: UnboundedSender<TurnId>,
}

#[async_trait]
impl Watch for RedisWatch {
    async fn next(&mut self) -> Option<Heard> {
        if self.missed.swap(false, Ordering::AcqRel) {
            return Some(Heard::Missed);
        }
        self.from.recv().await
    }
}

impl Drop for RedisWatch {
    fn drop(&mut self) {
        if self.watchers.remove(&self.turn, self.id) {
            // Nobody takes it when the bus is gone, and then nothing is to be done.
            self.gone.send(self.turn.clone()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::LoggedEvent;

    fn frame(turn: &TurnId, seq: u64) -> Frame {
        Frame { turn: turn.clone(), events: vec![LoggedEvent { seq, json: "{}".to_owned() }] }
    }

    #[tokio::test]
    async fn a_slow_watcher_is_told_that_it_missed_something_and_holds_no_more_than_its_bound() {
        let watchers = Arc::new(Watchers::default());
        let turn = TurnId::from("resp_1");
        let (gone, mut left) = mpsc::unbounded_channel();
        let mut watch = watchers.add(&turn, gone);
        (0..1_000).for_each(|seq| watchers.hear(frame(&turn, seq)));
        assert_eq!(watch.next().await, Some(Heard::Missed));
        for seq in 0..WAITING as u64 {
            assert_eq!(watch.next().await, Some(Heard::Frame(frame(&turn, seq))));
        }
        watchers.hear(frame(&turn, 1_000));
        assert_eq!(watch.next().await, Some(Heard::Frame(frame(&turn, 1_000))));
        drop(watch);
        assert_eq!(left.recv().await, Some(turn));
        assert!(watchers.turns().is_empty());
    }

    #[tokio::test]
    async fn a_closed_bus_ends_every_watch() {
        let watchers = Arc::new(Watchers::default());
        let mut watch = watchers.add(&TurnId::from("resp_1"), mpsc::unbounded_channel().0);
        watchers.close();
        assert_eq!(watch.next().await, None);
    }
}
