//! Events between the log and the gateways.

use crate::TurnId;
use serde::{Deserialize, Serialize};

/// One event as the log keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedEvent {
    /// Dense from 0 within the turn, but for one bridge after a lost log.
    pub seq: u64,
    /// The event's JSON, without `sequence_number` and `response_id`.
    pub json: String,
}

impl LoggedEvent {
    /// The event as a client gets it: the stored JSON with its number and its response.
    pub fn to_client_json(&self, turn: &TurnId) -> String {
        let rest = self.json.strip_prefix('{').unwrap_or(&self.json);
        let comma = if rest.starts_with('}') { "" } else { "," };
        format!("{{\"sequence_number\":{},\"response_id\":\"{}\"{comma}{rest}", self.seq, turn)
    }
}

/// An event that is neither numbered nor logged, as a client gets it.
pub fn unnumbered_json(json: &str, turn: &TurnId) -> String {
    format!("{{\"response_id\":\"{turn}\",{}", json.strip_prefix('{').unwrap_or(json))
}

/// Consecutive events of one turn, as they travel to the gateways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Whose events.
    pub turn: TurnId,
    /// In order.
    pub events: Vec<LoggedEvent>,
}
