//! The statements of the app store: each is one atomic step.

use super::state::{Ended, Ending, Fence, Hop, Lease, Outcome, State, Sweeper};
use super::{Config, Mutant};

pub(crate) enum Claimed {
    Granted { fence: Fence, attempt: u8 },
    Busy,
    Done { published: bool },
    Over,
}

pub(crate) struct Commit {
    pub(crate) hop: Hop,
    pub(crate) fence: Fence,
    pub(crate) ending: Option<Ending>,
    pub(crate) batches: u8,
}

impl State {
    pub(crate) fn claim(&mut self, config: &Config, hop: Hop) -> Claimed {
        if !config.is(Mutant::NoClaim)
            && let Some(refusal) = self.refusal(hop)
        {
            return refusal;
        }
        self.seen.robbed |= self.has_waking_holder(false);
        let turn = &mut self.turn;
        turn.run = if turn.hop == Some(hop) { turn.run + 1 } else { 1 };
        turn.fence += 1;
        turn.hop = Some(hop);
        turn.done = false;
        turn.lease = Lease::Held;
        turn.seized = false;
        Claimed::Granted { fence: turn.fence, attempt: turn.run }
    }

    fn refusal(&self, hop: Hop) -> Option<Claimed> {
        if let Some(outcome) = self.outcome(hop) {
            return Some(Claimed::Done { published: outcome.published });
        }
        if self.turn.ended.is_some() || self.is_past(hop) {
            return Some(Claimed::Over);
        }
        let is_this_hop = self.turn.hop == Some(hop);
        let is_held = self.turn.lease == Lease::Held && (is_this_hop || self.turn.seized);
        is_held.then_some(Claimed::Busy)
    }

    /// A run holds the turn and is awake, so it renews its lease. With `late` a run that was stopped counts too.
    pub(crate) fn has_waking_holder(&self, late: bool) -> bool {
        let holds = |fence| !self.turn.seized && self.turn.lease != Lease::Free && fence == self.turn.fence;
        self.workers
            .iter()
            .any(|worker| worker.awake && (late || !worker.late) && worker.runs().is_some_and(|run| holds(run.fence)))
    }

    /// Stored, or refused.
    pub(crate) fn commit(&mut self, config: &Config, commit: &Commit) -> bool {
        let is_newest = commit.fence == self.turn.fence && self.turn.lease != Lease::Free;
        let is_open = self.turn.ended.is_none();
        let is_blind = config.is(Mutant::BlindTerminalWrite) && commit.ending.is_some();
        let is_allowed = is_open && (is_newest || config.is(Mutant::NoFence));
        if !is_allowed && !is_blind {
            self.seen.late_writer_refused = true;
            return false;
        }
        self.turn.hop = Some(commit.hop);
        self.turn.done = true;
        self.turn.lease = Lease::Free;
        self.turn.seized = false;
        if commit.ending.is_some() {
            self.turn.ended = Some(Ended::By(commit.fence));
            self.seen.ends += 1;
        }
        self.store(commit);
        true
    }

    fn store(&mut self, commit: &Commit) {
        let Some(place) = self.outcomes.get_mut(usize::from(commit.hop)) else { return };
        if place.is_some() {
            self.seen.second_outcome = true;
            return;
        }
        *place = Some(Outcome {
            fence: commit.fence,
            ending: commit.ending,
            batches: commit.batches,
            published: false,
            sent: false,
        });
    }

    pub(crate) fn release(&mut self, fence: Fence, spent: bool) {
        let turn = &mut self.turn;
        if turn.fence != fence || turn.ended.is_some() || turn.lease == Lease::Free {
            return;
        }
        turn.lease = Lease::Free;
        turn.seized = false;
        turn.run = turn.run.saturating_sub(u8::from(!spent));
    }

    pub(crate) fn seize(&mut self) -> Option<Fence> {
        if self.turn.ended.is_some() {
            return None;
        }
        self.turn.fence += 1;
        self.turn.lease = Lease::Held;
        self.turn.seized = true;
        Some(self.turn.fence)
    }

    pub(crate) fn lease_expires(&mut self, config: &Config) -> bool {
        let is_renewed = self.has_waking_holder(true) && !config.is(Mutant::LeaseNotRenewed);
        if self.turn.lease != Lease::Held || is_renewed {
            return false;
        }
        // A sweeper writes the end at once: it must have been held up.
        if self.turn.seized && self.sweepers.contains(&Sweeper::Ending(self.turn.fence)) && !self.fault() {
            return false;
        }
        self.turn.lease = Lease::Over;
        true
    }
}
