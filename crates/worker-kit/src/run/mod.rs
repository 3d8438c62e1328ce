//! One run of one hop, under one claim: its handler, what becomes of that, and what is stored.

mod commit;
mod defer;
mod work;

use crate::cancels::Registered;
use crate::emitter::Emitter;
use crate::ending::{Ending, USED_UP};
use crate::job_error::DEFECT;
use crate::onward::{Held, Onward};
use crate::progress::Progress;
use crate::runner::Runner;
use crate::settle::Settled;
use crate::worker::Done;
use crate::{Ctx, JobError, protocol};
use contracts::{Event, HopId};
use ports::PortError;
use ports::broker::{Message, Queue};
use ports::ledger::{Back, Grant, Outcome, Used};
use ports::limiter::Permit;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One run of one hop, under one claim.
pub(crate) struct Run<'a> {
    runner: &'a Runner,
    held: Held,
    emitter: Arc<Emitter>,
    ctx: Ctx,
    registered: Arc<Registered>,
    /// The claim of its own job, where that was made after it had begun under another's.
    own: OnceLock<Grant>,
    /// Since when the delivery is held.
    since: Instant,
    /// Whether the step's beginning was told: only then is its end.
    started: AtomicBool,
}

/// Whether a run is the last one of its job, should it fail.
#[derive(Clone, Copy)]
pub(crate) struct Last {
    /// By itself.
    pub(crate) attempt: bool,
    /// Because a server of ours is away.
    pub(crate) wait: bool,
}

/// What a run came to, stored.
pub(crate) enum Handled {
    /// It is to be published.
    Stored { outcome: Outcome, settled: Settled },
    /// The next hop is claimed with it.
    WentOn(Box<Onward>),
    /// It is not stored: the next hop is done under the same claim.
    Deferred(Box<Onward>),
}

/// Why a run came to nothing that is stored.
pub(crate) enum Stop {
    /// A newer claim holds the turn.
    Fenced,
    /// The process ends before the handler did.
    Abandoned,
    /// The store did not renew the claim in time.
    LeaseOver,
    /// The handler wants another run.
    Again(JobError),
    /// The store did not take the outcome; it may take it later.
    Uncommitted,
    /// The store takes this outcome neither now nor later.
    Refused(PortError),
}

type Worked = Result<Done, JobError>;

impl<'a> Run<'a> {
    pub(crate) fn new(runner: &'a Runner, held: Held, emitter: Arc<Emitter>, since: Instant) -> Self {
        let Held { envelope, grant, deferred, .. } = &held;
        let registered = match deferred {
            Some(deferred) => deferred.registered.clone(),
            None => Arc::new(runner.cancels.register(&envelope.meta.turn)),
        };
        let ctx = Ctx {
            meta: envelope.meta.clone(),
            kind: runner.handler.kind(),
            hop: envelope.hop.clone(),
            attempt: grant.attempt,
            ports: runner.ports.clone(),
            cancel: CancellationToken::new(),
            llm_calls: runner.limits.llm_calls,
            prepaid: Arc::new(AtomicU32::new(grant.prepaid)),
            calls: Mutex::default(),
            left_traces: AtomicBool::new(false),
            masking: runner.limits.masking.clone(),
            schemas: runner.limits.schemas.clone(),
            clear_to_llm: runner.limits.clear_to_llm,
            emitter: emitter.clone(),
            spent: Mutex::default(),
            restarts: AtomicU32::new(0),
            progress: Arc::new(Progress::new(runner.ports.clock.clone())),
            told: OnceLock::new(),
        };
        let (own, started) = (OnceLock::new(), AtomicBool::new(false));
        Self { runner, held, emitter, ctx, registered, own, since, started }
    }

    /// Runs the handler and stores what came of it. The permit counts the job as one that works with its source, which
    /// it does no more when the handler has ended.
    pub(crate) async fn handle(&self, last: Last, permit: Option<Permit>) -> Result<Handled, Stop> {
        let started = self.runner.ports.clock.monotonic_ms();
        let worked = self.work(last.attempt).await?;
        drop(permit);
        let (done, settled) = match self.judge(worked, last).await {
            Err(stop) => {
                self.store_deferred().await?;
                return Err(stop);
            }
            Ok(judged) => judged,
        };
        if matches!(settled, Settled::Dead { .. }) {
            self.store_deferred().await?;
        }
        self.complete_step(&done, started);
        match self.commit(done, settled).await {
            Err(Stop::Refused(error)) => {
                self.store_deferred().await?;
                let defect = JobError::internal("store the outcome", error);
                let (done, settled) = self.dead("internal_error", DEFECT, &defect);
                self.commit(done, settled).await
            }
            handled => handled,
        }
    }

