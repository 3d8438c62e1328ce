//! Jobs that a dead worker left claimed, and that nobody took up.

use contracts::TurnId;
use ports::Ports;
use std::collections::HashSet;
use std::time::Duration;
use worker_kit::publish_again;

const AT_A_TIME: u32 = 100;
/// A broker hands out anew what a dead worker held, or keeps it on the retry ladder for a while. Later it may be lost.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(10);

/// Claims whose jobs were published again, by turn and fence: once is enough, however long the queue is.
#[derive(Default)]
pub(crate) struct Republished(HashSet<(TurnId, u64)>);

impl Republished {
    /// Publishes again what expired claims are about. The first job of a turn has no step before it that remembers it:
    /// it is the broker's alone.
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
    let job = match ports.ledger.unfinished(turn).await {
        Ok(Some(job)) => job,
        Ok(None) => return true,
        Err(error) => {
            tracing::warn!(%turn, %error, "the job of an expired claim cannot be read");
            return false;
        }
    };
    match publish_again(ports, &job).await {
        Ok(()) => {
            tracing::warn!(%turn, hop = %job.hop, "a claim has expired and nobody took the job up: it is published again");
            true
        }
        Err(error) => {
            tracing::warn!(%turn, %error, "the job of an expired claim cannot be published");
            false
        }
    }
}
