//! What waits in memory. The journal is its truth; this is its index.

use ports::broker::{Destination, Message, Queue};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// A message with its place in the journal.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) id: i64,
    pub(crate) message: Message,
    pub(crate) redelivered: bool,
}

#[derive(Default)]
pub(crate) struct Line {
    ready: VecDeque<Kept>,
    dead: VecDeque<Kept>,
    /// By due time, then by journal id.
    later: BinaryHeap<Reverse<(i64, i64)>>,
    parked: HashMap<i64, (usize, Kept)>,
    consumers: u64,
    unacked: u64,
    wake: Arc<Notify>,
}

/// Every queue of the process.
#[derive(Clone, Default)]
pub(crate) struct Queues {
    lines: Arc<Mutex<BTreeMap<Queue, Line>>>,
    /// Tells the timer that an earlier due time may have come.
    pub(crate) sooner: Arc<Notify>,
}

impl Queues {
    pub(crate) fn declare(&self, queue: &Queue) {
        self.with(|lines| {
            lines.entry(queue.clone()).or_default();
        });
    }

    pub(crate) fn is_declared(&self, queue: &Queue) -> bool {
        self.with(|lines| lines.contains_key(queue))
    }

    /// Puts a message in its place. `due_ms` counts for a retry.
    pub(crate) fn put(&self, to: &Destination, due_ms: i64, kept: Kept) {
        let wake = self.with(|lines| match to {
            Destination::Work(queue) => {
                let line = lines.entry(queue.clone()).or_default();
                line.ready.push_back(kept);
                line.wake.clone()
            }
            Destination::Retry(queue, rung) => {
                let line = lines.entry(queue.clone()).or_default();
                line.later.push(Reverse((due_ms, kept.id)));
                line.parked.insert(kept.id, (*rung, kept));
                self.sooner.clone()
            }
            Destination::Dead(queue) => {
                let line = lines.entry(queue.clone()).or_default();
                line.dead.push_back(kept);
                line.wake.clone()
            }
        });
        wake.notify_one();
    }

    /// Puts messages back at the head of their queue, in order.
    pub(crate) fn put_back(&self, queue: &Queue, messages: impl DoubleEndedIterator<Item = Kept>) {
        let wake = self.with(|lines| {
            let line = lines.entry(queue.clone()).or_default();
            for kept in messages.rev() {
                line.unacked = line.unacked.saturating_sub(1);
                line.ready.push_front(kept);
            }
            line.wake.clone()
        });
        wake.notify_one();
    }

    pub(crate) fn take_ready(&self, queue: &Queue) -> Option<Kept> {
        self.with(|lines| {
            let line = lines.get_mut(queue)?;
            let kept = line.ready.pop_front()?;
            line.unacked += 1;
            if !line.ready.is_empty() {
                line.wake.notify_one();
            }
            Some(kept)
        })
    }

    /// A message that was handed out is done with.
    pub(crate) fn settled(&self, queue: &Queue) {
        self.with(|lines| {
            let line = lines.entry(queue.clone()).or_default();
            line.unacked = line.unacked.saturating_sub(1);
        });
    }

    /// Puts a dead message back where it was by age.
    pub(crate) fn put_back_dead(&self, queue: &Queue, kept: Kept) {
        self.with(|lines| {
            let dead = &mut lines.entry(queue.clone()).or_default().dead;
            let place = dead.partition_point(|other| other.id < kept.id);
            dead.insert(place, kept);
        });
    }

    pub(crate) fn take_dead(&self, queue: &Queue, limit: usize) -> Vec<Kept> {
        self.with(|lines| {
            let Some(line) = lines.get_mut(queue) else { return Vec::new() };
            let count = limit.min(line.dead.len());
            line.dead.drain(..count).collect()
        })
    }

    /// Moves what is due to the tail of its queue; returns when the next is due.
    pub(crate) fn release_due(&self, now_ms: i64) -> Option<i64> {
        self.with(|lines| lines.values_mut().filter_map(|line| line.release_due(now_ms)).min())
    }

    pub(crate) fn wake_of(&self, queue: &Queue) -> Arc<Notify> {
        self.with(|lines| lines.entry(queue.clone()).or_default().wake.clone())
    }

    pub(crate) fn attach(&self, queue: &Queue, change: i64) {
        self.with(|lines| {
            let line = lines.entry(queue.clone()).or_default();
            line.consumers = line.consumers.saturating_add_signed(change);
        });
    }

    /// Messages handed out of a queue and not settled.
    pub(crate) fn unacked(&self, of: &Destination) -> u64 {
        let Destination::Work(queue) = of else { return 0 };
        self.with(|lines| lines.get(queue).map_or(0, |line| line.unacked))
    }

    /// Messages waiting at a destination, and consumers of its queue.
    pub(crate) fn depth(&self, of: &Destination) -> (usize, u64) {
        self.with(|lines| {
            let (Destination::Work(queue) | Destination::Retry(queue, _) | Destination::Dead(queue)) = of;
            let Some(line) = lines.get(queue) else { return (0, 0) };
            match of {
                Destination::Work(_) => (line.ready.len(), line.consumers),
                Destination::Retry(_, rung) => (line.parked.values().filter(|(on, _)| on == rung).count(), 0),
                Destination::Dead(_) => (line.dead.len(), 0),
            }
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<Queue, Line>) -> T) -> T {
        change(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Line {
    fn release_due(&mut self, now_ms: i64) -> Option<i64> {
        while let Some(Reverse((due_ms, id))) = self.later.peek().copied() {
            if due_ms > now_ms {
                return Some(due_ms);
            }
            self.later.pop();
            if let Some((_, kept)) = self.parked.remove(&id) {
                self.ready.push_back(kept);
                self.wake.notify_one();
            }
        }
        None
    }
}
