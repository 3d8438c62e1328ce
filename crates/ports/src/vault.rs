//! Credentials at rest. Whoever accepts them can seal them; only roles with source access can open them.

use crate::PortError;
use async_trait::async_trait;
use contracts::{BusinessId, ConnectionId};

/// The slot of a connection's URL for changes. What was sealed for it is no URL for reading, and the other way round.
pub fn write_slot(connection: &ConnectionId) -> ConnectionId {
    ConnectionId(format!("{connection}#write"))
}

/// Seals and opens secrets. A sealed secret opens only for the business and connection that it was sealed for.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Encrypts. Text, safe to store.
    async fn seal(&self, business: &BusinessId, connection: &ConnectionId, secret: &str) -> Result<String, PortError>;
    /// Decrypts. `Refused` when this role has no key to open, the key is another, or the text was changed or moved.
    async fn open(&self, business: &BusinessId, connection: &ConnectionId, sealed: &str) -> Result<String, PortError>;
}
