//! The small ports, and those that the API must leave alone.

use super::Effects;
use async_trait::async_trait;
use contracts::{BusinessId, ConnectionId, Envelope, HopId, TurnId};
use ports::ledger::{Back, Claim, Claimed, Commit, Committed, Grant, Ledger, Outcome, Renewed};
use ports::limiter::{Limiter, Permit};
use ports::llm::{Call, Llm, Pieces};
use ports::signals::Cancels;
use ports::source::{Access, Source, Sources};
use ports::{Clock, Flights, Ids, PortError, Signals, Vault};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Time that a test moves, and ids that count per prefix.
pub struct Clockwork {
    now_ms: AtomicI64,
    ids: Mutex<HashMap<String, u64>>,
}

impl Clockwork {
    pub const START_MS: i64 = 1_760_000_000_000;

    pub fn new() -> Self {
        Self { now_ms: AtomicI64::new(Self::START_MS), ids: Mutex::default() }
    }

    pub fn advance(&self, by: Duration) {
        self.now_ms.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Clockwork {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

impl Ids for Clockwork {
    fn next(&self, prefix: &str) -> String {
        let mut ids = self.ids.lock().unwrap();
        let count = ids.entry(prefix.to_owned()).or_default();
        *count += 1;
        format!("{prefix}_{count}")
    }
}

pub struct FakeSignals(pub Effects);

#[async_trait]
impl Signals for FakeSignals {
    async fn cancel(&self, turn: &TurnId) -> Result<(), PortError> {
        self.0.note(format!("signal {turn}"));
        Ok(())
    }
    async fn cancels(&self) -> Result<Box<dyn Cancels>, PortError> {
        panic!("the API works on no turn")
    }
}

pub struct Sealer;

#[async_trait]
impl Vault for Sealer {
    async fn seal(&self, business: &BusinessId, connection: &ConnectionId, secret: &str) -> Result<String, PortError> {
        Ok(format!("sealed for {business} {connection}: {} bytes", secret.len()))
    }
    async fn open(&self, _: &BusinessId, _: &ConnectionId, _: &str) -> Result<String, PortError> {
        panic!("the API opens no secret")
    }
}

/// Ports that the API must never touch.
pub struct Forbidden;

#[async_trait]
impl Llm for Forbidden {
    async fn stream(&self, _: Call) -> Result<Pieces, ports::llm::Error> {
        panic!("the API calls no language model")
    }
    fn providers(&self) -> Vec<String> {
        panic!("the API calls no language model")
    }
    async fn check(&self) -> Vec<(String, Result<String, String>)> {
        panic!("the API calls no language model")
    }
}

#[async_trait]
impl Flights for Forbidden {
    async fn lead(&self, _: &str, _: &TurnId, _: Option<&TurnId>, _: Duration) -> Result<TurnId, PortError> {
        panic!("the API runs no question")
    }
}

#[async_trait]
impl Limiter for Forbidden {
    async fn acquire(&self, _: &str, _: u32) -> Result<Option<Permit>, PortError> {
        panic!("the API works on nothing that is bounded")
    }
}

#[async_trait]
impl Sources for Forbidden {
    async fn open(&self, _: &Access) -> Result<Arc<dyn Source>, ports::source::Error> {
        panic!("the API opens no source")
    }
}

#[async_trait]
impl Ledger for Forbidden {
    async fn claim(&self, _: Claim) -> Result<Claimed, PortError> {
        panic!("the API works on no hop")
    }
    async fn renew(&self, _: &TurnId, _: u64, _: Duration) -> Result<Renewed, PortError> {
        panic!("the API works on no hop")
    }
    async fn release(&self, _: &TurnId, _: u64, _: Back) -> Result<(), PortError> {
        panic!("the API works on no hop")
    }
    async fn commit(&self, _: Commit) -> Result<Committed, PortError> {
        panic!("the API works on no hop")
    }
    async fn mark_published(&self, _: &HopId, _: u64) -> Result<(), PortError> {
        panic!("the API works on no hop")
    }
    async fn spend_llm_call(&self, _: &TurnId, _: u32) -> Result<bool, PortError> {
        panic!("the API works on no hop")
    }
    async fn seize(&self, _: &TurnId, _: &str, _: Duration) -> Result<Option<Grant>, PortError> {
        panic!("the API works on no hop")
    }
    async fn unpublished(&self, _: Duration, _: u32) -> Result<Vec<Outcome>, PortError> {
        panic!("the API works on no hop")
    }
    async fn expired(&self, _: Duration, _: u32) -> Result<Vec<(TurnId, u64)>, PortError> {
        panic!("the API works on no hop")
    }
    async fn idle(&self, _: u32) -> Result<Vec<(TurnId, u64)>, PortError> {
        panic!("the API works on no hop")
    }
    async fn awaited(&self, _: &TurnId) -> Result<Option<Envelope>, PortError> {
        panic!("the API works on no hop")
    }
    async fn unfinished(&self, _: &TurnId) -> Result<Option<Envelope>, PortError> {
        panic!("the API works on no hop")
    }
    async fn void_claims(&self) -> Result<(), PortError> {
        panic!("the API works on no hop")
    }
}
