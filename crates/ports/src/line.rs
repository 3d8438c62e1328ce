//! Turns that wait for their business's share: one line for each business and lane, served from the front.

use crate::PortError;
use crate::store::{NewTurn, Offered, Turn};
use async_trait::async_trait;
use contracts::{BusinessId, Envelope, Lane, TurnId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// All that it takes to begin a turn: kept with one that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    /// Its first job.
    pub envelope: Envelope,
    /// What the client hears first, the events' JSON: the log's append 0 under fence 0.
    pub events: Vec<String>,
    /// Trace context of the request.
    #[serde(default)]
    pub traceparent: Option<String>,
}

/// The answer to a turn that asks to wait.
#[derive(Clone, Debug, PartialEq)]
pub enum Waits {
    /// It waits, at this place of its line.
    At(u64),
    /// Nothing was stored: the line is as long as it may be.
    Full,
    /// Nothing was stored: the key says what it stands for.
    Keyed(Offered),
}

/// A line that somebody waits in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Whose it is.
    pub business: BusinessId,
    /// The place of the turn that is next.
    pub head: u64,
    /// The place of the turn that came last.
    pub tail: u64,
}

impl Queued {
    /// How many wait, or a little more: whoever left the middle of the line is counted until it is reached.
    pub fn len(&self) -> u64 {
        (self.tail + 1).saturating_sub(self.head)
    }

    /// A line that is read always holds somebody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A turn whose time has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The turn.
    pub turn: TurnId,
    /// How it begins.
    pub beginning: Beginning,
}

/// The lines.
#[async_trait]
pub trait Line: Send + Sync {
    /// Stores a turn as `waiting` at the end of its line, when fewer than `most` wait there.
    async fn wait(&self, turn: &NewTurn, beginning: &Beginning, most: u32) -> Result<Waits, PortError>;
    /// The lines of a lane, by business.
    async fn lines(&self, lane: Lane) -> Result<Vec<Queued>, PortError>;
    /// How many turns of each business are in flight in a lane: neither waiting nor ended.
    async fn in_flight(&self, lane: Lane) -> Result<Vec<(BusinessId, u64)>, PortError>;
    /// Takes at most `most` turns from the front of a line. They stay in it, and are nobody else's for `lease`: whoever
    /// takes them begins them and calls `begun`, or dies, and then they are taken again.
    async fn take(
        &self,
        lane: Lane,
        business: &BusinessId,
        most: u32,
        lease: Duration,
    ) -> Result<Vec<Taken>, PortError>;
    /// Its first job is in the queue: it leaves the line, `waiting` → `accepted`. Does nothing to one that has left.
    async fn begun(&self, turn: &TurnId) -> Result<(), PortError>;
    /// Waiting turns that their users have asked to stop.
    async fn stopped(&self, limit: u32) -> Result<Vec<Turn>, PortError>;
}
