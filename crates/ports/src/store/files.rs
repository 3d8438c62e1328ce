//! Uploaded files, and the databases that are made of them.

use crate::PortError;
use async_trait::async_trait;
use contracts::{BusinessId, ConnectionId};

/// Stands for the URL of a connection that is an uploaded file. No URL that a person enters is like it.
pub const FILE_URL: &str = "file:";

/// What a stored file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// As a person uploaded it.
    Upload,
    /// The database that was made of it.
    Database,
}

impl FileKind {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Database => "database",
        }
    }
    /// Reads a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Upload, Self::Database].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A file of a connection. It lies in the store, because who takes it and who reads it may be on two machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub business: BusinessId,
    /// The connection that is made of it.
    pub connection: ConnectionId,
    /// What it is.
    pub kind: FileKind,
    /// As its owner calls it.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256, hex; empty when nobody needs it.
    pub sha256: String,
    /// Unix milliseconds.
    pub created_ms: i64,
}

/// Files of connections.
#[async_trait]
pub trait Files: Send + Sync {
    /// Stores a file. It is there only once all of it is; a second time changes nothing.
    async fn save_file(&self, file: &StoredFile, body: &[u8]) -> Result<(), PortError>;
    /// The newest file of a kind.
    async fn file_of(
        &self,
        business: &BusinessId,
        connection: &ConnectionId,
        kind: FileKind,
    ) -> Result<Option<StoredFile>, PortError>;
    /// What a file holds; `None` when it is not there any more.
    async fn file_body(&self, file: &StoredFile) -> Result<Option<Vec<u8>>, PortError>;
    /// Removes a file, if it is there.
    async fn remove_file(&self, business: &BusinessId, id: &str) -> Result<(), PortError>;
}
