use ports::{PortError, Ports};
use std::time::Duration;

const AT_A_TIME: u32 = 500;
/// What is left after so many batches waits for the next time.
const MOST_BATCHES: u32 = 200;

/// Deletes outcomes and rows of turns that ended longer ago than `keep`. Says how many.
pub(crate) async fn forget(ports: &Ports, keep: Duration) -> Result<u64, PortError> {
    let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    let before_ms = ports.clock.now_ms().saturating_sub(keep_ms);
    let mut forgotten = 0;
    for _ in 0..MOST_BATCHES {
        let batch = ports.store.forget_results(before_ms, AT_A_TIME).await?;
        forgotten += batch;
        if batch == 0 {
            break;
        }
    }
    Ok(forgotten)
}
