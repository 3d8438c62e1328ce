use super::{Effects, down};
use async_trait::async_trait;
use contracts::{Event, Frame, LoggedEvent, TurnId};
use ports::PortError;
use ports::event_log::{Append, AppendError, EventLog, Heard, Position, Watch};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, mpsc};

#[derive(Default)]
struct Log {
    events: Vec<LoggedEvent>,
    next_seq: u64,
    watchers: Vec<mpsc::UnboundedSender<Heard>>,
    /// They are there from the second read on that finds nothing.
    late: Vec<LoggedEvent>,
}

/// An event log that can be broken.
#[derive(Default)]
pub struct FakeLog {
    effects: Effects,
    down: AtomicBool,
    mute: AtomicBool,
    logs: Mutex<HashMap<TurnId, Log>>,
    watched: Arc<Notify>,
}

impl FakeLog {
    pub fn new(effects: Effects) -> Self {
        Self { effects, ..Self::default() }
    }

    /// Nothing answers any more.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// What is appended is not announced.
    pub fn set_mute(&self, mute: bool) {
        self.mute.store(mute, Ordering::SeqCst);
    }

    /// Everything of a turn is lost.
    pub fn lose(&self, turn: &str) {
        if let Some(log) = self.logs.lock().unwrap().get_mut(&turn.into()) {
            log.events.clear();
            log.next_seq = 0;
        }
    }

    /// A worker emits events, none below `floor`.
    pub fn emit(&self, turn: &str, floor: u64, events: &[Event]) {
        let json = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        self.push(&turn.into(), floor, json);
    }

    /// Events come into the log just after it was read and found empty.
    pub fn come_late(&self, turn: &str, first: u64, events: &[Event]) {
        let json = events.iter().map(|event| serde_json::to_string(event).unwrap());
        let late = (first..).zip(json).map(|(seq, json)| LoggedEvent { seq, json }).collect();
        self.logs.lock().unwrap().entry(turn.into()).or_default().late = late;
    }

    /// What watchers hear, whatever the log holds.
    pub fn announce(&self, turn: &str, heard: Heard) {
        let mut logs = self.logs.lock().unwrap();
        logs.entry(turn.into()).or_default().watchers.retain(|watcher| watcher.send(heard.clone()).is_ok());
    }

    /// The numbers and types in the log.
    pub fn types(&self, turn: &str) -> Vec<(u64, String)> {
        let logs = self.logs.lock().unwrap();
        let kind =
            |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap()["type"].as_str().unwrap().to_owned();
        logs.get(&turn.into()).map_or(Vec::new(), |log| log.events.iter().map(|e| (e.seq, kind(&e.json))).collect())
    }

    /// Waits until somebody watches.
    pub async fn watched(&self) {
        self.watched.notified().await;
    }

    fn push(&self, turn: &TurnId, floor: u64, json: Vec<String>) -> Position {
        let mut logs = self.logs.lock().unwrap();
        let log = logs.entry(turn.clone()).or_default();
        let first = log.next_seq.max(floor);
        let events: Vec<_> = (first..).zip(json).map(|(seq, json)| LoggedEvent { seq, json }).collect();
        log.next_seq = first + events.len() as u64;
        log.events.extend(events.iter().cloned());
        if !self.mute.load(Ordering::SeqCst) {
            let frame = Heard::Frame(Frame { turn: turn.clone(), events });
            log.watchers.retain(|watcher| watcher.send(frame.clone()).is_ok());
        }
        Position { next_seq: log.next_seq, closed: false }
    }

    fn alive(&self) -> Result<(), PortError> {
        if self.down.load(Ordering::SeqCst) { Err(down("redis")) } else { Ok(()) }
    }
}

struct Channel(mpsc::UnboundedReceiver<Heard>);

#[async_trait]
impl Watch for Channel {
    async fn next(&mut self) -> Option<Heard> {
        self.0.recv().await
    }
}

#[async_trait]
impl EventLog for FakeLog {
    async fn append(&self, append: Append) -> Result<Position, AppendError> {
        self.alive()?;
        assert_eq!((append.fence, append.closes), (0, false), "the API holds no fence and ends nothing");
        self.effects.note("log");
        if self.logs.lock().unwrap().get(&append.turn).is_some_and(|log| log.next_seq > 0) {
            return Ok(Position { next_seq: 2, closed: false });
        }
        Ok(self.push(&append.turn, append.floor, append.events))
    }

    async fn position(&self, turn: &TurnId) -> Result<Option<Position>, PortError> {
        self.alive()?;
        let logs = self.logs.lock().unwrap();
        Ok(logs.get(turn).map(|log| Position { next_seq: log.next_seq, closed: false }))
    }

    async fn read(&self, turn: &TurnId, from: u64, limit: usize) -> Result<Vec<LoggedEvent>, PortError> {
        self.alive()?;
        let mut logs = self.logs.lock().unwrap();
        let Some(log) = logs.get_mut(turn) else { return Ok(Vec::new()) };
        let found: Vec<_> = log.events.iter().filter(|event| event.seq >= from).take(limit).cloned().collect();
        if found.is_empty() {
            log.events.append(&mut log.late);
        }
        Ok(found)
    }

    async fn watch(&self, turn: &TurnId) -> Result<Box<dyn Watch>, PortError> {
        self.alive()?;
        let (sender, receiver) = mpsc::unbounded_channel();
        self.logs.lock().unwrap().entry(turn.clone()).or_default().watchers.push(sender);
        self.watched.notify_one();
        Ok(Box::new(Channel(receiver)))
    }

    async fn ping(&self) -> Result<(), PortError> {
        self.alive()
    }
}
