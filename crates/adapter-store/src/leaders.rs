use crate::Store;
use crate::db::values;
use async_trait::async_trait;
use ports::PortError;
use ports::leader::Leaders;
use std::time::Duration;

const LEAD: &str = "INSERT INTO leaders (task, owner, term, until_ms) VALUES ($1, $2, 1, $4) \
     ON CONFLICT (task) DO UPDATE SET owner = $2, until_ms = $4, \
     term = leaders.term + CASE WHEN leaders.owner = $2 THEN 0 ELSE 1 END \
     WHERE leaders.owner = $2 OR leaders.until_ms <= $3 RETURNING term";
const RESIGN: &str = "UPDATE leaders SET until_ms = 0 WHERE task = $1 AND owner = $2";

/// Told by the clock of the process that asks: clocks that differ by more than a lease make leaders change too often.
#[async_trait]
impl Leaders for Store {
    async fn lead(&self, task: &str, owner: &str, lease: Duration) -> Result<Option<u64>, PortError> {
        let now_ms = self.clock.now_ms();
        let until_ms = now_ms.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
        self.db.write("lead", LEAD, values![task, owner, now_ms, until_ms], |row| row.count("term")).await
    }

    async fn resign(&self, task: &str, owner: &str) -> Result<(), PortError> {
        self.db.execute("resign", RESIGN, values![task, owner]).await?;
        Ok(())
    }
}
