//! Where a question stands that waits for its turn, told to whoever follows it.

use crate::state::ApiState;
use contracts::{BusinessId, Event, Lane, TurnId};
use domain::fair::{Rank, rank};
use ports::PortError;
use std::time::Duration;
use tokio::time::Instant;

/// A response that is silent for so long after its first events may be waiting. The others pay nothing.
const SILENT: Duration = Duration::from_millis(300);
/// Between two positions.
const EVERY: Duration = Duration::from_secs(1);

/// Looks where one turn stands.
pub struct InLine {
    state: ApiState,
    business: BusinessId,
    turn: TurnId,
    due: Option<Instant>,
    place: Option<(Lane, u64)>,
    told: Option<u64>,
    has_left: bool,
}

impl InLine {
    pub fn new(state: &ApiState, business: BusinessId, turn: TurnId) -> Self {
        let state = state.clone();
        Self { state, business, turn, due: None, place: None, told: None, has_left: false }
    }

    /// Waits until the turn stands somewhere else than was told; gives the event's JSON. Never returns once it has left
    /// the line.
    pub async fn moved(&mut self) -> String {
        loop {
            if self.has_left {
                return std::future::pending().await;
            }
            let due = *self.due.get_or_insert_with(|| Instant::now() + SILENT);
            tokio::time::sleep_until(due).await;
            self.due = Some(Instant::now() + EVERY);
            match self.look().await {
                Ok(event) => {
                    if let Some(json) = event.and_then(|event| self.news(&event)) {
                        return json;
                    }
                }
                Err(error) => tracing::debug!(turn = %self.turn, %error, "the line cannot be looked at"),
            }
        }
    }

    /// The position, while it has one.
    async fn look(&mut self) -> Result<Option<Event>, PortError> {
        let ports = &self.state.ports;
        if self.place.is_none() {
            let turn = ports.store.turn(&self.business, &self.turn).await?;
            self.place = turn.and_then(|turn| Some((turn.lane, turn.place?)));
        }
        let Some((lane, place)) = self.place else {
            self.has_left = true;
            return Ok(None);
        };
        let look = self.state.lines.of(lane, &*ports.store, &*ports.clock).await?;
        let own = look.lines.iter().find(|line| line.business == self.business);
        let Some(before) = own.and_then(|own| place.checked_sub(own.head)) else {
            // Before the next one in line, or of no line: it was let in. A line that is older than the turn says so too.
            self.place = None;
            return Ok(None);
        };
        let weights = &self.state.admission.weights;
        let weight = |business: &BusinessId| u64::from(weights.get(business.as_str()).copied().unwrap_or(1));
        let lines: Vec<Rank<'_>> = look
            .lines
            .iter()
            .map(|line| Rank { business: line.business.as_str(), waiting: line.len(), weight: weight(&line.business) })
            .collect();
        let position = rank(&lines, self.business.as_str(), before);
        Ok(Some(Event::QueuePosition { position, estimated_wait_ms: look.wait_ms(position) }))
    }

    fn news(&mut self, event: &Event) -> Option<String> {
        let Event::QueuePosition { position, .. } = event else { return None };
        if self.told == Some(*position) {
            return None;
        }
        self.told = Some(*position);
        serde_json::to_string(event)
            .inspect_err(|error| tracing::error!(%error, "an event could not be written as JSON"))
            .ok()
    }
}
