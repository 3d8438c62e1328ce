//! The sealed credentials of connections.

use crate::Store;
use crate::db::values;
use contracts::{BusinessId, ConnectionId};
use ports::PortError;

const RESEAL: &str = "UPDATE connections SET sealed_url = $4 WHERE business_id = $1 AND id = $2 AND sealed_url = $3";
const SET_WRITE_URL: &str = "UPDATE connections SET sealed_write_url = $3 WHERE business_id = $1 AND id = $2";
const RESEAL_WRITE_URL: &str = "UPDATE connections SET sealed_write_url = $4 \
     WHERE business_id = $1 AND id = $2 AND sealed_write_url = $3";

impl Store {
    pub(crate) async fn replace_url(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        old: &str,
        new: &str,
    ) -> Result<bool, PortError> {
        let values = values![business.as_str(), id.as_str(), old, new];
        Ok(self.db.execute("reseal", RESEAL, values).await? > 0)
    }

    pub(crate) async fn put_write_url(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        sealed: Option<&str>,
    ) -> Result<bool, PortError> {
        let values = values![business.as_str(), id.as_str(), sealed];
        Ok(self.db.execute("set_write_url", SET_WRITE_URL, values).await? > 0)
    }

    pub(crate) async fn replace_write_url(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        old: &str,
        new: &str,
    ) -> Result<bool, PortError> {
        let values = values![business.as_str(), id.as_str(), old, new];
        Ok(self.db.execute("reseal_write_url", RESEAL_WRITE_URL, values).await? > 0)
    }
}
