//! Schemas that were read, kept parsed for as long as they are not saved anew: the row of a connection tells when that
//! was, and each save tells a later time than the one before.

use crate::reads::SavedSchema;
use contracts::{BusinessId, ConnectionId, Schema};
use domain::recent::Recent;
use ports::store::Connection;
use std::sync::Arc;

pub(crate) struct Schemas(Recent<(BusinessId, ConnectionId), SavedSchema>);

impl Schemas {
    pub(crate) fn new(most: usize) -> Self {
        Self(Recent::new(most))
    }

    /// The schema that was saved when the connection says.
    pub(crate) fn find(&self, connection: &Connection) -> Option<Arc<Schema>> {
        let saved = self.0.get(&key(connection))?;
        (Some(saved.at_ms) == connection.schema_ms).then_some(saved.schema)
    }

    pub(crate) fn keep(&self, connection: &Connection, saved: SavedSchema) -> Arc<Schema> {
        let schema = saved.schema.clone();
        self.0.put(key(connection), saved);
        schema
    }
}

fn key(connection: &Connection) -> (BusinessId, ConnectionId) {
    (connection.business.clone(), connection.id.clone())
}
