//! What is not kept for ever.

use crate::PortError;
use async_trait::async_trait;

/// Deletes what nobody needs any more. Never turns, audit rows or dead jobs.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Deletes outcomes and rows of turns that ended before `before_ms`, of each at most `limit`. Says how many it
    /// deleted; 0 when none is left.
    async fn forget_results(&self, before_ms: i64, limit: u32) -> Result<u64, PortError>;
}
