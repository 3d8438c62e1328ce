//! The policies of connections.

use crate::Store;
use crate::connections::known;
use crate::db::{fault, values};
use crate::reads::FindPolicy;
use crate::writes::encoded;
use contracts::{BusinessId, ConnectionId};
use ports::PortError;
use serde_json::Value;

const SAVE: &str = "INSERT INTO connection_policies (connection_id, business_id, body, saved_ms) \
     SELECT id, business_id, $3, $4 FROM connections WHERE business_id = $1 AND id = $2 \
     ON CONFLICT (connection_id) DO UPDATE SET body = excluded.body, saved_ms = excluded.saved_ms";

impl Store {
    pub(crate) async fn find_policy(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
    ) -> Result<Option<Value>, PortError> {
        self.reader.find::<FindPolicy>(business.as_str(), id.as_str()).await
    }

    pub(crate) async fn write_policy(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        policy: &Value,
    ) -> Result<(), PortError> {
        let step = "save_connection_policy";
        let body = encoded(policy).map_err(|error| fault(step, &error))?;
        let values = values![business.as_str(), id.as_str(), &body, self.clock.now_ms()];
        known(step, self.db.execute(step, SAVE, values).await?)
    }
}
