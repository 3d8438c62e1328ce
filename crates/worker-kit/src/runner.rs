use crate::cancels::CancelRegistry;
use crate::emitter::{Emitter, Flush};
use crate::gate::Gate;
use crate::pause;
use crate::publish::{mark_published, publish_outcome};
use crate::run::{Last, Run, Stop};
use crate::settle::{Settle, Settled};
use crate::{Handler, JobError, ShownSchemas, protocol};
use contracts::{ENVELOPE_VERSION, Envelope, HopId, Lane};
use domain::personal::Masking;
use ports::Ports;
use ports::broker::{Delivery, HEADER_PAUSED, HEADER_PRODUCER, HEADER_TRACEPARENT, Message, Queue};
use ports::ledger::{Claim, Claimed, Grant, Outcome, Used};
use ports::limiter::Permit;
use std::sync::Arc;
use std::time::Duration;
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

/// Does the deliveries of one kind.
pub struct Runner {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) lane: Lane,
    /// Jobs of one source at a time; `None` where the kind opens no source.
    per_source: Option<u32>,
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
        Self { handler, lane: Lane::Interactive, per_source: None, ports, limits, owner, cancels, abandon }
    }

    /// Serves this lane instead of the interactive one.
    pub fn in_lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }

    /// Works with one source at most so many times at once, over all processes.
    pub fn with_sources(self, most: u32) -> Self {
        Self { per_source: Some(most.max(1)), ..self }
    }

    /// Does one delivery to the end: afterwards it is settled, or comes again.
    pub async fn process(&self, delivery: Delivery) {
        let envelope = self.read(&delivery.message);
        let span = self.span(&delivery.message, envelope.as_ref().ok());
        self.process_in_span(delivery, envelope).instrument(span).await;
    }

    /// Made with all that is known of the job, because a field that is noted later has the others formatted again.
    fn span(&self, message: &Message, envelope: Option<&Envelope>) -> Span {
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
            messaging.message.id = %message.id,
        );
        let header = |name: &str| message.headers.get(name).map(String::as_str);
        telemetry::trace::continue_from(&span, header(HEADER_TRACEPARENT), header(HEADER_PRODUCER));
        span
    }

    async fn process_in_span(&self, delivery: Delivery, envelope: Result<Envelope, String>) {
        let started = self.ports.clock.monotonic_ms();
        let settle = Settle::new(self.ports.broker.clone(), self.queue(), delivery);
        let (hop, settled) = match envelope {
            Ok(envelope) => self.enter(&settle, envelope).await,
            Err(reason) => (None, Settled::Dead { reason }),
        };
        let outcome = settled.name();
        settle.finish(settled, hop.as_ref()).await;
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
    async fn enter(&self, settle: &Settle, envelope: Envelope) -> (Option<HopId>, Settled) {
        let hop = Some(envelope.hop.clone());
        let Some(most) = self.per_source else { return (hop, self.claim(settle, envelope, None).await) };
        let gate = Gate { limiter: &*self.ports.limiter, most };
        match gate.enter(&envelope).await {
            Ok(permit) => (hop, self.claim(settle, envelope, permit).await),
            Err(after) => (None, Settled::Snooze(after)),
        }
    }

    async fn claim(&self, settle: &Settle, envelope: Envelope, permit: Option<Permit>) -> Settled {
        let claim = Claim {
            hop: envelope.hop.clone(),
            turn: envelope.meta.turn.clone(),
            owner: self.owner.clone(),
            lease: self.limits.lease,
            must_last: self.handler.streams(),
            budget: self.handler.asks_model().then_some(self.limits.llm_calls),
        };
        let claimed = self.ports.ledger.claim(claim).await;
        if let Ok(claimed) = &claimed {
            protocol::claimed(&envelope.hop, claimed);
        }
        match claimed {
            Ok(Claimed::Granted(grant)) => self.granted(settle, envelope, grant, permit).await,
            Ok(Claimed::Busy(left)) => Settled::Snooze(left),
            Ok(Claimed::Done(outcome)) => self.repeat(&outcome).await,
            Ok(Claimed::Over) => Settled::Over,
            Err(error) => {
                tracing::warn!(%error, "a job waits: it cannot be claimed");
                Settled::Snooze(AFTER_FAILURE)
            }
        }
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

    async fn granted(&self, settle: &Settle, envelope: Envelope, grant: Grant, permit: Option<Permit>) -> Settled {
        Span::current().record("attempt", grant.attempt);
        pause::point(self.handler.kind(), "before_work").await;
        let emitter = Arc::new(Emitter::new(
            self.ports.events.clone(),
            envelope.meta.turn.clone(),
            grant.fence,
            envelope.next_seq,
            self.limits.flush,
        ));
        let headers = &settle.message().headers;
        let trace = headers.get(HEADER_TRACEPARENT).cloned();
        let paused = headers.get(HEADER_PAUSED).and_then(|attempt| attempt.parse().ok());
        let last = Last {
            attempt: grant.spent.max(settle.message().attempt() + 1) >= self.limits.max_attempts,
            wait: settle.message().waits() >= MOST_WAITS,
        };
        let run = Run::new(self, envelope, grant, emitter, trace, paused);
        match run.handle(last, permit).await {
            Ok(outcome) => {
                pause::point(self.handler.kind(), "after_commit").await;
                self.publish(&outcome.outcome, outcome.settled).await
            }
            Err(stop) => self.stopped(&run, stop).await,
        }
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
            protocol::step("fenced", run.hop(), Some(run.fence()));
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
