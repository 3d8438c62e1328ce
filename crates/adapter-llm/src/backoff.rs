//! How long to wait before a provider is asked again.

use crate::provider::{Failure, RetryAfter};
use rand::RngExt;
use std::sync::Arc;
use std::time::Duration;

/// Randomness, as a parameter.
pub trait Jitter: Send + Sync {
    /// A duration between zero and `longest`, both included.
    fn up_to(&self, longest: Duration) -> Duration;
}

/// Evenly distributed, from the thread's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomJitter;

impl Jitter for RandomJitter {
    fn up_to(&self, longest: Duration) -> Duration {
        rand::rng().random_range(Duration::ZERO..=longest)
    }
}

/// Exponential backoff with full jitter.
#[derive(Clone)]
pub struct Backoff {
    /// The longest wait after the first failure; doubled after each further one.
    pub base: Duration,
    /// No wait is longer.
    pub longest: Duration,
    /// A provider that asks for a longer wait than this is passed over.
    pub longest_retry_after: Duration,
    /// Where in between the wait falls.
    pub jitter: Arc<dyn Jitter>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(250),
            longest: Duration::from_secs(8),
            longest_retry_after: Duration::from_secs(10),
            jitter: Arc::new(RandomJitter),
        }
    }
}

impl Backoff {
    /// The wait after the `failed`th failure (from 1), or `None` when another try of this provider makes no sense.
    pub(crate) fn pause(&self, failure: &Failure, failed: u32, now_ms: i64, time_left: Duration) -> Option<Duration> {
        if !failure.is_transient() {
            return None;
        }
        let pause = match requested(failure, now_ms) {
            Some(requested) if requested > self.longest_retry_after => return None,
            Some(requested) => requested,
            None => self.jitter.up_to(self.window(failed)),
        };
        (pause < time_left).then_some(pause)
    }

    fn window(&self, failed: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
        self.base.saturating_mul(doubled).min(self.longest)
    }
}

/// The wait that the provider asked for.
pub(crate) fn requested(failure: &Failure, now_ms: i64) -> Option<Duration> {
    match failure {
        Failure::Busy { retry_after: Some(RetryAfter::In(wait)), .. } => Some(*wait),
        Failure::Busy { retry_after: Some(RetryAfter::At(at_ms)), .. } => {
            Some(Duration::from_millis(u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Longest;
    impl Jitter for Longest {
        fn up_to(&self, longest: Duration) -> Duration {
            longest
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    fn backoff() -> Backoff {
        Backoff { jitter: Arc::new(Longest), ..Backoff::default() }
    }

    fn busy(retry_after: Option<RetryAfter>) -> Failure {
        Failure::Busy { status: 429, retry_after }
    }

    #[test]
    fn the_window_doubles_up_to_its_longest() {
        let waits: Vec<_> = (1..=8).map(|failed| backoff().pause(&busy(None), failed, 0, MINUTE).unwrap()).collect();
        let expected = [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000].map(Duration::from_millis);
        assert_eq!(waits, expected);
        assert_eq!(backoff().pause(&busy(None), u32::MAX, 0, MINUTE), Some(Duration::from_secs(8)));
    }

    #[test]
    fn random_waits_fill_the_window_and_stay_within() {
        let longest = Duration::from_millis(100);
        let waits: Vec<_> = (0..200).map(|_| RandomJitter.up_to(longest)).collect();
        assert!(waits.iter().all(|wait| *wait <= longest));
        assert!(waits.iter().any(|wait| *wait < longest / 4) && waits.iter().any(|wait| *wait > longest * 3 / 4));
        assert_eq!(RandomJitter.up_to(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_requested_wait_is_kept_to_the_letter() {
        let seconds = busy(Some(RetryAfter::In(Duration::from_secs(3))));
        assert_eq!(backoff().pause(&seconds, 1, 0, MINUTE), Some(Duration::from_secs(3)));
        let date = busy(Some(RetryAfter::At(1_700_000_004_000)));
        assert_eq!(backoff().pause(&date, 1, 1_700_000_000_000, MINUTE), Some(Duration::from_secs(4)));
        assert_eq!(backoff().pause(&date, 1, 1_800_000_000_000, MINUTE), Some(Duration::ZERO));
    }

    #[test]
    fn a_wait_that_is_too_long_passes_the_provider_over() {
        let long = busy(Some(RetryAfter::In(Duration::from_secs(11))));
        assert_eq!(backoff().pause(&long, 1, 0, MINUTE), None);
        let beyond = busy(Some(RetryAfter::In(Duration::from_secs(9))));
        assert_eq!(backoff().pause(&beyond, 1, 0, Duration::from_secs(5)), None);
    }

    #[test]
    fn what_stays_wrong_is_not_tried_again() {
        let refused = Failure::Refused { reason: String::new(), detail: String::new() };
        for failure in [refused, Failure::KeyRefused(String::new()), Failure::Abstained(String::new())] {
            assert_eq!(backoff().pause(&failure, 1, 0, MINUTE), None, "{failure:?}");
        }
    }
}
