//! Outcomes that cost more to store than to reach again: they wait for the one of the next run, under the same claim.

use super::{Handled, Run, Stop};
use crate::onward::{Ahead, Deferred};
use crate::settle::Settled;
use crate::worker::Done;
use contracts::Envelope;
use ports::ledger::{Claim, Commit, Grant};
use ports::store::LlmCallRecord;
use std::sync::atomic::Ordering;

/// Runs that may wait to be stored with one after them.
const MOST: u32 = 8;

impl Run<'_> {
    /// Whether all that was done under the claim can be done again by whoever comes after a crash: it took no time, only
    /// leads on, and nobody has seen more of it than that it began. Who streams has a claim of its own.
    pub(super) fn may_wait(&self, done: &Done, settled: &Settled, ahead: Option<&Ahead>) -> bool {
        let is_taken_up = ahead.is_some_and(|ahead| !ahead.runner.handler.streams());
        let only_leads_on = done.ending.is_none() && done.result.is_none() && matches!(settled, Settled::Done);
        let is_seen = self.ctx.has_left_traces() || self.emitter.has_said_text();
        let took = self.held.since.elapsed();
        is_taken_up && only_leads_on && !is_seen && took < self.runner.limits.defer && self.waiting_runs() < MOST
    }

    /// The number of the next job among those that its hop may lead to. A run that is not stored has done its work under
    /// that name, so that each claim of the hop names it anew.
    pub(super) fn place_of_next(&self, waits: bool) -> usize {
        let (attempt, runs) = match self.deferred() {
            Some(deferred) => (deferred.attempt, deferred.runs),
            None if waits => (self.held.grant.attempt, 0),
            None => return 0,
        };
        let before = attempt.saturating_sub(1).saturating_mul(MOST + 1);
        (before + runs + 1) as usize
    }

    /// Goes on under the claim that there is; what came of this run is stored with what comes of the next.
    pub(super) fn defer(&self, ahead: Ahead, next: Envelope) -> Handled {
        let deferred = Deferred {
            claimed: self.claimed().clone(),
            attempt: self.deferred().map_or(self.held.grant.attempt, |before| before.attempt),
            went_on: self.deferred().map_or(self.held.went_on, |before| before.went_on),
            runs: self.waiting_runs() + 1,
            calls: self.calls(),
            emitter: self.emitter.clone(),
            registered: self.registered.clone(),
        };
        self.runner.defers.store(ahead.runner.handler.asks_model(), Ordering::Relaxed);
        let grant = Grant {
            fence: self.fence(),
            attempt: 1,
            spent: 1,
            cancel_requested: self.registered.requested.is_cancelled(),
            prepaid: self.ctx.prepaid.load(Ordering::Relaxed),
        };
        let mut onward = ahead.onward(next, grant, self.held.trace.clone());
        onward.held.since = self.held.since;
        onward.held.deferred = Some(Box::new(deferred));
        Handled::Deferred(onward)
    }

    /// Stores what the runs before this one did, with a claim of its own for this one: it failed, and comes again by
    /// itself, or is kept.
    pub(super) async fn store_deferred(&self) -> Result<(), Stop> {
        let Some(deferred) = self.deferred() else { return Ok(()) };
        let emitted = self.write_events().await?;
        let this = Envelope { next_seq: emitted.next_seq, ..self.held.envelope.clone() };
        let claim = Claim { prepays: None, ..self.runner.claim_of(&this) };
        let outcome = self.outcome(Some(this), emitted);
        let unused_calls = self.ctx.prepaid.swap(0, Ordering::Relaxed);
        let calls = deferred.calls.clone();
        let commit = Commit { calls, unused_calls, then: Some(claim), ..Commit::of(outcome) };
        if let Some(grant) = self.store(commit).await? {
            // Nobody has set it: what is stored is no more deferred.
            self.own.set(grant).ok();
        }
        Ok(())
    }

    /// What runs before this one did under its claim, and is not stored.
    pub(super) fn deferred(&self) -> Option<&Deferred> {
        if self.own.get().is_some() { None } else { self.held.deferred.as_deref() }
    }

    /// The job that is claimed.
    pub(super) fn claimed(&self) -> &Envelope {
        self.deferred().map_or(&self.held.envelope, |deferred| &deferred.claimed)
    }

    /// Calls to language models that wait to be stored.
    pub(super) fn calls(&self) -> Vec<LlmCallRecord> {
        let mut calls = self.deferred().map(|deferred| deferred.calls.clone()).unwrap_or_default();
        calls.extend(self.ctx.calls());
        calls
    }

    fn waiting_runs(&self) -> u32 {
        self.deferred().map_or(0, |deferred| deferred.runs)
    }
}
