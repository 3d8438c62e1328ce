use crate::cancels::CancelRegistry;
use crate::crew::{Crew, Seat};
use crate::emitter::{Emitter, Flush};
use crate::gate::Gate;
use crate::onward::{Held, Onward};
use crate::pause;
use crate::publish::{mark_published, publish_outcome};
use crate::run::{Handled, Last, Run, Stop};
use crate::settle::{Settle, Settled};
use crate::{Handler, JobError, ShownSchemas, protocol};
use contracts::{ENVELOPE_VERSION, Envelope, HopId, Lane, Meta};
use domain::personal::Masking;
use metrics::Gauge;
use ports::Ports;
use ports::broker::{Delivery, HEADER_PRODUCER, HEADER_TRACEPARENT, Message, Queue};
use ports::ledger::{Claim, Claimed, Outcome, Prepay, Used};
use ports::limiter::Permit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, field};

/// A job whose store or broker failed comes again after this.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// A job that has waited so often for servers of ours is given up, after more than half an hour.
const MOST_WAITS: u32 = 1_000;

/// What a run may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a claim holds.
    pub lease: Duration,
    /// How often it is renewed.
    pub renew: Duration,
    /// A run that takes longer is ended: the broker would take its message away.
    pub longest_run: Duration,
    /// What was done under a claim in less than this is stored with what this process does next; zero stores each run.
    /// Shorter than `renew`, because nothing renews a claim between two runs.
    pub defer: Duration,
    /// A run of which nothing comes for so long is counted as stuck; zero counts none.
    pub stuck_after: Duration,
    /// An outcome that the store does not take is tried again for so long.
    pub keep_outcome: Duration,
    /// Failed runs before a job is dead.
    pub max_attempts: u32,
    /// Calls to language models in a turn.
    pub llm_calls: u32,
    /// What language models do not see.
    pub masking: Arc<Masking>,
    /// What they see of schemas, by the same rules.
    pub schemas: Arc<ShownSchemas>,
    /// Whether language models see personal data all the same.
    pub clear_to_llm: bool,
    /// When text that waits is sent.
    pub flush: Flush,
}

/// What a job came to.
enum Came {
    /// Its delivery is to be settled like this.
    Over {
        settled: Settled,
        /// Unknown where the job cannot be read, or was not claimed.
        hop: Option<HopId>,
        /// What is parked or buried instead of it, and in whose queue, where the delivery is that of an earlier hop.
        job: Option<(Queue, Message)>,
    },
    /// The next job is claimed.
    On(Box<Onward>),
}

impl Came {
    /// Of such a delivery the protocol of the turn knows nothing.
    fn unknown(settled: Settled) -> Self {
        Self::Over { settled, hop: None, job: None }
    }
}

/// Does the deliveries of one kind.
pub struct Runner {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) lane: Lane,
    /// Jobs of one source at a time; `None` where the kind opens no source.
    per_source: Option<u32>,
    /// Jobs at a time, whether the queue brought them or a run that went on.
    pub(crate) places: usize,
    free: Arc<Semaphore>,
    /// Who goes on with what this runner's jobs lead to.
    pub(crate) crew: Crew,
    /// Whether its last run was stored with the one after it, which asks a model.
    pub(crate) defers: AtomicBool,
    pub(crate) ports: Ports,
    pub(crate) limits: Limits,
    pub(crate) owner: String,
    pub(crate) cancels: CancelRegistry,
    /// Fires when the drain has taken too long.
    pub(crate) abandon: CancellationToken,
}

impl Runner {
    /// For one handler. `owner` names this start of the process.
    pub fn new(
        handler: Arc<dyn Handler>,
        ports: Ports,
        limits: Limits,
        owner: String,
        cancels: CancelRegistry,
        abandon: CancellationToken,
    ) -> Self {
        let (lane, per_source, crew) = (Lane::Interactive, None, Crew::default());
        let (places, free, defers) = (1, Arc::new(Semaphore::new(1)), AtomicBool::new(false));
        Self { handler, lane, per_source, places, free, crew, defers, ports, limits, owner, cancels, abandon }
    }

