use crate::Store;
use crate::db::values;
use async_trait::async_trait;
use ports::PortError;
use ports::retention::Retention;

const HOPS: &str = "DELETE FROM hops WHERE hop IN (SELECT h.hop FROM hops AS h JOIN turns AS t ON t.id = h.turn_id \
     WHERE h.stored_ms < $1 AND h.published AND t.ended_ms < $1 LIMIT $2)";
const RESULTS: &str = "DELETE FROM results WHERE id IN (SELECT r.id FROM results AS r JOIN turns AS t \
     ON t.id = r.turn_id WHERE r.stored_ms < $1 AND t.ended_ms < $1 LIMIT $2)";
/// The statement of an approval stays; the rows that it showed go.
const PREVIEWS: &str = "UPDATE approvals SET preview = '{\"columns\":[],\"rows\":[]}' WHERE id IN \
     (SELECT a.id FROM approvals AS a WHERE a.created_ms < $1 AND a.state NOT IN ('pending', 'approved', 'running') \
     AND a.preview <> '{\"columns\":[],\"rows\":[]}' LIMIT $2)";

/// There is no index on the time: it would cost every commit, and the oldest rows come first in a scan. When none is
/// left the scan reads all of the table, which the caller does rarely.
#[async_trait]
impl Retention for Store {
    async fn forget_results(&self, before_ms: i64, limit: u32) -> Result<u64, PortError> {
        let values = || values![before_ms, i64::from(limit)];
        let hops = self.db.execute("forget_results", HOPS, values()).await?;
        let results = self.db.execute("forget_results", RESULTS, values()).await?;
        let previews = self.db.execute("forget_results", PREVIEWS, values()).await?;
        Ok(hops + results + previews)
    }
}
