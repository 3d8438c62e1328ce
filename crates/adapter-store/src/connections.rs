use crate::Store;
use crate::db::{SYSTEM, fault, values};
use crate::reads::{AllConnections, EVERY_CONNECTION, FindConnection, FindSchema, FindSeen, connection};
use crate::writes::encoded;
use async_trait::async_trait;
use contracts::{BusinessId, ConnectionId, Schema, UserId};
use ports::PortError;
use ports::store::{Connection, ConnectionStatus, Connections, Seen};
use serde_json::Value;
use std::sync::Arc;

const CREATE: &str = "INSERT INTO connections (id, business_id, name, dialect, sealed_url, status, status_message, \
     created_ms, max_scanned_rows, sealed_write_url) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
     ON CONFLICT (business_id, name) DO NOTHING";
const RESEAL: &str = "UPDATE connections SET sealed_url = $4 WHERE business_id = $1 AND id = $2 AND sealed_url = $3";
const SET_WRITE_URL: &str = "UPDATE connections SET sealed_write_url = $3 WHERE business_id = $1 AND id = $2";
const RESEAL_WRITE_URL: &str = "UPDATE connections SET sealed_write_url = $4 \
     WHERE business_id = $1 AND id = $2 AND sealed_write_url = $3";
const SET_STATUS: &str = "UPDATE connections SET status = $3, status_message = $4 WHERE business_id = $1 AND id = $2";
const SET_MAX_SCANNED_ROWS: &str = "UPDATE connections SET max_scanned_rows = $3 WHERE business_id = $1 AND id = $2";
const SAVE_SCHEMA: &str = "INSERT INTO schemas (connection_id, business_id, body, saved_ms) \
     SELECT id, business_id, $3, $4 FROM connections WHERE business_id = $1 AND id = $2 \
     ON CONFLICT (connection_id) DO UPDATE SET body = excluded.body, \
     saved_ms = CASE WHEN excluded.saved_ms > schemas.saved_ms THEN excluded.saved_ms ELSE schemas.saved_ms + 1 END";

#[async_trait]
impl Connections for Store {
    async fn create_connection(&self, connection: &Connection) -> Result<bool, PortError> {
        let values = values![
            connection.id.as_str(),
            connection.business.as_str(),
            &connection.name,
            connection.dialect.as_str(),
            &connection.sealed_url,
            connection.status.as_str(),
            &connection.status_message,
            connection.created_ms,
            connection.max_scanned_rows.map(stored),
            connection.sealed_write_url.as_deref(),
        ];
        Ok(self.db.execute("create_connection", CREATE, values).await? > 0)
    }

    async fn connection(&self, business: &BusinessId, id: &ConnectionId) -> Result<Option<Connection>, PortError> {
        self.reader.find::<FindConnection>(business.as_str(), id.as_str()).await
    }

    async fn seen(&self, business: &BusinessId, id: &ConnectionId, user: &UserId) -> Result<Option<Seen>, PortError> {
        self.reader.find_for::<FindSeen>(business.as_str(), id.as_str(), user.as_str()).await
    }

    async fn connections(&self, business: &BusinessId) -> Result<Vec<Connection>, PortError> {
        let mut all = self.reader.list::<AllConnections>(business.as_str(), business.as_str(), i64::MAX).await?;
        all.sort_unstable_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        Ok(all)
    }

    async fn every_connection(&self) -> Result<Vec<Connection>, PortError> {
        self.db.list("every_connection", EVERY_CONNECTION, values![], connection).await
    }

    async fn reseal(&self, business: &BusinessId, id: &ConnectionId, old: &str, new: &str) -> Result<bool, PortError> {
        let values = values![business.as_str(), id.as_str(), old, new];
        Ok(self.db.execute("reseal", RESEAL, values).await? > 0)
    }

    async fn set_write_url(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        sealed: Option<&str>,
    ) -> Result<bool, PortError> {
        let values = values![business.as_str(), id.as_str(), sealed];
        Ok(self.db.execute("set_write_url", SET_WRITE_URL, values).await? > 0)
    }

    async fn reseal_write_url(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        old: &str,
        new: &str,
    ) -> Result<bool, PortError> {
        let values = values![business.as_str(), id.as_str(), old, new];
        Ok(self.db.execute("reseal_write_url", RESEAL_WRITE_URL, values).await? > 0)
    }

    async fn set_connection_status(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        status: ConnectionStatus,
        message: &str,
    ) -> Result<(), PortError> {
        let values = values![business.as_str(), id.as_str(), status.as_str(), message];
        let written = self.db.execute("set_connection_status", SET_STATUS, values).await?;
        known("set_connection_status", written)
    }

    async fn set_max_scanned_rows(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        rows: Option<u64>,
    ) -> Result<bool, PortError> {
        let values = values![business.as_str(), id.as_str(), rows.map(stored)];
        Ok(self.db.execute("set_max_scanned_rows", SET_MAX_SCANNED_ROWS, values).await? > 0)
    }

    async fn save_schema(&self, business: &BusinessId, id: &ConnectionId, schema: &Schema) -> Result<(), PortError> {
        let body = encoded(schema).map_err(|error| fault("save_schema", &error))?;
        let values = values![business.as_str(), id.as_str(), &body, self.clock.now_ms()];
        known("save_schema", self.db.execute("save_schema", SAVE_SCHEMA, values).await?)
    }

    async fn schema(&self, business: &BusinessId, id: &ConnectionId) -> Result<Option<Schema>, PortError> {
        let saved = self.reader.find::<FindSchema>(business.as_str(), id.as_str()).await?;
        Ok(saved.map(|saved| Arc::unwrap_or_clone(saved.schema)))
    }

    async fn schema_of(&self, connection: &Connection) -> Result<Option<Arc<Schema>>, PortError> {
        if let Some(schema) = self.schemas.find(connection) {
            return Ok(Some(schema));
        }
        let saved = self.reader.find::<FindSchema>(connection.business.as_str(), connection.id.as_str()).await?;
        Ok(saved.map(|saved| self.schemas.keep(connection, saved)))
    }

    async fn connection_policy(&self, business: &BusinessId, id: &ConnectionId) -> Result<Option<Value>, PortError> {
        self.find_policy(business, id).await
    }

    async fn save_connection_policy(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        policy: &Value,
    ) -> Result<(), PortError> {
        self.write_policy(business, id, policy).await
    }
}

fn stored(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

pub(crate) fn known(step: &'static str, written: u64) -> Result<(), PortError> {
    if written == 0 {
        return Err(PortError::refused(SYSTEM, step, "the business has no such connection"));
    }
    Ok(())
}