    /// Serves this lane instead of the interactive one.
    pub fn in_lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }

    /// Works with one source at most so many times at once, over all processes.
    pub fn with_sources(self, most: u32) -> Self {
        Self { per_source: Some(most.max(1)), ..self }
    }

    /// Does so many jobs at a time.
    pub fn with_places(self, places: usize) -> Self {
        let places = places.clamp(1, Semaphore::MAX_PERMITS);
        Self { places, free: Arc::new(Semaphore::new(places)), ..self }
    }

    /// Goes on with the next job where one of this crew has room for it.
    pub fn with_crew(self, crew: Crew) -> Self {
        Self { crew, ..self }
    }

    /// Does one delivery to the end: afterwards it is settled, or comes again.
    pub async fn process(&self, delivery: Delivery) {
        let seat = self.seat().await;
        let since = Instant::now();
        let envelope = self.read(&delivery.message);
        let header = |name: &str| delivery.message.headers.get(name).map(String::as_str);
        let (trace, producer) = (header(HEADER_TRACEPARENT), header(HEADER_PRODUCER));
        let span = self.span(&delivery.message.id, envelope.as_ref().ok(), trace, producer);
        let settle = Settle::new(self.ports.broker.clone(), self.queue(), delivery);
        let mut ahead = self.begin(settle, envelope, since).instrument(span).await;
        drop(seat);
        while let Some((settle, onward)) = ahead {
            let Onward { runner, seat, held, producer } = *onward;
            let (envelope, trace) = (Some(&held.envelope), held.trace.as_deref());
            let span = runner.span(held.envelope.hop.as_str(), envelope, trace, producer.as_deref());
            ahead = runner.go_on(settle, held, since).instrument(span).await;
            drop(seat);
        }
    }

    async fn seat(&self) -> Seat {
        Seat::new(self.free.clone().acquire_owned().await.ok(), self.in_flight())
    }

    /// A place, when one is free now.
    pub(crate) fn free_seat(&self) -> Option<Seat> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        Some(Seat::new(Some(permit), self.in_flight()))
    }

    fn in_flight(&self) -> Gauge {
        metrics::gauge!(telemetry::names::IN_FLIGHT, "kind" => self.handler.kind(), "lane" => self.lane.as_str())
    }

    /// Made with all that is known of the job, because a field that is noted later has the others formatted again.
    fn span(&self, id: &str, envelope: Option<&Envelope>, trace: Option<&str>, producer: Option<&str>) -> Span {
        let kind = self.handler.kind();
        let span = tracing::info_span!(
            "process",
            kind,
            turn = envelope.map(|envelope| envelope.meta.turn.as_str()),
            hop = envelope.map(|envelope| envelope.hop.as_str()),
            attempt = field::Empty,
            messaging.system = self.ports.broker.system(),
            messaging.operation.name = "process",
            messaging.destination.name = kind,
            messaging.message.id = id,
        );
        telemetry::trace::continue_from(&span, trace, producer);
        span
    }

    /// Does the job that a queue brought.
    async fn begin(
        &self,
        settle: Settle,
        envelope: Result<Envelope, String>,
        since: Instant,
    ) -> Option<(Settle, Box<Onward>)> {
        let started = self.ports.clock.monotonic_ms();
        let came = match envelope {
            Ok(envelope) => self.enter(settle.message(), envelope, since).await,
            Err(reason) => Came::unknown(Settled::Dead { reason }),
        };
        self.close(settle, came, started).await
    }

    /// Does the job whose claim came with the outcome of the one before, under that one's delivery.
    async fn go_on(&self, settle: Settle, held: Held, since: Instant) -> Option<(Settle, Box<Onward>)> {
        let started = self.ports.clock.monotonic_ms();
        let came = self.work(held, since).await;
        self.close(settle, came, started).await
    }

    /// Settles the delivery, unless a run goes on under it.
    async fn close(&self, mut settle: Settle, came: Came, started: u64) -> Option<(Settle, Box<Onward>)> {
        let (outcome, ahead) = match came {
            Came::On(onward) => ("went_on", Some((settle, onward))),
            Came::Over { settled, hop, job } => {
                let outcome = settled.name();
                job.into_iter().for_each(|(queue, job)| settle.turn_to(queue, job));
                settle.finish(settled, hop.as_ref()).await;
                (outcome, None)
            }
        };
        self.measure(outcome, started);
        ahead
    }

    fn measure(&self, outcome: &'static str, started: u64) {
        let seconds = self.ports.clock.monotonic_ms().saturating_sub(started) as f64 / 1_000.0;
        let kind = self.handler.kind();
        metrics::histogram!(telemetry::names::PROCESS_DURATION, "kind" => kind, "outcome" => outcome).record(seconds);
        metrics::counter!(telemetry::names::SETTLED, "kind" => kind, "outcome" => outcome).increment(1);
    }

    fn read(&self, message: &Message) -> Result<Envelope, String> {
        let envelope: Envelope =
            serde_json::from_slice(&message.body).map_err(|error| format!("not an envelope: {error}"))?;
        if envelope.v > ENVELOPE_VERSION {
            return Err(format!("envelope version {} is newer than this release ({ENVELOPE_VERSION})", envelope.v));
        }
        Ok(envelope)
    }

    /// A job that finds its source full is parked as if it had not come: of that the protocol of the turn knows nothing.
    async fn enter(&self, message: &Message, envelope: Envelope, since: Instant) -> Came {
        match self.let_in(&envelope.meta).await {
            Ok(permit) => self.claim(message, envelope, permit, since).await,
            Err(after) => Came::unknown(Settled::Snooze(after)),
        }
    }

    /// A permit for the job's source where one is needed, or how long the job has to wait.
    pub(crate) async fn let_in(&self, meta: &Meta) -> Result<Option<Permit>, Duration> {
        let Some(most) = self.per_source else { return Ok(None) };
        Gate { limiter: &*self.ports.limiter, most }.enter(meta).await
    }

    pub(crate) fn claim_of(&self, envelope: &Envelope) -> Claim {
        Claim {
            hop: envelope.hop.clone(),
            turn: envelope.meta.turn.clone(),
            owner: self.owner.clone(),
            lease: self.limits.lease,
            must_last: self.handler.streams(),
            prepays: self.prepays(),
        }
    }

    /// Its call, and the next step's where the last run was deferred to one.
    fn prepays(&self) -> Option<Prepay> {
        let calls = 1 + u32::from(self.defers.load(Ordering::Relaxed));
        self.handler.asks_model().then_some(Prepay { calls, most: self.limits.llm_calls })
    }

    async fn claim(&self, message: &Message, envelope: Envelope, permit: Option<Permit>, since: Instant) -> Came {
        let claimed = self.ports.ledger.claim(self.claim_of(&envelope)).await;
        if let Ok(claimed) = &claimed {
            protocol::claimed(&envelope.hop, claimed);
        }
        let settled = match claimed {
            Ok(Claimed::Granted(grant)) => {
                return self.work(Held::taken(message, envelope, grant, permit), since).await;
            }
            Ok(Claimed::Busy(left)) => Settled::Snooze(left),
            Ok(Claimed::Done(outcome)) => self.repeat(&outcome).await,
            Ok(Claimed::Over) => Settled::Over,
            Err(error) => {
                tracing::warn!(%error, "a job waits: it cannot be claimed");
                Settled::Snooze(AFTER_FAILURE)
            }
        };
        Came::Over { settled, hop: Some(envelope.hop), job: None }
    }

    /// The hop was done before: at most its outcome is published. A dead job may come into the dead queue twice, never
    /// not at all.
    async fn repeat(&self, outcome: &Outcome) -> Settled {
        let settled = match &outcome.dead {
            Some(reason) => Settled::Dead { reason: reason.clone() },
            None => Settled::Repeated,
        };
        if outcome.published {
            return settled;
        }
        self.publish(outcome, settled).await
    }

    /// Does a job under its claim.
    async fn work(&self, mut held: Held, since: Instant) -> Came {
        Span::current().record("attempt", held.grant.attempt);
        pause::point(self.handler.kind(), "before_work").await;
        let emitter = self.emitter_of(&held);
        let last = Last {
            attempt: held.grant.spent.max(held.attempts + 1) >= self.limits.max_attempts,
            wait: held.waits >= MOST_WAITS,
        };
        let permit = held.permit.take();
        let run = Run::new(self, held, emitter, since);
        let settled = match run.handle(last, permit).await {
            Ok(Handled::Deferred(onward)) => return Came::On(onward),
            Ok(Handled::WentOn(onward)) => {
                pause::point(self.handler.kind(), "after_commit").await;
                return Came::On(onward);
            }
            Ok(Handled::Stored { outcome, settled }) => {
                pause::point(self.handler.kind(), "after_commit").await;
                self.publish(&outcome, settled).await
            }
            Err(stop) => self.stopped(&run, stop).await,
        };
        let job = if settled.moves_the_job() { run.carried() } else { None };
        Came::Over { settled, hop: Some(run.hop().clone()), job }
    }

    /// Runs under one claim write by one.
    fn emitter_of(&self, held: &Held) -> Arc<Emitter> {
        if let Some(deferred) = &held.deferred {
            deferred.emitter.resume();
            return deferred.emitter.clone();
        }
        let Held { envelope, grant, .. } = held;
        let (log, turn) = (self.ports.events.clone(), envelope.meta.turn.clone());
        Arc::new(Emitter::new(log, turn, grant.fence, envelope.next_seq, self.limits.flush))
    }

    async fn publish(&self, outcome: &Outcome, then: Settled) -> Settled {
        if let Err(error) = publish_outcome(&self.ports, outcome).await {
            tracing::warn!(%error, "an outcome waits: it cannot be published");
            return Settled::Snooze(AFTER_FAILURE);
        }
        if let Err(error) = mark_published(&self.ports, outcome).await {
            tracing::warn!(%error, "an outcome is published and not marked: it may be published again");
        }
        pause::point(self.handler.kind(), "before_ack").await;
        then
    }

    async fn stopped(&self, run: &Run<'_>, stop: Stop) -> Settled {
        if matches!(stop, Stop::Fenced) {
            protocol::step("fenced", run.hop().as_str(), Some(run.fence()));
        }
        let settled = self.given_back(run, stop).await;
        run.record_calls().await;
        settled
    }

    async fn given_back(&self, run: &Run<'_>, stop: Stop) -> Settled {
        match stop {
            // A newer claim holds the turn, perhaps one without a delivery that still counts: the broker may have given
            // it to this worker. The next claim tells whether the job may be dropped.
            Stop::Fenced => Settled::Snooze(AFTER_FAILURE),
            Stop::Abandoned => {
                run.release(Used::Nothing).await;
                Settled::Requeue
            }
            // The store did not answer for a whole lease: whether somebody else holds the turn is not known, so the
            // job must not be dropped.
            Stop::LeaseOver => Settled::Snooze(AFTER_FAILURE),
            Stop::Again(JobError::Snooze(after)) => run.pause(after).await,
            Stop::Again(error @ JobError::Away { .. }) => {
                run.release(Used::Nothing).await;
                Settled::Wait { reason: error.to_string() }
            }
            Stop::Again(error) => {
                run.release(Used::Attempt).await;
                Settled::Retry { reason: error.to_string() }
            }
            // Where the next run goes on with what was told, it must not tell the end of it again.
            Stop::Uncommitted | Stop::Refused(_) => {
                run.release(if self.handler.goes_on() { Used::Number } else { Used::Nothing }).await;
                Settled::Snooze(AFTER_FAILURE)
            }
        }
    }

    /// The queue that it serves.
    pub(crate) fn queue(&self) -> Queue {
        Queue::of(self.handler.kind(), self.lane)
    }

    pub(crate) fn check(&self, envelope: &Envelope) -> Result<(), String> {
        if envelope.kind != self.handler.kind() {
            return Err(format!("a {} job lies in the queue of {}", envelope.kind, self.handler.kind()));
        }
        self.handler.check(envelope)
    }
}
