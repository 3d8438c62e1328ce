use contracts::Meta;
use ports::limiter::{Limiter, Permit};
use std::time::Duration;

/// A job that found no room comes again after this.
const AGAIN: Duration = Duration::from_millis(300);
/// What is in flight may be short: so long a job looks again before it is parked.
const PAUSES_MS: [u64; 3] = [5, 15, 30];

/// Bounds how many jobs work with one source at a time, over all processes. A job that finds no room is parked before
/// it is claimed: it costs no attempt and holds up no other job, so a slow database fills its own bound only.
pub(crate) struct Gate<'a> {
    pub(crate) limiter: &'a dyn Limiter,
    pub(crate) most: u32,
}

impl Gate<'_> {
    /// A permit to hold while the job runs, or how long it has to wait.
    pub(crate) async fn enter(&self, meta: &Meta) -> Result<Option<Permit>, Duration> {
        let Some(connection) = &meta.connection else { return Ok(None) };
        let key = format!("source:{connection}");
        for pause_ms in PAUSES_MS {
            match self.limiter.acquire(&key, self.most).await {
                Ok(Some(permit)) => return Ok(Some(permit)),
                Ok(None) => tokio::time::sleep(Duration::from_millis(pause_ms)).await,
                Err(error) => {
                    tracing::warn!(key, %error, "jobs of a source are not counted");
                    return Ok(None);
                }
            }
        }
        Err(AGAIN)
    }
}
