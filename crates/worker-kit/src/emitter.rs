use contracts::{Event, TurnId};
use ports::EventLog;
use ports::event_log::{Append, AppendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Waits between the tries to write the last events of a hop.
const LAST_TRIES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(900)];
/// Wait after a failed write in the middle of a hop.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Events that come within this are written together: a hop that is done sooner writes once.
const TOGETHER: Duration = Duration::from_millis(2);

/// When text that waits is sent.
#[derive(Clone, Copy, Debug)]
pub struct Flush {
    /// Text waits at most this long.
    pub after: Duration,
    /// Text of this many bytes waits no longer.
    pub bytes: usize,
}

/// Writes the events of one hop, in order, under its fence. Text deltas are joined; everything else goes at once.
pub struct Emitter {
    log: Arc<dyn EventLog>,
    turn: TurnId,
    fence: u64,
    flush: Flush,
    waiting: Mutex<Waiting>,
    written: tokio::sync::Mutex<Written>,
    wake: Notify,
    lost: CancellationToken,
}

#[derive(Default)]
struct Waiting {
    events: Vec<Event>,
    bytes: usize,
    urgent: bool,
    /// The first text of a message goes at once: it is what a person waits for.
    text_begun: bool,
}

struct Written {
    batch: u64,
    next_seq: u64,
    /// Sent, and not known to have arrived: sent again under the same number before anything else.
    in_flight: Option<Append>,
}

/// Where a hop's events ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The number that the next event gets.
    pub next_seq: u64,
    /// Appends so far.
    pub batches: u64,
}

impl Emitter {
    /// For one claim. No event gets a number below `floor`.
    pub fn new(log: Arc<dyn EventLog>, turn: TurnId, fence: u64, floor: u64, flush: Flush) -> Self {
        let written = Written { batch: 0, next_seq: floor, in_flight: None };
        Self {
            log,
            turn,
            fence,
            flush,
            waiting: Mutex::default(),
            written: tokio::sync::Mutex::new(written),
            wake: Notify::new(),
            lost: CancellationToken::new(),
        }
    }

    /// Queues an event.
    pub fn emit(&self, event: Event) {
        self.with_waiting(|waiting| waiting.push(event));
        self.wake.notify_one();
    }

    /// Fires when a newer claim has written: this run must stop.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Whether there was text among the events.
    pub fn has_said_text(&self) -> bool {
        self.with_waiting(|waiting| waiting.text_begun)
    }

    /// Writes events as they come, for ever. Runs beside the handler; dropping it loses nothing.
    pub async fn drive(&self) {
        loop {
            self.wake.notified().await;
            let now = self.with_waiting(|waiting| waiting.urgent || waiting.bytes >= self.flush.bytes);
            tokio::time::sleep(if now { TOGETHER } else { self.flush.after }).await;
            match self.write().await {
                Ok(()) => {}
                Err(AppendError::Stale | AppendError::Closed) => return self.lost.cancel(),
                Err(AppendError::Port(error)) => {
                    tracing::warn!(turn = %self.turn, %error, "events wait: the event log does not answer");
                    tokio::time::sleep(AFTER_FAILURE).await;
                    self.wake.notify_one();
                }
            }
        }
    }

    /// Writes what is left. When the log stays away the numbers are spent all the same, and clients get a snapshot.
    pub async fn finish(&self) -> Result<Emitted, AppendError> {
        for pause in LAST_TRIES {
            match self.write().await {
                Ok(()) => return Ok(self.emitted().await),
                Err(AppendError::Port(error)) => {
                    tracing::warn!(turn = %self.turn, %error, "the event log does not answer");
                    tokio::time::sleep(pause).await;
                }
                Err(late) => return Err(late),
            }
        }
        self.give_up().await;
        Ok(self.emitted().await)
    }

    async fn give_up(&self) {
        let mut written = self.written.lock().await;
        let unsent = written.in_flight.take().map_or(0, |append| append.events.len());
        let waiting = self.with_waiting(|waiting| std::mem::take(&mut waiting.events).len());
        written.batch += 1;
        written.next_seq += (unsent + waiting) as u64;
        tracing::error!(turn = %self.turn, lost = unsent + waiting, "events were lost: clients get a snapshot instead");
    }

    async fn emitted(&self) -> Emitted {
        let written = self.written.lock().await;
        Emitted { next_seq: written.next_seq, batches: written.batch }
    }

    async fn write(&self) -> Result<(), AppendError> {
        let mut written = self.written.lock().await;
        loop {
            if written.in_flight.is_none() {
                written.in_flight = self.next_append(&written);
            }
            let Some(append) = written.in_flight.clone() else { return Ok(()) };
            let position = self.log.append(append).await?;
            written.in_flight = None;
            written.batch += 1;
            written.next_seq = position.next_seq;
        }
    }

    fn next_append(&self, written: &Written) -> Option<Append> {
        let events = self.with_waiting(Waiting::take);
        let events: Vec<String> = events.iter().filter_map(|event| serde_json::to_string(event).ok()).collect();
        (!events.is_empty()).then(|| Append {
            turn: self.turn.clone(),
            fence: self.fence,
            batch: written.batch,
            floor: written.next_seq,
            events,
            closes: false,
        })
    }

    fn with_waiting<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Waiting {
    fn push(&mut self, event: Event) {
        let Event::TextDelta { delta, item_id, .. } = &event else {
            self.urgent = true;
            return self.events.push(event);
        };
        self.bytes += delta.len();
        self.urgent |= !self.text_begun;
        self.text_begun = true;
        if let Some(Event::TextDelta { delta: before, item_id: same, .. }) = self.events.last_mut()
            && same == item_id
        {
            return before.push_str(delta);
        }
        self.events.push(event);
    }

    fn take(&mut self) -> Vec<Event> {
        self.bytes = 0;
        self.urgent = false;
        std::mem::take(&mut self.events)
    }
}
