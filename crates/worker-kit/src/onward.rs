//! Jobs under their claims, whether a queue brought them or a run that went on.

use crate::Runner;
use crate::crew::Seat;
use contracts::Envelope;
use ports::broker::{HEADER_PAUSED, HEADER_TRACEPARENT, Message};
use ports::ledger::{Claim, Grant};
use ports::limiter::Permit;
use std::sync::Arc;

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
        }
    }
}

/// Who could go on with the next job, and the claim to ask for.
pub(crate) struct Ahead {
    pub(crate) runner: Arc<Runner>,
    pub(crate) seat: Seat,
    pub(crate) permit: Option<Permit>,
    pub(crate) claim: Claim,
}

impl Ahead {
    pub(crate) fn onward(self, envelope: Envelope, grant: Grant, trace: Option<String>) -> Box<Onward> {
        let Self { runner, seat, permit, .. } = self;
        let held = Held { envelope, grant, permit, trace, paused: None, attempts: 0, waits: 0, went_on: true };
        Box::new(Onward { runner, seat, held, producer: telemetry::trace::current_traceparent() })
    }
}

/// The next job, claimed with the outcome of the one before.
pub(crate) struct Onward {
    pub(crate) runner: Arc<Runner>,
    pub(crate) seat: Seat,
    pub(crate) held: Held,
    /// Span of the run that led to it.
    pub(crate) producer: Option<String>,
}
