//! How much may be in flight at a time, over all processes.
//!
//! It protects what lies outside from too much at once, and bulkheads from each other; nothing that must be true
//! rests on it. Where its server cannot be reached each process counts alone.

use crate::PortError;
use async_trait::async_trait;

/// Leave to begin. Dropping it gives it back; with a process that dies it is given back after a lease.
pub struct Permit {
    _given_back_when_dropped: Box<dyn Send + Sync>,
}

impl Permit {
    /// A permit that is given back by dropping this.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _given_back_when_dropped: Box::new(held) }
    }
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Permit")
    }
}

/// Counts what is in flight.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// A permit for a key, unless `most` are out. Every caller names the same `most` for a key.
    async fn acquire(&self, key: &str, most: u32) -> Result<Option<Permit>, PortError>;
}
