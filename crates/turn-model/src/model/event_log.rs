//! The event log: it numbers events, and refuses a writer whose fence is old.

use super::state::{Decided, Ending, Fence, Run, State};
use super::{Config, Mutant};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    Yes,
    Stale,
    Closed,
}

impl State {
    /// Whether the log takes an append; `None` when it did so before.
    fn admit(&mut self, config: &Config, fence: Fence, batch: u8) -> Option<Appended> {
        if fence < self.log.fence && !config.is(Mutant::LogWithoutFence) {
            return Some(Appended::Stale);
        }
        if fence == self.log.fence && batch <= self.log.batch && fence > 0 {
            return None;
        }
        if self.log.end.is_some() {
            return Some(Appended::Closed);
        }
        self.seen.attempts_mixed |= fence < self.log.fence;
        self.log.fence = fence;
        self.log.batch = batch;
        Some(Appended::Yes)
    }

    /// The next event of a run: that its step has begun, then a piece of text.
    pub(crate) fn append(&mut self, config: &Config, run: &Run) -> Appended {
        match self.admit(config, run.fence, run.batches + 1) {
            None => return Appended::Yes,
            Some(Appended::Yes) => {}
            Some(refused) => return refused,
        }
        self.seen.event_after_end |= self.log.end.is_some();
        if run.batches > 0 {
            self.log.text.push((run.fence, run.batches - 1));
            return Appended::Yes;
        }
        if run.attempt > 1 {
            self.log.text.clear();
        }
        Appended::Yes
    }

    /// The terminal event of an outcome. A log that is closed has it already.
    pub(crate) fn append_end(&mut self, config: &Config, outcome: &Decided, ending: Ending) -> bool {
        // Only an end that is stored closes the log: an open one takes it whatever fence has written.
        let admitted = match self.log.end {
            None => {
                (self.log.fence, self.log.batch) = (outcome.fence, outcome.batches + 1);
                Some(Appended::Yes)
            }
            Some(_) => self.admit(config, outcome.fence, outcome.batches + 1),
        };
        match admitted {
            None | Some(Appended::Closed) => true,
            Some(Appended::Stale) => false,
            Some(Appended::Yes) => {
                self.seen.terminal_events += 1;
                self.log.end = Some((outcome.fence, ending));
                true
            }
        }
    }

    /// The text of an answer that a run under this fence gave.
    pub(crate) fn text_of(config: &Config, fence: Fence) -> Vec<(Fence, u8)> {
        (0..config.tokens).map(|place| (fence, place)).collect()
    }

    /// Publishes what a hop decided: its terminal event, or the next job. False when the log refuses.
    pub(crate) fn publish(&mut self, config: &Config, decided: &Decided) -> bool {
        match decided.ending {
            Some(ending) if !self.append_end(config, decided, ending) => return false,
            Some(_) => {}
            None => self.ready[usize::from(decided.hop) + 1] += 1,
        }
        match self.outcome_mut(decided.hop) {
            Some(stored) if stored.fence == decided.fence => stored.sent = true,
            _ => self.seen.sent_and_forgotten |= 1 << decided.hop,
        }
        true
    }
}
