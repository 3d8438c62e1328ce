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
use std::time::Duration;

/// The first pause before an outcome is stored again; each is twice as long as the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// Stores what came of the run, with the claim of the next hop where somebody here has room for it.
    pub(super) async fn commit(&self, done: Done, settled: Settled) -> Result<Handled, Stop> {
        let emitted = self.emitter.finish().await.map_err(|late| {
            tracing::info!(%late, "a late run stops");
            Stop::Fenced
        })?;
        let now = self.runner.ports.clock.now_ms();
        let end = done.ending.map(|ending| end_state(ending, &self.ctx.meta.turn, now));
        let mut outcome = self.outcome(done.next, end.as_ref(), emitted, &settled)?;
        let ahead = self.ahead(&outcome).await;
        let commit = Commit {
            outcome: outcome.clone(),
            result: done.result.map(|rows| self.result(rows)),
            end,
            calls: self.ctx.calls(),
            then: ahead.as_ref().map(|ahead| ahead.claim.clone()),
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

    fn outcome(
        &self,
        next: Option<NextJob>,
        end: Option<&EndState>,
        emitted: Emitted,
        settled: &Settled,
    ) -> Result<Outcome, Stop> {
        let Emitted { next_seq, batches } = emitted;
        let usage = self.usage();
        let terminal = end.map(|end| serde_json::to_string(&event_of(end, &self.ctx.meta, usage)));
        let terminal_event = terminal.transpose().map_err(|error| {
            tracing::error!(%error, "the terminal event cannot be encoded");
            Stop::Uncommitted
        })?;
        Ok(Outcome {
            hop: self.held.envelope.hop.clone(),
            turn: self.ctx.meta.turn.clone(),
            fence: self.held.grant.fence,
            next: next.map(|next| self.child(next, next_seq, usage)).into_iter().collect(),
            terminal_event,
            next_seq,
            batches,
            traceparent: self.held.trace.clone(),
            dead: settled.dead_because(),
            published: false,
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
    async fn ahead(&self, outcome: &Outcome) -> Option<Ahead> {
        let [next] = outcome.next.as_slice() else { return None };
        let queue = Queue::of(next.kind.clone(), next.meta.lane);
        let (runner, seat) = self.runner.crew.next(&queue, self.since.elapsed())?;
        let permit = runner.let_in(next).await.ok()?;
        Some(Ahead { claim: runner.claim_of(next), runner, seat, permit })
    }

    /// The grant of the next hop, where the commit asked for it.
    async fn store(&self, commit: Commit) -> Result<Option<Grant>, Stop> {
        pause::point(self.runner.handler.kind(), "before_commit").await;
        let ended = commit.end.as_ref().map(|end| end.state.as_str());
        let next = commit.then.as_ref().map(|claim| claim.hop.clone());
        match self.commit_at_last(commit).await {
            Ok(Committed::Stored) => {
                protocol::committed(&self.ctx.hop, self.held.grant.fence, ended.is_some());
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

    fn child(&self, next: NextJob, next_seq: u64, spent: Usage) -> Envelope {
        let mut envelope = self.held.envelope.child(0, next, next_seq);
        envelope.meta.spent = spent;
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
