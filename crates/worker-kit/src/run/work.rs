//! The handler of a run, its events and its lease, side by side.

use super::{Run, Stop, Worked};
use crate::ending::Ending;
use crate::progress::{Watchman, Who};
use crate::told::Told;
use crate::worker::Done;
use crate::{Ctx, JobError, pause};
use contracts::Event;
use futures_util::FutureExt;
use ports::ledger::Renewed;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Two timers of one deadline are no further apart.
const A_MOMENT: Duration = Duration::from_millis(50);
/// A handler that was told to stop may tidy up for this long.
const GRACE: Duration = Duration::from_secs(3);

/// What interrupts a handler.
enum Interrupt {
    Cancelled,
    Deadline,
    TooLong,
    Fenced,
    LeaseOver,
    Abandoned,
}

fn out_of_time() -> Done {
    Done::end(Ending::out_of_time(), "out of time")
}

fn too_long() -> JobError {
    JobError::fail("step_too_long", "One step of this took too long and was stopped. Ask for less at a time.")
}

impl Run<'_> {
    pub(super) async fn work(&self, last_attempt: bool) -> Result<Worked, Stop> {
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
        let handler = AssertUnwindSafe(self.handler()).catch_unwind();
        let handler = handler.map(|ended| ended.unwrap_or_else(|_| Err(JobError::retry("run the job", "it panicked"))));
        let drive = self.emitter.drive();
        let lease = self.keep_lease();
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
                interrupt = self.interrupted() => break interrupt,
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

    async fn interrupted(&self) -> Interrupt {
        tokio::select! {
            () = self.registered.requested.cancelled() => Interrupt::Cancelled,
            () = tokio::time::sleep(self.ctx.time_left()) => Interrupt::Deadline,
            () = tokio::time::sleep_until(self.since + self.runner.limits.longest_run) => Interrupt::TooLong,
            () = self.emitter.lost().cancelled() => Interrupt::Fenced,
            () = self.runner.abandon.cancelled() => Interrupt::Abandoned,
        }
    }

    /// Renews the claim until it is lost, or its lease is over because the store does not answer.
    async fn keep_lease(&self) -> Interrupt {
        let limits = &self.runner.limits;
        let mut held_until = self.held.since + limits.lease;
        loop {
            tokio::time::sleep(limits.renew).await;
            let asked = tokio::time::Instant::now();
            let renewal = self.runner.ports.ledger.renew(&self.ctx.meta.turn, self.fence(), limits.lease);
            match tokio::time::timeout_at(held_until, renewal).await {
                Ok(Ok(Renewed::Held { cancel_requested })) => {
                    held_until = asked + limits.lease;
                    if cancel_requested {
                        self.registered.requested.cancel();
                    }
                }
                Ok(Ok(Renewed::Lost)) => return Interrupt::Fenced,
                Err(_) => return Interrupt::LeaseOver,
                Ok(Err(error)) => tracing::warn!(%error, "a lease was not renewed: it is tried again"),
            }
        }
    }
}
