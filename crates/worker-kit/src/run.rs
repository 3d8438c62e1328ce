use crate::cancels::Registered;
use crate::emitter::Emitter;
use crate::ending::{Ending, USED_UP, end_state, event_of};
use crate::job_error::DEFECT;
use crate::onward::{Ahead, Held, Onward};
use crate::progress::{Progress, Watchman, Who};
use crate::runner::Runner;
use crate::settle::Settled;
use crate::told::Told;
use crate::worker::Done;
use crate::{Ctx, JobError, pause, protocol};
use contracts::event::Usage;
use contracts::{Envelope, Event, HopId};
use futures_util::FutureExt;
use ports::PortError;
use ports::broker::{Message, Queue};
use ports::ledger::{Back, Commit, Committed, Grant, Outcome, Renewed, Used};
use ports::limiter::Permit;
use ports::store::StoredResult;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The first pause before an outcome is stored again; each is twice as long as the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Two timers of one deadline are no further apart.
const A_MOMENT: Duration = Duration::from_millis(50);
/// A handler that was told to stop may tidy up for this long.
const GRACE: Duration = Duration::from_secs(3);

/// One run of one hop, under one claim.
pub(crate) struct Run<'a> {
    runner: &'a Runner,
    held: Held,
    emitter: Arc<Emitter>,
    ctx: Ctx,
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

/// What interrupts a handler.
enum Interrupt {
    Cancelled,
    Deadline,
    TooLong,
    Fenced,
    LeaseOver,
    Abandoned,
}

type Worked = Result<Done, JobError>;

fn out_of_time() -> Done {
    Done::end(Ending::out_of_time(), "out of time")
}

fn too_long() -> JobError {
    JobError::fail("step_too_long", "One step of this took too long and was stopped. Ask for less at a time.")
}

