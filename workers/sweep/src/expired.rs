//! Jobs that a dead worker left claimed, and that nobody took up.

use crate::again;
use contracts::TurnId;
use ports::Ports;
use std::collections::HashSet;
use std::time::Duration;

const AT_A_TIME: u32 = 100;
/// A broker hands out anew what a dead worker held, or keeps it on the retry ladder for a while. Later it may be lost.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(10);

/// Claims whose jobs were published again, by turn and fence: once is enough, however long the queue is.
#[derive(Default)]
pub(crate) struct Republished(HashSet<(TurnId, u64)>);

impl Republished {
    /// Publishes again what expired claims are about.
    pub(crate) async fn look(&mut self, ports: &Ports) {
        let expired = match ports.ledger.expired(TAKEN_UP_WITHIN, AT_A_TIME).await {
            Ok(expired) => expired,
            Err(error) => return tracing::warn!(%error, "claims that have expired are not looked at"),
        };
        self.0.retain(|one| expired.contains(one));
        for (turn, fence) in expired {
            if !self.0.contains(&(turn.clone(), fence)) && publish(ports, &turn).await {
                self.0.insert((turn, fence));
            }
        }
    }
}

/// False when it is to be tried again.
async fn publish(ports: &Ports, turn: &TurnId) -> bool {
    let Some(job) = again::awaited(ports, turn).await else { return false };
    let is_published = again::publish(ports, turn, &job).await;
    if is_published {
        tracing::warn!(%turn, hop = %job.hop, "a claim has expired and nobody took the job up: it is published again");
    }
    is_published
}
