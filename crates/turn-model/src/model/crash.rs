//! Crashes of servers: the store forgets the last of what did not wait for the disk, and a broker loses everything.

use super::Config;
use super::state::{State, Stored};

impl State {
    /// The store is about to write. What waits for the disk takes along what was written before.
    pub(crate) fn write(&mut self, config: &Config, lasts: bool) {
        if lasts {
            self.forgettable.clear();
        } else if config.forgetful && self.faults > 0 {
            self.forgettable.push(Stored { turn: self.turn.clone(), outcomes: self.outcomes.clone() });
        }
    }

    /// What workers hold is nobody's either: what they settle, nobody knows.
    pub(crate) fn broker_loses(&mut self, config: &Config) -> bool {
        if !config.lossy || !self.fault() {
            return false;
        }
        self.ready.fill(0);
        self.workers.iter_mut().for_each(|worker| worker.holds = None);
        true
    }

    /// It goes back to what it was before the first write that is not kept, and begins a new era. What it has after its
    /// start is on the disk. Whether an outcome was published, nobody forgets.
    pub(crate) fn store_crashes(&mut self, kept: u8) -> bool {
        let Some(Stored { turn, mut outcomes }) = self.forgettable.get(usize::from(kept)).cloned() else {
            return false;
        };
        self.era = self.era.max(self.turn.fence);
        for (hop, (kept, now)) in outcomes.iter_mut().zip(&self.outcomes).enumerate() {
            let was_sent = now.as_ref().is_some_and(|now| now.sent);
            match kept {
                Some(kept) => kept.sent = was_sent,
                None => self.seen.sent_and_forgotten |= u8::from(was_sent) << hop,
            }
        }
        (self.turn, self.outcomes) = (turn, outcomes);
        self.forgettable.clear();
        self.fault()
    }
}