impl<'a> Run<'a> {
    pub(crate) fn new(runner: &'a Runner, held: Held, emitter: Arc<Emitter>, since: Instant) -> Self {
        let Held { envelope, grant, .. } = &held;
        let ctx = Ctx {
            meta: envelope.meta.clone(),
            kind: runner.handler.kind(),
            hop: envelope.hop.clone(),
            attempt: grant.attempt,
            ports: runner.ports.clone(),
            cancel: CancellationToken::new(),
            llm_calls: runner.limits.llm_calls,
            prepaid: Arc::new(AtomicBool::new(grant.prepaid)),
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
        Self { runner, held, emitter, ctx, since, started: AtomicBool::new(false) }
    }

    /// Runs the handler and stores what came of it. The permit counts the job as one that works with its source, which
    /// it does no more when the handler has ended.
    pub(crate) async fn handle(&self, last: Last, permit: Option<Permit>) -> Result<Handled, Stop> {
        let started = self.runner.ports.clock.monotonic_ms();
        let worked = self.work(last.attempt).await?;
        drop(permit);
        let (done, settled) = self.judge(worked, last).await?;
        self.complete_step(&done, started);
        match self.commit(done, settled).await {
            Err(Stop::Refused(error)) => {
                let defect = JobError::internal("store the outcome", error);
                let (done, settled) = self.dead("internal_error", DEFECT, &defect);
                self.commit(done, settled).await
            }
            handled => handled,
        }
    }

    pub(crate) fn hop(&self) -> &HopId {
        &self.ctx.hop
    }

    pub(crate) fn fence(&self) -> u64 {
        self.held.grant.fence
    }

    /// Its job, where its delivery is that of an earlier hop.
    pub(crate) fn carried(&self) -> Option<Message> {
        let Held { envelope, trace, .. } = self.held.went_on.then_some(&self.held)?;
        match Message::carrying(envelope, trace.clone()) {
            Ok(job) => Some(job),
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
        let back = Back { used, unused_call: self.ctx.prepaid.load(Ordering::Relaxed) };
        match self.runner.ports.ledger.release(&self.ctx.meta.turn, self.held.grant.fence, back).await {
            Ok(()) => protocol::step("released", self.ctx.hop.as_str(), Some(self.held.grant.fence)),
            Err(error) => tracing::warn!(%error, "a claim was not given back: its lease will end"),
        }
    }

    /// Records the calls of a run that came to nothing: they were made all the same.
    pub(crate) async fn record_calls(&self) {
        for call in self.ctx.calls() {
            if let Err(error) = self.runner.ports.store.record_llm_call(&call).await {
                tracing::warn!(%error, "a call to a language model was not recorded");
            }
        }
    }

    async fn work(&self, last_attempt: bool) -> Result<Worked, Stop> {
        if self.held.grant.cancel_requested {
            return Ok(Err(JobError::Cancelled));
        }
        if self.ctx.time_left().is_zero() {
            return Ok(Ok(out_of_time()));
        }
        if let Err(reason) = self.runner.check(&self.held.envelope) {
            return Ok(Err(JobError::internal("read the job", reason)));
        }
        if last_attempt && self.held.grant.spent > self.runner.limits.max_attempts {
            return Ok(Err(JobError::retry("run the job", "earlier runs ended their process")));
        }
        self.begin_step().await;
        self.run_handler().await
    }

    /// Tells that the step begins, unless clients have heard it of the run that this one goes on from.
    async fn begin_step(&self) {
        self.started.store(true, Ordering::Relaxed);
        if self.runner.handler.goes_on() && self.read_told().await {
            return;
        }
        let step = self.runner.handler.kind().to_owned();
        self.ctx.emit(Event::StepStarted { step, attempt: self.ctx.shown_attempt() });
    }

    /// Reads what clients have heard of the hop. True when this run goes on with it; else the attempt that is shown next
    /// makes void what was streamed. A first attempt looks too: the broker may have brought back the message of a run
    /// that could not be parked.
    async fn read_told(&self) -> bool {
        let is_paused = self.held.paused == Some(self.held.grant.attempt);
        let read = self.read_log().await;
        let is_known = read.is_some();
        let events = read.unwrap_or_default();
        let attempt = self.held.grant.attempt;
        let mut told = Told { events, counts: false };
        let counts = is_paused && told.attempt() >= attempt;
        told.counts = counts;
        // What was told and is lost is void, too.
        let least = if is_paused || !is_known { attempt + 1 } else { attempt };
        let shown = if counts { told.attempt() } else { least.max(told.attempt() + 1) };
        self.ctx.restarts.store(shown - attempt, Ordering::Relaxed);
        // A run reads once.
        drop(self.ctx.told.set(told));
        counts
    }

    /// The events of the hop; `None` when the log does not tell them while the claim holds for sure.
    async fn read_log(&self) -> Option<Vec<Event>> {
        let read = Told::read(&*self.runner.ports.events, &self.ctx.meta.turn, self.held.envelope.next_seq);
        match tokio::time::timeout(self.runner.limits.lease / 2, read).await {
            Ok(Ok(events)) => return Some(events),
            Ok(Err(error)) => tracing::warn!(%error, "what a job has told is not known: it begins anew"),
            Err(_) => tracing::warn!("what a job has told is not known in time: it begins anew"),
        }
        None
    }

    /// The handler, its events and its lease, side by side, until it ends or something stops it.
    async fn run_handler(&self) -> Result<Worked, Stop> {
        let registered = self.runner.cancels.register(&self.ctx.meta.turn);
        let handler = AssertUnwindSafe(self.handler()).catch_unwind();
        let handler = handler.map(|ended| ended.unwrap_or_else(|_| Err(JobError::retry("run the job", "it panicked"))));
        let drive = self.emitter.drive();
        let lease = self.keep_lease(&registered);
        let watching = self.watchman().watch();
        tokio::pin!(handler, drive, lease, watching);
        let mut driving = true;
        let interrupt = loop {
            tokio::select! {
                worked = &mut handler => {
                    self.emitter.rest();
                    if driving {
                        drive.await;
                    }
                    return Ok(self.in_time(worked));
                }
                () = &mut drive, if driving => driving = false,
                lost = &mut lease => break lost,
                never = &mut watching => match never {},
                interrupt = self.interrupted(&registered) => break interrupt,
            }
        };
        self.ctx.cancel.cancel();
        let late = tokio::time::timeout(GRACE, &mut handler).await;
        match interrupt {
            Interrupt::Fenced => Err(Stop::Fenced),
            Interrupt::Abandoned => Err(Stop::Abandoned),
            Interrupt::LeaseOver => Err(Stop::LeaseOver),
            // A handler that was done all the same has its answer counted.
            Interrupt::Cancelled => Ok(late.ok().and_then(Result::ok).ok_or(JobError::Cancelled)),
            Interrupt::TooLong => Ok(late.ok().and_then(Result::ok).ok_or_else(too_long)),
            Interrupt::Deadline => Ok(Ok(late.ok().and_then(Result::ok).unwrap_or_else(out_of_time))),
        }
    }

    /// A call ends with the turn's time, too, and may notice that a moment before the run does.
    fn in_time(&self, worked: Worked) -> Worked {
        match worked {
            Err(error) if error.is_timeout() && self.ctx.time_left() < A_MOMENT => Ok(out_of_time()),
            worked => worked,
        }
    }

    fn watchman(&self) -> Watchman<'_> {
        let Ctx { meta, hop, kind, .. } = &self.ctx;
        let who = Who { turn: &meta.turn, hop, kind, lane: self.runner.lane };
        Watchman::new(&self.ctx.progress, self.runner.limits.stuck_after, who)
    }

    async fn handler(&self) -> Worked {
        pause::poison(self.ctx.kind, &self.held.envelope.job);
        self.runner.handler.run(&self.ctx, &self.held.envelope).await
    }

    async fn interrupted(&self, registered: &Registered) -> Interrupt {
        tokio::select! {
            () = registered.requested.cancelled() => Interrupt::Cancelled,
            () = tokio::time::sleep(self.ctx.time_left()) => Interrupt::Deadline,
            () = tokio::time::sleep_until(self.since + self.runner.limits.longest_run) => Interrupt::TooLong,
            () = self.emitter.lost().cancelled() => Interrupt::Fenced,
            () = self.runner.abandon.cancelled() => Interrupt::Abandoned,
        }
    }

    /// Renews the claim until it is lost, or its lease is over because the store does not answer.
    async fn keep_lease(&self, registered: &Registered) -> Interrupt {
        let limits = &self.runner.limits;
        let mut held_until = tokio::time::Instant::now() + limits.lease;
        loop {
            tokio::time::sleep(limits.renew).await;
            let asked = tokio::time::Instant::now();
            let renewal = self.runner.ports.ledger.renew(&self.ctx.meta.turn, self.held.grant.fence, limits.lease);
            match tokio::time::timeout_at(held_until, renewal).await {
                Ok(Ok(Renewed::Held { cancel_requested })) => {
                    held_until = asked + limits.lease;
                    if cancel_requested {
                        registered.requested.cancel();
                    }
                }
                Ok(Ok(Renewed::Lost)) => return Interrupt::Fenced,
                Err(_) => return Interrupt::LeaseOver,
                Ok(Err(error)) => tracing::warn!(%error, "a lease was not renewed: it is tried again"),
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

    async fn commit(&self, done: Done, settled: Settled) -> Result<Handled, Stop> {
        let emitted = self.emitter.finish().await.map_err(|late| {
            tracing::info!(%late, "a late run stops");
            Stop::Fenced
        })?;
        let usage = self.usage();
        let turn = &self.ctx.meta.turn;
        let now = self.runner.ports.clock.now_ms();
        let end = done.ending.map(|ending| end_state(ending, turn, now));
        let terminal = end.as_ref().map(|end| serde_json::to_string(&event_of(end, &self.ctx.meta, usage)));
        let terminal_event = terminal.transpose().map_err(|error| {
            tracing::error!(%error, "the terminal event cannot be encoded");
            Stop::Uncommitted
        })?;
        let mut outcome = Outcome {
            hop: self.held.envelope.hop.clone(),
            turn: turn.clone(),
            fence: self.held.grant.fence,
            next: done.next.map(|next| self.child(next, emitted.next_seq, usage)).into_iter().collect(),
            terminal_event,
            next_seq: emitted.next_seq,
            batches: emitted.batches,
            traceparent: self.held.trace.clone(),
            dead: settled.dead_because(),
            published: false,
        };
        let result = done.result.map(|rows| StoredResult {
            id: self.ctx.result_id(),
            business: self.ctx.meta.business.clone(),
            turn: turn.clone(),
            rows,
        });
        let ended = end.as_ref().map(|end| end.state.as_str());
        let ahead = self.ahead(&outcome).await;
        let then = ahead.as_ref().map(|ahead| ahead.claim.clone());
        let commit = Commit { outcome: outcome.clone(), result, end, calls: self.ctx.calls(), then };
        let grant = self.store(commit).await?;
        if let Some(state) = ended {
            metrics::counter!(telemetry::names::TURNS_ENDED, "state" => state).increment(1);
            tracing::info!(state, "a turn ended");
        }
        Ok(match (ahead, grant, outcome.next.pop()) {
            (Some(ahead), Some(grant), Some(next)) => Handled::WentOn(ahead.onward(next, grant, outcome.traceparent)),
            (.., next) => {
                outcome.next.extend(next);
                Handled::Stored { outcome, settled }
            }
        })
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
        let (ends, next) = (commit.end.is_some(), commit.then.as_ref().map(|claim| claim.hop.clone()));
        match self.commit_at_last(commit).await {
            Ok(Committed::Stored) => {
                protocol::committed(&self.ctx.hop, self.held.grant.fence, ends);
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

    fn child(&self, next: contracts::NextJob, next_seq: u64, spent: Usage) -> Envelope {
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
