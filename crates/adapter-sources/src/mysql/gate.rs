//! The dry run: the server plans the statement, which tells whether it can run and what it costs.

use super::plan;
use super::session::Session;
use crate::cell::as_text;
use crate::cost::Estimate;
use ports::source::{Error, Statement};
use std::time::Duration;

/// What planning a statement may take.
const PLANNING: Duration = Duration::from_secs(5);

/// Columns that indexes begin with.
const INDEXED: &str = "SELECT DISTINCT CAST(TABLE_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR) \
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND SEQ_IN_INDEX = 1 ORDER BY 1, 2";

pub(super) async fn check(session: &mut Session, asked: &Statement) -> Result<(), Error> {
    let Some(allowed) = asked.max_scanned_rows else { return Ok(()) };
    session.set_timeout(asked.timeout.min(PLANNING)).await?;
    // Nothing where the user may read a view, but not see how it is made. Time and rows are bounded all the same.
    let Some(text) = session.explain(&asked.sql).await? else { return Ok(()) };
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let estimate = plan::read(&plan);
    if estimate.exceeds(allowed) {
        return with_indexes(session, estimate).await?.check(allowed);
    }
    Ok(())
}

async fn with_indexes(session: &mut Session, mut estimate: Estimate) -> Result<Estimate, Error> {
    for row in session.rows(INDEXED).await? {
        let [table, column] = row.as_slice() else { continue };
        let (table, column) = (as_text(table).unwrap_or_default(), as_text(column).unwrap_or_default());
        if let Some(scan) = estimate.scans.iter_mut().find(|scan| scan.table == table) {
            scan.indexed.push(column);
        }
    }
    Ok(estimate)
}
