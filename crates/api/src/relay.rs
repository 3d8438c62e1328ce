//! Follows one response from a cursor to its end.
//!
//! It registers as a watcher first, then reads the log, then listens: so there is no hole between the two. What was
//! seen is dropped; a gap is repaired from the log; a hole that the log cannot fill is bridged by one snapshot from the
//! store. A client hears the end even when the event log is gone: then the store is asked.

use crate::auth::Caller;
use crate::in_line::InLine;
use crate::response_object;
use crate::shown;
use crate::snapshot;
use crate::state::ApiState;
use crate::submit::FIRST_EVENTS;
use contracts::{BusinessId, LoggedEvent, Role, TurnId};
use ports::PortError;
use ports::event_log::{Heard, Watch};
use ports::store::Turn;
use std::collections::VecDeque;
use std::time::Duration;

/// Events of one read.
const PAGE: usize = 256;
/// After so much silence the log and the store are asked.
const SILENCE: Duration = Duration::from_secs(5);
/// Pause before a log that failed is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// What a client is told.
pub enum News {
    /// An event of the log.
    Event(LoggedEvent),
    /// An event that is neither numbered nor logged: its JSON.
    Aside(String),
}

impl News {
    /// As the client gets it.
    pub fn to_client_json(&self, turn: &TurnId) -> String {
        match self {
            Self::Event(event) => event.to_client_json(turn),
            Self::Aside(json) => contracts::unnumbered_json(json, turn),
        }
    }
}

/// The events of one response, in order, up to its end.
pub struct Relay {
    state: ApiState,
    business: BusinessId,
    turn: TurnId,
    /// Who reads, in the turn's business.
    role: Option<Role>,
    /// The number of the next event for the client.
    next: u64,
    watch: Option<Box<dyn Watch>>,
    /// Dense from `next` on.
    waiting: VecDeque<LoggedEvent>,
    /// Where it stands in line, as long as no worker has begun it.
    in_line: InLine,
    aside: Option<String>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Become a watcher.
    Register,
    /// Read the log.
    Read,
    /// Wait for news.
    Listen,
    /// The terminal event was given out, or waits as the last one.
    Ended,
}

impl Relay {
    /// Follows a turn on from the event after `starting_after`; `None` is from the start.
    pub fn new(
        state: &ApiState,
        reader: &Caller,
        business: BusinessId,
        turn: TurnId,
        starting_after: Option<u64>,
    ) -> Self {
        let role = reader.act_in(Some(business.as_str())).ok().map(|actor| actor.role);
        let next = starting_after.map_or(0, |last| last.saturating_add(1));
        let in_line = InLine::new(state, business.clone(), turn.clone());
        let (state, waiting) = (state.clone(), VecDeque::new());
        Self { state, business, turn, role, next, watch: None, waiting, in_line, aside: None, stage: Stage::Register }
    }

    /// Whose events these are.
    pub fn turn(&self) -> &TurnId {
        &self.turn
    }

