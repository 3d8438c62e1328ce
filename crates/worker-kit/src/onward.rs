//! Jobs under their claims, whether a queue brought them or a run that went on.

use crate::Runner;
use crate::cancels::Registered;
use crate::crew::Seat;
use crate::emitter::Emitter;
use contracts::Envelope;
use ports::broker::{HEADER_PAUSED, HEADER_TRACEPARENT, Message};
use ports::ledger::Grant;
use ports::limiter::Permit;
use ports::store::LlmCallRecord;
use std::sync::Arc;
use tokio::time::Instant;

/// A job under its claim.
pub(crate) struct Held {
    pub(crate) envelope: Envelope,
    pub(crate) grant: Grant,
    /// Counts it as one that works with its source.
    pub(crate) permit: Option<Permit>,
    /// Trace context of the turn.
    pub(crate) trace: Option<String>,
    /// The attempt that was parked to go on later.
    pub(crate) paused: Option<u32>,
    /// Failed runs that its message tells of.
    pub(crate) attempts: u32,
    /// Waits that its message tells of.
    pub(crate) waits: u32,
    /// Its delivery is that of an earlier hop: the broker has no copy of the job.
    pub(crate) went_on: bool,
    /// The claim has been held since then at the latest.
    pub(crate) since: Instant,
    /// What runs before this one did under the same claim, which is that of an earlier job.
    pub(crate) deferred: Option<Box<Deferred>>,
}

/// Runs that are not stored: what comes of the next one is stored for all of them, as the outcome of the job that is
/// claimed.
pub(crate) struct Deferred {
    /// The job that is claimed.
    pub(crate) claimed: Envelope,
    /// Which run of it.
    pub(crate) attempt: u32,
    /// Its delivery is that of an earlier hop.
    pub(crate) went_on: bool,
    /// How many runs there were.
    pub(crate) runs: u32,
    /// Calls to language models that they made.
    pub(crate) calls: Vec<LlmCallRecord>,
    /// Writes under the fence of the claim.
    pub(crate) emitter: Arc<Emitter>,
    /// Hears that the turn is cancelled.
    pub(crate) registered: Arc<Registered>,
}

impl Held {
    /// As a queue brought it.
    pub(crate) fn taken(message: &Message, envelope: Envelope, grant: Grant, permit: Option<Permit>) -> Self {
        let header = |name: &str| message.headers.get(name);
        Self {
            envelope,
            grant,
            permit,
            trace: header(HEADER_TRACEPARENT).cloned(),
            paused: header(HEADER_PAUSED).and_then(|attempt| attempt.parse().ok()),
            attempts: message.attempt(),
            waits: message.waits(),
            went_on: false,
            since: Instant::now(),
            deferred: None,
        }
    }
}

/// Who can go on with the next job.
pub(crate) struct Ahead {
    pub(crate) runner: Arc<Runner>,
    pub(crate) seat: Seat,
    pub(crate) permit: Option<Permit>,
}

impl Ahead {
    pub(crate) fn onward(self, envelope: Envelope, grant: Grant, trace: Option<String>) -> Box<Onward> {
        let Self { runner, seat, permit } = self;
        let (paused, attempts, waits, went_on) = (None, 0, 0, true);
        let (since, deferred) = (Instant::now(), None);
        let held = Held { envelope, grant, permit, trace, paused, attempts, waits, went_on, since, deferred };
        Box::new(Onward { runner, seat, held, producer: telemetry::trace::current_traceparent() })
    }
}

/// The next job, claimed with the outcome of the one before, or done under its claim.
pub(crate) struct Onward {
    pub(crate) runner: Arc<Runner>,
    pub(crate) seat: Seat,
    pub(crate) held: Held,
    /// Span of the run that led to it.
    pub(crate) producer: Option<String>,
}
