//! Publishing a job once more.

use contracts::{Envelope, TurnId};
use ports::Ports;
use worker_kit::publish_again;

/// The job that a turn waits for or is at. `None` when there is none, or it cannot be read now.
pub(crate) async fn awaited(ports: &Ports, turn: &TurnId) -> Option<Envelope> {
    match ports.ledger.awaited(turn).await {
        Ok(job) => job,
        Err(error) => {
            tracing::warn!(%turn, %error, "the job that a turn waits for cannot be read: it is tried again");
            None
        }
    }
}

/// False when it is to be tried again.
pub(crate) async fn publish(ports: &Ports, turn: &TurnId, job: &Envelope) -> bool {
    match publish_again(ports, job).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%turn, hop = %job.hop, %error, "a job is not published again: it is tried once more");
            false
        }
    }
}
