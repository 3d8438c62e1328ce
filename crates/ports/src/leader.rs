//! Who does what only one process needs to do.

use crate::PortError;
use async_trait::async_trait;
use std::time::Duration;

/// Leases on tasks. They keep work from being done twice at once; whatever must not be done twice has a fence of its
/// own.
#[async_trait]
pub trait Leaders: Send + Sync {
    /// Leads a task for `lease` from now, or goes on leading it. Gives the number of this leadership, one more with
    /// each change of leader; `None` while somebody else leads.
    async fn lead(&self, task: &str, owner: &str, lease: Duration) -> Result<Option<u64>, PortError>;
    /// Gives it up, so that somebody else may lead at once.
    async fn resign(&self, task: &str, owner: &str) -> Result<(), PortError>;
}
