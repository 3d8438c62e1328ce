//! The numbered events of each response, and who listens to them.
//!
//! The log alone numbers events, so numbers are dense by construction. A writer shows its fence; the log refuses one
//! that is older than the newest it has seen for the turn.

use crate::PortError;
use async_trait::async_trait;
use contracts::{Frame, LoggedEvent, TurnId};

/// Events to append.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// Whose events.
    pub turn: TurnId,
    /// The writer's fence; 0 for the API, before any claim.
    pub fence: u64,
    /// Number of this append under the fence, from 0. A repeated one is skipped: the caller may try again after an
    /// unknown result.
    pub batch: u64,
    /// No event gets a lower number than this, even when the log was lost.
    pub floor: u64,
    /// The events' JSON, in order. At least one.
    pub events: Vec<String>,
    /// True when the last of them ends the response. The log takes no more after it. An open log takes it whatever fence
    /// has written: only an end that is stored makes one, and a turn has at most one.
    pub closes: bool,
}

/// Where a log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The number that the next event gets.
    pub next_seq: u64,
    /// True when the response has ended.
    pub closed: bool,
}

/// Why events were not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A newer fence has written: this writer is late and must stop.
    #[error("a newer claim of the turn has written events")]
    Stale,
    /// The response has ended.
    #[error("the response has ended")]
    Closed,
    /// Anything else.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What a watcher hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// New events. May repeat or skip: compare the numbers, and read the log for what is missing.
    Frame(Frame),
    /// Something may have been missed (a reconnect, a full buffer): read the log.
    Missed,
}

/// Live events of one response. Dropping it ends the watch.
#[async_trait]
pub trait Watch: Send {
    /// The next thing heard; `None` when the log shuts down.
    async fn next(&mut self) -> Option<Heard>;
}

/// The event log.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Appends, numbers and announces events. Returns where the log stands after it.
    async fn append(&self, append: Append) -> Result<Position, AppendError>;
    /// Where the log stands; `None` when it holds nothing of the turn.
    async fn position(&self, turn: &TurnId) -> Result<Option<Position>, PortError>;
    /// The events from number `from` on, at most `limit`. Empty when there are none.
    async fn read(&self, turn: &TurnId, from: u64, limit: usize) -> Result<Vec<LoggedEvent>, PortError>;
    /// Starts listening. Everything appended after this returns is heard, or `Missed` is. Register first, then read.
    async fn watch(&self, turn: &TurnId) -> Result<Box<dyn Watch>, PortError>;
    /// Fails unless the log answers.
    async fn ping(&self) -> Result<(), PortError>;
}
