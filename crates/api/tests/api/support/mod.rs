//! Ports in memory, and the API over them.

mod audit;
mod broker;
mod client;
mod dead;
mod log;
mod rest;
mod store;
mod world;
mod ws;

pub use audit::entry;
pub use broker::{FakeBroker, Mode};
pub use client::{Answer, Call, Sse, brief};
pub use log::FakeLog;
pub use rest::{Clockwork, FakeSignals, Sealer};
pub use store::FakeStore;
pub use world::{OTHER, World, answer, completed, delta};
pub use ws::Ws;

use ports::PortError;
use std::sync::{Arc, Mutex};

/// What happened outside, in order.
#[derive(Clone, Default)]
pub struct Effects(Arc<Mutex<Vec<String>>>);

impl Effects {
    pub fn note(&self, effect: impl Into<String>) {
        self.0.lock().unwrap().push(effect.into());
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

pub fn down(system: &'static str) -> PortError {
    PortError::unavailable(system, "call", "amqp://secret-host:5672 refused the connection")
}
