//! What a run decided, on its way into the store.

use super::{Handled, Run, Stop};
use crate::emitter::Emitted;
use crate::ending::{end_state, event_of};
use crate::onward::Ahead;
use crate::settle::Settled;
use crate::worker::Done;
use crate::{pause, protocol};
use contracts::event::Usage;
use contracts::{Envelope, NextJob, ResultSet};
use ports::PortError;
use ports::broker::Queue;
use ports::ledger::{Commit, Committed, Grant, Outcome};
use ports::store::{EndState, StoredResult};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The first pause before an outcome is stored again; each is twice as long as the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// Stores what came of the run, with the claim of the next hop where somebody here has room for it; or goes on
    /// without, where it may wait.
    pub(super) async fn commit(&self, mut done: Done, settled: Settled) -> Result<Handled, Stop> {
        let ahead = self.ahead(done.next.as_ref()).await;
        let waits = self.may_wait(&done, &settled, ahead.as_ref());
        let next = done.next.take().map(|next| self.child(next, self.place_of_next(waits)));
        let (ahead, next) = match (ahead, next) {
            (Some(ahead), Some(next)) if waits => return Ok(self.defer(ahead, next)),
            others => others,
        };
        let then = ahead.as_ref().zip(next.as_ref()).map(|(ahead, next)| ahead.runner.claim_of(next));
        self.runner.defers.store(false, Ordering::Relaxed);
        let emitted = self.write_events().await?;
        let now = self.runner.ports.clock.now_ms();
        let end = done.ending.map(|ending| end_state(ending, &self.ctx.meta.turn, now));
        let terminal_event = self.terminal_event(end.as_ref())?;
        let mut outcome = Outcome { terminal_event, dead: settled.dead_because(), ..self.outcome(next, emitted) };
        let commit = Commit {
            outcome: outcome.clone(),
            result: done.result.map(|rows| self.result(rows)),
            end,
            calls: self.calls(),
            unused_calls: self.ctx.prepaid.load(Ordering::Relaxed),
            then,
        };
        let grant = self.store(commit).await?;
        Ok(match (ahead, grant, outcome.next.pop()) {
            (Some(ahead), Some(grant), Some(next)) => Handled::WentOn(ahead.onward(next, grant, outcome.traceparent)),
            (.., next) => {
                outcome.next.extend(next);
                Handled::Stored { outcome, settled }
            }
        })
    }

    /// Writes the last events of the run.
    pub(super) async fn write_events(&self) -> Result<Emitted, Stop> {
        self.emitter.finish().await.map_err(|late| {
            tracing::info!(%late, "a late run stops");
            Stop::Fenced
        })
    }

    /// What comes of the hop that is claimed, as long as it ends nothing.
    pub(super) fn outcome(&self, next: Option<Envelope>, emitted: Emitted) -> Outcome {
        let Emitted { next_seq, batches } = emitted;
        Outcome {
            hop: self.hop().clone(),
            turn: self.ctx.meta.turn.clone(),
            fence: self.fence(),
            next: next.map(|next| Envelope { next_seq, ..next }).into_iter().collect(),
            terminal_event: None,
            next_seq,
            batches,
            traceparent: self.held.trace.clone(),
            dead: None,
            published: false,
        }
    }

    fn terminal_event(&self, end: Option<&EndState>) -> Result<Option<String>, Stop> {
        let event = end.map(|end| serde_json::to_string(&event_of(end, &self.ctx.meta, self.usage())));
        event.transpose().map_err(|error| {
            tracing::error!(%error, "the terminal event cannot be encoded");
            Stop::Uncommitted
        })
    }

    fn result(&self, rows: ResultSet) -> StoredResult {
        StoredResult {
            id: self.ctx.result_id(),
            business: self.ctx.meta.business.clone(),
            turn: self.ctx.meta.turn.clone(),
            rows,
        }
    }

    /// Who goes on with the next job, when somebody of this process has room for it.
    async fn ahead(&self, next: Option<&NextJob>) -> Option<Ahead> {
        let queue = Queue::of(next?.kind.clone(), self.ctx.meta.lane);
        let (runner, seat) = self.runner.crew.next(&queue, self.since.elapsed())?;
        let permit = runner.let_in(&self.ctx.meta).await.ok()?;
        Some(Ahead { runner, seat, permit })
    }

    /// The grant of the next hop, where the commit asked for it.
    pub(super) async fn store(&self, commit: Commit) -> Result<Option<Grant>, Stop> {
        pause::point(self.runner.handler.kind(), "before_commit").await;
        let ended = commit.end.as_ref().map(|end| end.state.as_str());
        let (hop, next) = (commit.outcome.hop.clone(), commit.then.as_ref().map(|claim| claim.hop.clone()));
        match self.commit_at_last(commit).await {
            Ok(Committed::Stored) => {
                protocol::committed(&hop, self.fence(), ended.is_some());
                ended.into_iter().for_each(tell_of_end);
                Ok(None)
            }
            Ok(Committed::WentOn(grant)) => {
                next.into_iter().for_each(|next| protocol::step("went_on", next.as_str(), Some(grant.fence)));
                Ok(Some(grant))
            }
            Ok(Committed::Fenced) => Err(Stop::Fenced),
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "an outcome was not stored: the job runs again");
                Err(Stop::Uncommitted)
            }
            Err(error) => Err(Stop::Refused(error)),
        }
    }

    /// A store that is away for a while costs no work that was done: nobody can claim the turn meanwhile, and the fence
    /// tells who comes too late.
    async fn commit_at_last(&self, commit: Commit) -> Result<Committed, PortError> {
        let until = tokio::time::Instant::now() + self.runner.limits.keep_outcome;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.runner.ports.ledger.commit(commit.clone()).await {
                Err(error) if error.is_transient() => error,
                done => return done,
            };
            if tokio::time::Instant::now() + pause > until {
                return Err(error);
            }
            tracing::warn!(%error, "an outcome is not stored yet: it is tried again");
            tokio::select! {
                () = self.runner.abandon.cancelled() => return Err(error),
                () = tokio::time::sleep(pause) => pause = (2 * pause).min(LONGEST_PAUSE),
            }
        }
    }

    /// The next job, as the one that this claim's hop leads to. No event of it has a lower number than those here.
    fn child(&self, next: NextJob, place: usize) -> Envelope {
        let mut envelope = self.claimed().child(place, next, self.held.envelope.next_seq);
        envelope.meta.spent = self.usage();
        envelope
    }

    fn usage(&self) -> Usage {
        let mut usage = self.ctx.meta.spent;
        usage.add(self.ctx.spent());
        usage
    }
}

fn tell_of_end(state: &'static str) {
    metrics::counter!(telemetry::names::TURNS_ENDED, "state" => state).increment(1);
    tracing::info!(state, "a turn ended");
}
