//! What a sweeper does, as workers/sweep does it: publish what was left over, end what is overdue.

use super::state::{Decided, Ended, Ending, Hop, Lease, Phase, State, Sweeper};
use super::{Config, Mutant};

/// Of one job, among those that wait.
const MOST_COPIES: u8 = 2;

impl State {
    /// It has read an outcome that is not marked as published.
    pub(crate) fn relay(&mut self, config: &Config, s: usize, hop: Hop) -> bool {
        let left_over = self.outcome(hop).filter(|outcome| !outcome.published).map(|outcome| outcome.decided(hop));
        let is_busy = self.sweepers[s] != Sweeper::Idle || self.is_being_published(hop);
        let Some(decided) = left_over.filter(|_| !is_busy && !config.is(Mutant::NoRelay)) else { return false };
        self.sweepers[s] = Sweeper::Publishing(decided);
        true
    }

    /// A worker that is awake publishes before a sweeper takes it for dead.
    fn is_being_published(&self, hop: Hop) -> bool {
        let publishes = |phase: &Phase| phase.publishes() == Some(hop) || phase.marks() == Some(hop);
        self.workers.iter().any(|worker| worker.awake && publishes(&worker.phase))
    }

    /// Nobody holds the turn: the job that it waits for is published (again), also where one of it waits that is only slow
    /// to be taken. One whose outcome is still to be published comes by that.
    pub(crate) fn send_again(&mut self, config: &Config) -> bool {
        let turn = &self.turn;
        let is_held = turn.lease == Lease::Held || turn.seized && turn.lease == Lease::Over;
        let hop = turn.hop.map_or(0, |hop| hop + u8::from(turn.done));
        let is_lost = config.lossy && !is_held && hop < config.hops && self.ready[usize::from(hop)] < MOST_COPIES;
        if !is_lost || self.turn.ended.is_some() || config.is(Mutant::LostForGood) {
            return false;
        }
        self.ready[usize::from(hop)] += 1;
        true
    }

    pub(crate) fn seize_overdue(&mut self, config: &Config, s: usize) -> bool {
        if self.sweepers[s] != Sweeper::Idle || !self.overdue {
            return false;
        }
        let Some(fence) = self.seize(config) else { return false };
        self.sweepers[s] = Sweeper::Ending(fence);
        true
    }

    pub(crate) fn end_overdue(&mut self, config: &Config, s: usize) -> bool {
        let Sweeper::Ending(fence) = self.sweepers[s] else { return false };
        let end = Decided { hop: config.end_hop(), fence, ending: Some(Ending::Failed), batches: 0 };
        let is_stored = self.commit(config, &end);
        self.sweepers[s] = if is_stored { Sweeper::Publishing(end) } else { Sweeper::Idle };
        true
    }

    pub(crate) fn sweeper_send(&mut self, config: &Config, s: usize) -> bool {
        let Sweeper::Publishing(decided) = self.sweepers[s] else { return false };
        let is_sent = self.publish(config, &decided);
        self.sweepers[s] = if is_sent { Sweeper::Marking(decided) } else { Sweeper::Idle };
        true
    }

    pub(crate) fn sweeper_mark(&mut self, config: &Config, s: usize) -> bool {
        let Sweeper::Marking(decided) = self.sweepers[s] else { return false };
        self.mark_published(config, &decided);
        self.sweepers[s] = Sweeper::Idle;
        true
    }

    pub(crate) fn sweeper_crash(&mut self, s: usize) -> bool {
        if self.sweepers[s] == Sweeper::Idle || !self.fault() {
            return false;
        }
        self.sweepers[s] = Sweeper::Idle;
        true
    }

    /// The API heard no confirm in time and refuses the turn, unless a worker was faster. (Accepting changes nothing
    /// that anybody else looks at.)
    pub(crate) fn refuse(&mut self, config: &Config) -> bool {
        if self.turn.fence > 0 || self.turn.ended.is_some() {
            return false;
        }
        self.write(config, true);
        self.turn.ended = Some(Ended::Refused);
        true
    }

    /// Whoever was refused asks again under the same key: the turn is open again, and its first job is published anew.
    pub(crate) fn ask_again(&mut self, config: &Config) -> bool {
        if self.turn.ended != Some(Ended::Refused) || !self.fault() {
            return false;
        }
        self.write(config, true);
        self.turn.ended = None;
        self.ready[0] += 1;
        self.seen.asked_again = true;
        true
    }

    pub(crate) fn deadline(&mut self) -> bool {
        if self.overdue || self.turn.ended.is_some() {
            return false;
        }
        self.overdue = true;
        true
    }
}
