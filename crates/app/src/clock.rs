use adapter_store::Store;
use ports::{Clock, Ids};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// Clocks of one installation may differ by so much.
const TOLERATED_MS: i64 = 1_000;
/// The store's clock is looked at so often.
const EVERY: Duration = Duration::from_secs(30);

/// The machine's clock, or the store's where the two differ: deadlines that one process sets are kept by others.
pub struct SystemClock {
    started: Instant,
    /// What the store's clock is ahead of this machine's; 0 while they agree.
    ahead_ms: AtomicI64,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: Instant::now(), ahead_ms: AtomicI64::new(0) }
    }
}

impl SystemClock {
    /// Goes by the store's clock from now on, as long as both are in use.
    pub(crate) async fn follow(self: &Arc<Self>, store: &Arc<Store>) {
        self.compare(store).await;
        tokio::spawn(keep_following(Arc::downgrade(self), Arc::downgrade(store)));
    }

    async fn compare(&self, store: &Store) {
        let before_ms = machine_ms();
        match store.now_ms().await {
            Ok(theirs_ms) => {
                let after_ms = machine_ms();
                // An answer that took long tells nothing.
                if after_ms.abs_diff(before_ms) < TOLERATED_MS.unsigned_abs() {
                    self.set_by(theirs_ms.saturating_sub(before_ms.midpoint(after_ms)));
                }
            }
            Err(error) => tracing::debug!(%error, "the store's clock cannot be read"),
        }
    }

    fn set_by(&self, difference_ms: i64) {
        let ahead_ms = if difference_ms.abs() < TOLERATED_MS { 0 } else { difference_ms };
        let known_ms = self.ahead_ms.swap(ahead_ms, Ordering::Relaxed);
        if ahead_ms.abs_diff(known_ms) >= TOLERATED_MS.unsigned_abs() {
            let seconds = -ahead_ms / 1_000;
            tracing::warn!(seconds, "this machine's clock is ahead of the store's by so much: the store's is used");
        }
    }
}

async fn keep_following(clock: Weak<SystemClock>, store: Weak<Store>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let (Some(clock), Some(store)) = (clock.upgrade(), store.upgrade()) else { return };
        clock.compare(&store).await;
    }
}

#[allow(clippy::disallowed_methods)]
fn machine_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        machine_ms().saturating_add(self.ahead_ms.load(Ordering::Relaxed))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Time-ordered random identifiers (UUID version 7).
pub struct UuidIds;

impl Ids for UuidIds {
    #[allow(clippy::disallowed_methods)]
    fn next(&self, prefix: &str) -> String {
        format!("{prefix}_{}", Uuid::now_v7().simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_goes_by_the_stores_and_a_small_difference_is_left() {
        let clock = SystemClock::default();
        let is_off_by = |minutes: i64| (clock.now_ms() - machine_ms() - minutes * 60_000).abs() < 1_000;
        clock.set_by(TOLERATED_MS - 1);
        assert!(is_off_by(0));
        clock.set_by(-600_000);
        assert!(is_off_by(-10));
        clock.set_by(600_000);
        assert!(is_off_by(10));
        clock.set_by(3);
        assert!(is_off_by(0), "the machine's clock was set right");
    }
}
