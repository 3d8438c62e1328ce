//! The statements of the app store: each is one atomic step.

use super::state::{Decided, Ended, Fence, Hop, Lease, Outcome, State, Sweeper, Worker};
use super::{Config, Mutant};

pub(crate) enum Claimed {
    Granted { fence: Fence, attempt: u8 },
    Busy,
    Done { decided: Decided, published: bool },
    Over,
}

impl State {
    pub(crate) fn claim(&mut self, config: &Config, hop: Hop) -> Claimed {
        if !config.is(Mutant::NoClaim)
            && let Some(refusal) = self.refusal(config, hop)
        {
            return refusal;
        }
        // A run of an earlier hop is one that a crash of the store made necessary, and that nobody needs any more.
        self.seen.robbed |= self.waking_holder(false).is_some_and(|at| hop <= at);
        self.write(config, hop == config.last_hop() && !config.is(Mutant::StreamClaimForgotten));
        let fence = self.next_fence(config);
        let turn = &mut self.turn;
        turn.run = if turn.hop == Some(hop) { turn.run + 1 } else { 1 };
        turn.fence = fence;
        turn.hop = Some(hop);
        turn.done = false;
        turn.lease = Lease::Held;
        turn.seized = false;
        Claimed::Granted { fence: turn.fence, attempt: turn.run }
    }

    fn refusal(&self, config: &Config, hop: Hop) -> Option<Claimed> {
        if let Some(outcome) = self.outcome(hop) {
            let published = outcome.is_settled() || outcome.went_on && config.is(Mutant::GoneOnIsPublished);
            return Some(Claimed::Done { decided: outcome.decided(hop), published });
        }
        if self.turn.ended.is_some() || self.is_past(hop) {
            return Some(Claimed::Over);
        }
        let is_this_hop = self.turn.hop == Some(hop);
        let is_held = self.turn.lease == Lease::Held && (is_this_hop || self.turn.seized);
        is_held.then_some(Claimed::Busy)
    }

    /// The hop of a run that holds the turn and is awake, so that it renews its lease. With `late` a run that was
    /// stopped counts too.
    fn waking_holder(&self, late: bool) -> Option<Hop> {
        let holds = |fence| !self.turn.seized && self.turn.lease != Lease::Free && fence == self.turn.fence;
        let awake = self.workers.iter().filter(|worker| worker.awake && (late || !worker.late));
        awake.filter_map(Worker::runs).find(|run| holds(run.fence)).map(|run| run.hop)
    }

    /// Whether a commit is stored.
    fn admits(&mut self, config: &Config, commit: &Decided) -> bool {
        let is_newest = commit.fence == self.turn.fence && self.turn.lease != Lease::Free;
        let is_open = self.turn.ended.is_none();
        let is_blind = config.is(Mutant::BlindTerminalWrite) && commit.ending.is_some();
        let is_admitted = is_blind || is_open && (is_newest || config.is(Mutant::NoFence));
        self.seen.late_writer_refused |= !is_admitted;
        is_admitted
    }

    /// Stored, or refused.
    pub(crate) fn commit(&mut self, config: &Config, commit: &Decided) -> bool {
        if !self.admits(config, commit) {
            return false;
        }
        self.write(config, commit.ending.is_some() && !config.is(Mutant::EndForgotten));
        self.turn.hop = Some(commit.hop);
        self.turn.done = true;
        self.turn.lease = Lease::Free;
        self.turn.seized = false;
        if commit.ending.is_some() {
            self.turn.ended = Some(Ended::By(commit.fence));
            self.seen.ends += 1;
        }
        self.store(commit, false);
        true
    }

    /// Stored, and the next hop is claimed in the same step; or refused.
    pub(crate) fn commit_and_claim(&mut self, config: &Config, commit: &Decided) -> Option<Fence> {
        if !self.admits(config, commit) {
            return None;
        }
        let next = commit.hop + 1;
        self.write(config, next == config.last_hop() && !config.is(Mutant::StreamClaimForgotten));
        self.store(commit, true);
        self.turn.fence = self.next_fence(config);
        self.turn.hop = Some(next);
        self.turn.run = 1;
        self.turn.done = false;
        self.turn.lease = Lease::Held;
        self.turn.seized = false;
        Some(self.turn.fence)
    }

    fn store(&mut self, commit: &Decided, went_on: bool) {
        let Some(place) = self.outcomes.get_mut(usize::from(commit.hop)) else { return };
        if place.is_some() {
            self.seen.second_outcome = true;
            return;
        }
        *place = Some(Outcome {
            fence: commit.fence,
            ending: commit.ending,
            batches: commit.batches,
            published: went_on,
            went_on,
            sent: false,
        });
    }

    /// Of the outcome that was published, and no other.
    pub(crate) fn mark_published(&mut self, config: &Config, decided: &Decided) {
        let is_any = config.is(Mutant::MarkOfAnyOutcome);
        let is_it = |outcome: &Outcome| !outcome.is_settled() && (is_any || outcome.fence == decided.fence);
        if self.outcome(decided.hop).is_some_and(is_it) {
            self.write(config, false);
            if let Some(outcome) = self.outcome_mut(decided.hop) {
                outcome.published = true;
                outcome.went_on = false;
            }
        }
    }

    pub(crate) fn release(&mut self, config: &Config, fence: Fence, spent: bool) {
        if self.turn.fence != fence || self.turn.ended.is_some() || self.turn.lease == Lease::Free {
            return;
        }
        self.write(config, true);
        let turn = &mut self.turn;
        turn.lease = Lease::Free;
        turn.seized = false;
        turn.run = turn.run.saturating_sub(u8::from(!spent));
    }

    pub(crate) fn seize(&mut self, config: &Config) -> Option<Fence> {
        if self.turn.ended.is_some() {
            return None;
        }
        self.write(config, true);
        self.turn.fence = self.next_fence(config);
        self.turn.lease = Lease::Held;
        self.turn.seized = true;
        Some(self.turn.fence)
    }

    fn next_fence(&mut self, config: &Config) -> Fence {
        let era = if config.is(Mutant::NoEra) { 0 } else { self.era };
        let next = self.turn.fence.max(era) + 1;
        self.seen.fence_given_again |= next <= self.era;
        next
    }

    pub(crate) fn lease_expires(&mut self, config: &Config) -> bool {
        let is_renewed = self.waking_holder(true).is_some() && !config.is(Mutant::LeaseNotRenewed);
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
