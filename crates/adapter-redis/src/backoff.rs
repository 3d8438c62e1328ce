//! The pause before another try to connect.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// What stood this long was healthy: the next loss begins with the shortest pause.
const HEALTHY: Duration = Duration::from_secs(5);

/// Doubles from 100 ms to 5 s, with jitter so that the processes of an installation do not come back at once.
#[derive(Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Waits, longer each time.
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    /// What stood for this long has ended: begins anew when it was healthy.
    pub(crate) fn ended_after(&mut self, life: Duration) {
        if life >= HEALTHY {
            self.failures = 0;
        }
    }

    fn next(&mut self) -> Duration {
        let whole = SHORTEST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        whole.mul_f64(rand::random_range(0.5..1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_up_to_five_seconds_and_begins_anew_after_health() {
        let mut backoff = Backoff::default();
        assert!(backoff.next() <= SHORTEST);
        for _ in 0..60 {
            assert!(backoff.next() <= LONGEST);
        }
        assert!(backoff.next() >= LONGEST / 2);
        backoff.ended_after(HEALTHY / 2);
        assert!(backoff.next() >= LONGEST / 2);
        backoff.ended_after(HEALTHY);
        assert!(backoff.next() <= SHORTEST);
    }
}
