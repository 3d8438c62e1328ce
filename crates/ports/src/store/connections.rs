//! The databases that questions are asked of.

use crate::PortError;
use async_trait::async_trait;
use contracts::{BusinessId, ConnectionId, Dialect, Role, Schema, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Not yet tested.
    New,
    /// Tested, schema known.
    Ready,
    /// The last test or discovery failed.
    Failed,
}

impl ConnectionStatus {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
    /// Reads a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::New, Self::Ready, Self::Failed].into_iter().find(|status| status.as_str() == name)
    }
}

/// A database that a business asks questions of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose it is.
    pub business: BusinessId,
    /// Unique in the business.
    pub name: String,
    /// Its dialect.
    pub dialect: Dialect,
    /// Its URL, sealed by the vault.
    pub sealed_url: String,
    /// The URL for approved changes, sealed by the vault in a slot of its own; `None`: no changes.
    pub sealed_write_url: Option<String>,
    /// How far it is.
    pub status: ConnectionStatus,
    /// What the last test or discovery said, for people.
    pub status_message: String,
    /// Rows that a statement may be expected to go through; `None`: as the settings say.
    pub max_scanned_rows: Option<u64>,
    /// When its schema was read last, Unix milliseconds. Told by the store; not stored with the connection.
    pub schema_ms: Option<i64>,
    /// Unix milliseconds.
    pub created_ms: i64,
}

/// A connection, and what decides what a user may see of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The connection.
    pub connection: Connection,
    /// What the user may do in its business; `None`: nothing.
    pub role: Option<Role>,
    /// What each role may see; `None` when nobody has said.
    pub policy: Option<Value>,
}

/// Connections and what discovery found.
#[async_trait]
pub trait Connections: Send + Sync {
    /// Stores a connection; false when the name is taken in the business.
    async fn create_connection(&self, connection: &Connection) -> Result<bool, PortError>;
    /// A connection.
    async fn connection(&self, business: &BusinessId, id: &ConnectionId) -> Result<Option<Connection>, PortError>;
    /// A connection as a user sees it, all of one moment.
    async fn seen(&self, business: &BusinessId, id: &ConnectionId, user: &UserId) -> Result<Option<Seen>, PortError>;
    /// All of a business, oldest first.
    async fn connections(&self, business: &BusinessId) -> Result<Vec<Connection>, PortError>;
    /// All of every business, oldest first. For the operator, never for a client.
    async fn every_connection(&self) -> Result<Vec<Connection>, PortError>;
    /// Replaces the sealed URL of a connection; false when it is not `old` any more.
    async fn reseal(&self, business: &BusinessId, id: &ConnectionId, old: &str, new: &str) -> Result<bool, PortError>;
    /// Sets the sealed URL for changes, or takes it away; false when there is no such connection.
    async fn set_write_url(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        sealed: Option<&str>,
    ) -> Result<bool, PortError>;
    /// Replaces the sealed URL for changes; false when it is not `old` any more.
    async fn reseal_write_url(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        old: &str,
        new: &str,
    ) -> Result<bool, PortError>;
    /// Notes how far a connection is.
    async fn set_connection_status(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        status: ConnectionStatus,
        message: &str,
    ) -> Result<(), PortError>;
    /// Sets how many rows a statement may be expected to go through; false when there is no such connection.
    async fn set_max_scanned_rows(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        rows: Option<u64>,
    ) -> Result<bool, PortError>;
    /// Replaces the schema of a connection.
    async fn save_schema(&self, business: &BusinessId, id: &ConnectionId, schema: &Schema) -> Result<(), PortError>;
    /// The schema of a connection.
    async fn schema(&self, business: &BusinessId, id: &ConnectionId) -> Result<Option<Schema>, PortError>;
    /// The schema of a connection as it was at the connection's `schema_ms`, or a later one. While it stays the same it
    /// may be read once and shared.
    async fn schema_of(&self, connection: &Connection) -> Result<Option<Arc<Schema>>, PortError>;
    /// What each role may see of a connection; `None` when nobody has said.
    async fn connection_policy(&self, business: &BusinessId, id: &ConnectionId) -> Result<Option<Value>, PortError>;
    /// Replaces the policy of a connection.
    async fn save_connection_policy(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        policy: &Value,
    ) -> Result<(), PortError>;
}