    /// The next event. `None` after the terminal one, and when the process stops.
    pub async fn next(&mut self) -> Option<News> {
        let shutdown = self.state.shutdown.clone();
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.next = event.seq.saturating_add(1);
                return Some(News::Event(shown::to(&self.state.sight, self.role, event)));
            }
            if let Some(json) = self.aside.take() {
                return Some(News::Aside(json));
            }
            if self.stage == Stage::Ended {
                return None;
            }
            tokio::select! {
                () = shutdown.cancelled() => return None,
                () = self.advance() => {}
            }
        }
    }

    /// Every event up to the end; gives the terminal one. `None` when the process stops.
    pub async fn last(&mut self) -> Option<LoggedEvent> {
        while let Some(news) = self.next().await {
            let News::Event(event) = news else { continue };
            if snapshot::is_terminal(&event.json) {
                return Some(event);
            }
        }
        None
    }

    async fn advance(&mut self) {
        match self.stage {
            Stage::Register => self.register().await,
            Stage::Read => self.read().await,
            Stage::Listen => self.listen().await,
            Stage::Ended => {}
        }
    }

    async fn register(&mut self) {
        match self.state.ports.events.watch(&self.turn).await {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => {
                tracing::debug!(turn = %self.turn, %error, "a response cannot be watched; it is read instead")
            }
        }
        self.stage = Stage::Read;
    }

    async fn read(&mut self) {
        match self.state.ports.events.read(&self.turn, self.next, PAGE).await {
            Ok(events) if events.is_empty() => self.consult_store().await,
            Ok(events) => {
                self.stage = if events.len() < PAGE { Stage::Listen } else { Stage::Read };
                self.take(events).await;
            }
            Err(error) => {
                tracing::debug!(turn = %self.turn, %error, "the event log cannot be read");
                self.consult_store().await;
                self.pause(PAUSE).await;
            }
        }
    }

    async fn listen(&mut self) {
        let Some(watch) = &mut self.watch else { return self.pause(PAUSE).await };
        let heard = tokio::select! {
            heard = tokio::time::timeout(SILENCE, watch.next()) => heard,
            json = self.in_line.moved(), if self.next <= FIRST_EVENTS => {
                self.aside = Some(json);
                return;
            }
        };
        match heard {
            Ok(Some(Heard::Frame(frame))) => self.heard(frame.events).await,
            Ok(Some(Heard::Missed)) | Err(_) => self.stage = Stage::Read,
            Ok(None) => {
                self.watch = None;
                self.pause(PAUSE).await;
            }
        }
    }

    /// Waits, and starts again from the log; as a watcher again, when it is none.
    async fn pause(&mut self, pause: Duration) {
        if self.stage == Stage::Ended {
            return;
        }
        tokio::time::sleep(pause).await;
        self.stage = if self.watch.is_some() { Stage::Read } else { Stage::Register };
    }

    /// News: what was seen is dropped, and what does not follow on is looked up in the log.
    async fn heard(&mut self, events: Vec<LoggedEvent>) {
        let fresh: Vec<LoggedEvent> = events.into_iter().filter_map(|event| self.not_seen(event)).collect();
        let Some(first) = fresh.first() else { return };
        if first.seq == self.next {
            return self.take(fresh).await;
        }
        match self.state.ports.events.read(&self.turn, self.next, PAGE).await {
            Ok(events) if events.is_empty() => self.take(fresh).await,
            Ok(events) => {
                self.stage = Stage::Read;
                self.take(events).await;
            }
            Err(_) => self.pause(PAUSE).await,
        }
    }

    /// The end is never seen before: when a log that was lost numbers it below the cursor, it still ends the response.
    fn not_seen(&self, event: LoggedEvent) -> Option<LoggedEvent> {
        if event.seq >= self.next {
            return Some(event);
        }
        snapshot::is_terminal(&event.json).then_some(LoggedEvent { seq: self.next, ..event })
    }

    /// Events in order, the first of them at `next` or, when what lies between is lost, beyond.
    async fn take(&mut self, events: Vec<LoggedEvent>) {
        if events.first().is_some_and(|first| first.seq > self.next) && !self.bridge(&events).await {
            return;
        }
        for event in events {
            let ends = snapshot::is_terminal(&event.json);
            self.waiting.push_back(event);
            if ends {
                self.stage = Stage::Ended;
                return;
            }
        }
    }

    /// Puts one snapshot before events that do not follow on. False when that ended the response, or has to wait.
    async fn bridge(&mut self, events: &[LoggedEvent]) -> bool {
        let turn = match self.stored().await {
            Ok(Some(turn)) => turn,
            Ok(None) => return self.vanished(),
            Err(_) => {
                self.pause(PAUSE).await;
                return false;
            }
        };
        if self.end_from(&turn) {
            return false;
        }
        let first = events.first().map_or(self.next, |event| event.seq);
        self.waiting.extend(snapshot::in_progress(&turn, first.saturating_sub(1)));
        true
    }

    /// The log has nothing beyond the cursor. It may be lost, or the end may not be written yet: the store knows.
    async fn consult_store(&mut self) {
        self.stage = Stage::Listen;
        match self.stored().await {
            Ok(Some(turn)) => self.end_after_log(&turn).await,
            Ok(None) => {
                self.vanished();
            }
            Err(error) => {
                tracing::debug!(turn = %self.turn, %error, "the store cannot be asked either")
            }
        }
    }

    /// What a worker wrote before it stored the end may have come into the log since that was read.
    async fn end_after_log(&mut self, turn: &Turn) {
        if response_object::last_event(turn).is_none() {
            return;
        }
        match self.state.ports.events.read(&self.turn, self.next, PAGE).await {
            Ok(events) if events.is_empty() => {
                self.end_from(turn);
            }
            Ok(events) => {
                self.stage = Stage::Read;
                self.take(events).await;
            }
            Err(error) => {
                tracing::debug!(turn = %self.turn, %error, "the event log cannot be read: the end is told from the store");
                self.end_from(turn);
            }
        }
    }

    async fn stored(&mut self) -> Result<Option<Turn>, PortError> {
        self.state.ports.store.turn(&self.business, &self.turn).await
    }

    /// True when the turn has ended: then its terminal event is built from history.
    fn end_from(&mut self, turn: &Turn) -> bool {
        let Some(end) = response_object::last_event(turn) else { return false };
        self.waiting.extend(snapshot::numbered(&end, turn.next_seq.max(self.next)));
        self.stage = Stage::Ended;
        true
    }

    /// The turn is stored no more, so nobody will end it.
    fn vanished(&mut self) -> bool {
        tracing::error!(turn = %self.turn, "a response that is being followed is not in the store");
        self.waiting.extend(snapshot::gone(&self.turn, self.next));
        self.stage = Stage::Ended;
        false
    }
}
