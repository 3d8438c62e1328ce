//! Lets in the turns that wait for their business's share: deficit round robin over businesses, as many as the windows
//! of the lanes have room for.
//!
//! Safe when two run: a turn is taken under a lease by one statement, begun, and only then leaves its line. Who dies in
//! between leaves it in line, and it is taken again when the lease is over; a second copy of its first job has the same
//! hop id and does nothing. Two that count at the same moment may let in a few more than the window.

mod begin;
mod lane;

use contracts::Lane;
use lane::LaneState;
use ports::{PortError, Ports};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use worker_kit::{Ending, end_turn};

const AT_A_TIME: u32 = 100;
const LEASE: Duration = Duration::from_secs(10);
/// While nobody waits a round is due after so many pauses.
const IDLE_PAUSES: u32 = 3;

/// How many turns of a lane may be in flight.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Of one business, whoever else is there.
    pub share: u64,
    /// Of all businesses.
    pub window: u64,
}

/// The dispatcher.
pub struct Dispatcher {
    /// Everything outside.
    pub ports: Ports,
    /// Names this start of the process.
    pub owner: String,
    /// The lanes, the one that goes first first.
    pub lanes: Vec<(Lane, Bounds)>,
    /// Turns that a business gets in its round; 1 where it is not named.
    pub weights: BTreeMap<String, u32>,
    /// Pause between two rounds while somebody waits.
    pub every: Duration,
}

impl Dispatcher {
    /// Lets turns in until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut lanes: Vec<LaneState> =
            self.lanes.iter().map(|(lane, bounds)| LaneState::new(*lane, *bounds)).collect();
        while !stop.is_cancelled() {
            let waiting = self.round(&mut lanes).await;
            let pause = if waiting { self.every } else { self.every * IDLE_PAUSES };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One round. True when somebody waits.
    async fn round(&self, lanes: &mut [LaneState]) -> bool {
        if let Err(error) = self.end_stopped().await {
            tracing::warn!(%error, "stopped turns are still in line: the next round tries again");
        }
        let mut waiting = false;
        for lane in lanes {
            match lane.serve(self).await {
                Ok(is_waiting) => waiting |= is_waiting,
                Err(error) => tracing::warn!(%error, "nobody was let in: the next round tries again"),
            }
        }
        waiting
    }

    /// Nobody works on a turn that waits, so nobody else would notice that its user has stopped it.
    async fn end_stopped(&self) -> Result<(), PortError> {
        for turn in self.ports.store.stopped(AT_A_TIME).await? {
            if let Some(grant) = self.ports.ledger.seize(&turn.id, &self.owner, LEASE).await? {
                end_turn(&self.ports, &turn, grant, Ending::cancelled()).await?;
            }
        }
        Ok(())
    }

    fn weight(&self, business: &str) -> u64 {
        self.weights.get(business).map_or(1, |weight| u64::from((*weight).max(1)))
    }
}
