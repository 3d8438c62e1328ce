//! Tells the server which turns somebody listens to in this process. One task, so that coming and going reach the
//! server in order.

use crate::keys::Keys;
use crate::link::Link;
use crate::watchers::Watchers;
use contracts::TurnId;
use ports::PortError;
use redis::Pipeline;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::{Notify, oneshot};

/// A turn that somebody begins to listen to.
pub(crate) struct Register {
    /// The turn.
    pub turn: TurnId,
    /// Answered when the server knows.
    pub done: oneshot::Sender<Result<(), PortError>>,
}

/// Registrations that wait for the task.
pub(crate) const WAITING: usize = 1_024;
const AT_ONCE: usize = 256;
const RETRY: Duration = Duration::from_millis(500);

pub(crate) struct Interest {
    /// For commands.
    pub link: Link,
    /// Names.
    pub keys: Keys,
    /// Who listens here.
    pub watchers: Arc<Watchers>,
    /// How long the server keeps what it is told.
    pub retention: Duration,
}

impl Interest {
    /// Runs until the bus is dropped.
    pub(crate) async fn run(
        self,
        mut coming: mpsc::Receiver<Register>,
        mut going: UnboundedReceiver<TurnId>,
        reset: Arc<Notify>,
    ) {
        let mut came = Vec::new();
        let mut went = Vec::new();
        let mut renew = tokio::time::interval(self.retention / 3);
        renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                received = coming.recv_many(&mut came, AT_ONCE) => {
                    if received == 0 {
                        return;
                    }
                    self.register(std::mem::take(&mut came)).await;
                }
                _ = going.recv_many(&mut went, AT_ONCE) => self.forget(std::mem::take(&mut went)).await,
                () = reset.notified() => {
                    if self.renew().await {
                        self.watchers.missed();
                    } else {
                        tokio::time::sleep(RETRY).await;
                        reset.notify_one();
                    }
                }
                _ = renew.tick() => {
                    self.renew().await;
                }
            }
        }
    }

    async fn register(&self, came: Vec<Register>) {
        let turns = came.iter().map(|register| &register.turn);
        let outcome = self.link.send("watch", &self.registration(turns)).await;
        for register in came {
            let answer = outcome.as_ref().map_err(again).copied();
            register.done.send(answer).ok();
        }
    }

    async fn forget(&self, went: Vec<TurnId>) {
        let mut commands = redis::pipe();
        for turn in went.iter().filter(|turn| !self.watchers.is_watched(turn)) {
            commands.cmd("SREM").arg(self.keys.nodes(turn)).arg(&self.keys.node).ignore();
        }
        self.try_send("end a watch", &commands).await;
    }

    /// Registers every turn again. False when the server could not be told.
    async fn renew(&self) -> bool {
        for turns in self.watchers.turns().chunks(AT_ONCE) {
            if !self.try_send("renew the watches", &self.registration(turns.iter())).await {
                return false;
            }
        }
        true
    }

    fn registration<'a>(&self, turns: impl Iterator<Item = &'a TurnId>) -> Pipeline {
        let mut commands = redis::pipe();
        let ttl_ms = u64::try_from(self.retention.as_millis()).unwrap_or(u64::MAX);
        for turn in turns {
            let key = self.keys.nodes(turn);
            commands.cmd("SADD").arg(&key).arg(&self.keys.node).ignore();
            commands.cmd("PEXPIRE").arg(&key).arg(ttl_ms).ignore();
        }
        commands
    }

    async fn try_send(&self, step: &'static str, commands: &Pipeline) -> bool {
        if commands.is_empty() {
            return true;
        }
        let outcome = self.link.send(step, commands).await;
        outcome.inspect_err(|error| tracing::debug!(%error, "the server was not told")).is_ok()
    }
}

fn again(error: &PortError) -> PortError {
    PortError::unavailable(crate::error::SYSTEM, "watch", error.to_string())
}
