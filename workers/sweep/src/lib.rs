//! Ends what is overdue, publishes what a crash left unpublished, what nobody took up after one and what the broker has
//! lost, brings dead jobs to the desk, and says how full the queues are. Of several sweepers one leads, so that the load does not grow with them; that two do no harm is because
//! every write is fenced.

mod again;
mod dead;
mod expired;
mod leader;
mod lost;
mod retention;
mod signals;

use expired::Republished;
use leader::Leader;
use lost::Lost;
use ports::broker::Queue;
use ports::{PortError, Ports};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use worker_kit::{Ending, end_turn, mark_published, publish_outcome};

const AT_A_TIME: u32 = 100;
/// A worker publishes its own outcome within this; later it is taken for dead.
const UNPUBLISHED_AFTER: Duration = Duration::from_secs(5);
/// A worker that notices the deadline itself gets this long to say so.
const OVERDUE_AFTER_MS: i64 = 2_000;
const LEASE: Duration = Duration::from_secs(10);

/// The sweeper.
pub struct Sweeper {
    /// Everything outside.
    pub ports: Ports,
    /// Names this start of the process.
    pub owner: String,
    /// Pause between two rounds.
    pub every: Duration,
    /// The queues of the installation.
    pub queues: Vec<Queue>,
    /// Results of turns that ended longer ago are deleted; `None` keeps them.
    pub keep: Option<Duration>,
    /// A job that nobody holds for so long, and that is in no queue, is published again; `None` publishes none.
    pub lost_after: Option<Duration>,
}

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Turns ended.
    pub ended: usize,
    /// Outcomes published.
    pub published: usize,
    /// Dead jobs brought to the desk.
    pub dead: usize,
    /// Approvals whose time was up.
    pub expired: u64,
}

impl Sweeper {
    /// Sweeps until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut leader = Leader::new(self);
        let mut republished = Republished::default();
        let mut lost = self.lost_after.map(Lost::new);
        while !stop.is_cancelled() {
            if leader.leads().await {
                leader.measure().await;
                leader.forget_old().await;
                republished.look(&self.ports).await;
                if let Some(lost) = &mut lost {
                    lost.look(&self.ports).await;
                }
                self.sweep().await;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(self.every) => {}
            }
        }
        leader.resign().await;
    }

    async fn sweep(&self) {
        match self.round().await {
            Ok(swept) if swept == Swept::default() => {}
            Ok(Swept { ended, published, dead, expired }) => {
                tracing::info!(ended, published, dead, expired, "swept");
            }
            Err(error) => tracing::warn!(%error, "a round of the sweeper failed: the next one tries again"),
        }
    }

    /// One round.
    pub async fn round(&self) -> Result<Swept, PortError> {
        let published = self.publish_left_over().await?;
        let dead = dead::collect(&self.ports, &self.owner, &self.queues).await;
        let ended = self.end_overdue().await?;
        let expired = self.ports.store.expire_approvals(self.ports.clock.now_ms(), AT_A_TIME).await?;
        Ok(Swept { ended, published, dead, expired })
    }

    /// A store that can be read and takes no mark gets no more of them in this round: everything would be published again
    /// in each.
    async fn publish_left_over(&self) -> Result<usize, PortError> {
        let outcomes = self.ports.ledger.unpublished(UNPUBLISHED_AFTER, AT_A_TIME).await?;
        let mut published = 0;
        for outcome in &outcomes {
            if let Err(error) = publish_outcome(&self.ports, outcome).await {
                tracing::warn!(hop = %outcome.hop, %error, "an outcome is still unpublished");
                continue;
            }
            if let Err(error) = mark_published(&self.ports, outcome).await {
                tracing::warn!(hop = %outcome.hop, %error, "an outcome is published and not marked: it is published again");
                break;
            }
            published += 1;
        }
        Ok(published)
    }

    async fn end_overdue(&self) -> Result<usize, PortError> {
        let before = self.ports.clock.now_ms() - OVERDUE_AFTER_MS;
        let mut ended = 0;
        for turn in self.ports.store.overdue(before, AT_A_TIME).await? {
            let Some(grant) = self.ports.ledger.seize(&turn.id, &self.owner, LEASE).await? else { continue };
            let ending = if turn.cancel_requested { Ending::cancelled() } else { Ending::out_of_time() };
            ended += usize::from(end_turn(&self.ports, &turn, grant, ending).await?);
        }
        Ok(ended)
    }
}
