use contracts::{Event, TurnId};
use ports::EventLog;
use ports::event_log::{Append, AppendError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Waits between the tries to write the last events of a hop.
const LAST_TRIES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(900)];
/// Wait after a failed write in the middle of a hop.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// The first text of an answer waits no longer than this, so that it takes along what comes with it.
const FIRST_TEXT: Duration = Duration::from_millis(2);

/// When events that wait are sent.
#[derive(Clone, Copy, Debug)]
pub struct Flush {
    /// An event waits at most this long: a hop that is done sooner writes once.
    pub after: Duration,
    /// Text of this many bytes waits no longer.
    pub bytes: usize,
}

/// Writes the events of the runs under one claim, in order, under its fence. What comes within a moment is written
/// together, and text deltas are joined.
pub struct Emitter {
    log: Arc<dyn EventLog>,
    turn: TurnId,
    fence: u64,
    flush: Flush,
    waiting: Mutex<Waiting>,
    written: tokio::sync::Mutex<Written>,
    /// There is something to write, it is due sooner than it was, or the handler has ended.
    wake: Notify,
    resting: AtomicBool,
    lost: CancellationToken,
}

#[derive(Default)]
struct Waiting {
    events: Vec<Event>,
    bytes: usize,
    /// The first text of a message is among them: it is what a person waits for.
    first_text: bool,
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
            resting: AtomicBool::new(false),
            lost: CancellationToken::new(),
        }
    }

    /// Queues an event.
    pub fn emit(&self, event: Event) {
        if self.with_waiting(|waiting| waiting.push(event, self.flush)) {
            self.wake.notify_one();
        }
    }

    /// Fires when a newer claim has written: this run must stop.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Whether there was text among the events.
    pub fn has_said_text(&self) -> bool {
        self.with_waiting(|waiting| waiting.text_begun)
    }

    /// Writes events as they come, until `rest`. Runs beside the handler; dropping it loses nothing.
    pub async fn drive(&self) {
        while !self.is_resting() {
            self.wake.notified().await;
            self.gather().await;
            if self.is_resting() {
                return;
            }
            match self.write().await {
                Ok(()) => {}
                Err(AppendError::Stale | AppendError::Closed) => return self.lost.cancel(),
                Err(AppendError::Port(error)) => {
                    tracing::warn!(turn = %self.turn, %error, "events wait: the event log does not answer");
                    self.pause(AFTER_FAILURE).await;
                    self.wake.notify_one();
                }
            }
        }
    }

    /// Lets `drive` end once what it is writing is written, so that it need not be sent again. The rest is for `finish`.
    pub fn rest(&self) {
        self.resting.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Lets another run drive it, which writes what the one before left.
    pub(crate) fn resume(&self) {
        self.resting.store(false, Ordering::Release);
        self.wake.notify_one();
    }

    fn is_resting(&self) -> bool {
        self.resting.load(Ordering::Acquire)
    }

    /// Waits until what waits is due.
    async fn gather(&self) {
        let begun = Instant::now();
        loop {
            let due = begun + self.with_waiting(|waiting| waiting.patience(self.flush));
            tokio::select! {
                () = tokio::time::sleep_until(due) => return,
                () = self.wake.notified() => {}
            }
            if self.is_resting() {
                return;
            }
        }
    }

    async fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.is_resting() {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                () = self.wake.notified() => {}
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
    /// True when somebody has to look: it is the first that waits, or what waits is due sooner now.
    fn push(&mut self, event: Event, flush: Flush) -> bool {
        let before = (!self.events.is_empty()).then(|| self.patience(flush));
        self.add(event);
        before.is_none_or(|before| self.patience(flush) < before)
    }

    fn add(&mut self, event: Event) {
        let Event::TextDelta { delta, item_id, .. } = &event else {
            return self.events.push(event);
        };
        self.bytes += delta.len();
        self.first_text |= !self.text_begun;
        self.text_begun = true;
        if let Some(Event::TextDelta { delta: before, item_id: same, .. }) = self.events.last_mut()
            && same == item_id
        {
            return before.push_str(delta);
        }
        self.events.push(event);
    }

    /// How long they may wait from the first of them on.
    fn patience(&self, flush: Flush) -> Duration {
        if self.first_text || self.bytes >= flush.bytes { FIRST_TEXT.min(flush.after) } else { flush.after }
    }

    fn take(&mut self) -> Vec<Event> {
        self.bytes = 0;
        self.first_text = false;
        std::mem::take(&mut self.events)
    }
}