    /// The hop that is claimed.
    pub(crate) fn hop(&self) -> &HopId {
        &self.claimed().hop
    }

    pub(crate) fn fence(&self) -> u64 {
        self.own.get().unwrap_or(&self.held.grant).fence
    }

    /// The job that is claimed, where its delivery is that of an earlier hop, and its queue.
    pub(crate) fn carried(&self) -> Option<(Queue, Message)> {
        let is_carried = self.deferred().map_or(self.held.went_on, |deferred| deferred.went_on);
        let claimed = is_carried.then(|| self.claimed())?;
        match Message::carrying(claimed, self.held.trace.clone()) {
            Ok(job) => Some((Queue::of(claimed.kind.clone(), claimed.meta.lane), job)),
            Err(error) => {
                tracing::error!(%error, "a job cannot be encoded: the one before it comes again");
                None
            }
        }
    }

    /// Gives the claim back. Of a run whose text clients have heard the number is used in any case: the next one must
    /// begin as another attempt, which makes that text void. So is that of one that is on record in the audit.
    pub(crate) async fn release(&self, used: Used) {
        let is_known = self.emitter.has_said_text() || self.ctx.has_left_traces();
        self.give_back(if is_known && used == Used::Nothing { Used::Number } else { used }).await;
    }

    /// Gives the claim back after a snooze. Text costs no attempt where the next run goes on with it.
    pub(crate) async fn pause(&self, after: Duration) -> Settled {
        if !self.runner.handler.goes_on() {
            self.release(Used::Nothing).await;
            return Settled::Snooze(after);
        }
        self.give_back(if self.ctx.has_left_traces() { Used::Number } else { Used::Nothing }).await;
        Settled::Pause { after, attempt: self.held.grant.attempt }
    }

    async fn give_back(&self, used: Used) {
        let back = Back { used, unused_calls: self.ctx.prepaid.load(Ordering::Relaxed) };
        match self.runner.ports.ledger.release(&self.ctx.meta.turn, self.fence(), back).await {
            Ok(()) => protocol::step("released", self.hop().as_str(), Some(self.fence())),
            Err(error) => tracing::warn!(%error, "a claim was not given back: its lease will end"),
        }
    }

    /// Records the calls of a run that came to nothing: they were made all the same.
    pub(crate) async fn record_calls(&self) {
        for call in self.calls() {
            if let Err(error) = self.runner.ports.store.record_llm_call(&call).await {
                tracing::warn!(%error, "a call to a language model was not recorded");
            }
        }
    }

    /// What becomes of the turn and of the delivery.
    async fn judge(&self, worked: Worked, last: Last) -> Result<(Done, Settled), Stop> {
        let error = match worked {
            Ok(done) => return Ok((done, Settled::Done)),
            Err(error) => error,
        };
        match error {
            JobError::Cancelled => Ok((Done::end(Ending::cancelled(), "stopped"), Settled::Done)),
            JobError::Fail { code, message } => Ok(self.fail(code, message)),
            JobError::Defect { .. } => Ok(self.dead("internal_error", DEFECT, &error)),
            JobError::Retry { .. } if last.attempt => Ok(self.dead("attempts_used_up", USED_UP, &error)),
            JobError::Away { .. } if last.wait => Ok(self.dead("attempts_used_up", USED_UP, &error)),
            JobError::Retry { .. } | JobError::Away { .. } | JobError::Snooze(_) => {
                tracing::warn!(%error, "a job runs again");
                // The events of this run are written before another run can begin; a late writer is told so there.
                drop(self.emitter.finish().await);
                Err(Stop::Again(error))
            }
        }
    }

    fn fail(&self, code: String, message: String) -> (Done, Settled) {
        tracing::info!(code, message, "a turn fails");
        (Done::end(Ending::failed(code, message), "failed"), Settled::Done)
    }

    /// The turn fails, and the job is kept for a person to look at.
    fn dead(&self, code: &str, message: &str, error: &JobError) -> (Done, Settled) {
        tracing::error!(code, %error, "a job is given up");
        let ending = Ending::dead(code, message, &self.held.envelope.hop);
        (Done::end(ending, "failed"), Settled::Dead { reason: error.to_string() })
    }

    fn complete_step(&self, done: &Done, started: u64) {
        if !self.started.load(Ordering::Relaxed) {
            return;
        }
        self.ctx.emit(Event::StepCompleted {
            step: self.runner.handler.kind().to_owned(),
            attempt: self.ctx.shown_attempt(),
            duration_ms: self.runner.ports.clock.monotonic_ms().saturating_sub(started),
            detail: done.detail.clone(),
            tokens: self.ctx.spent().total_tokens,
        });
    }
}
