//! Slows down who guesses passwords.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Wrong passwords within `WINDOW_MS` before the next try has to wait.
const FREE_FAILURES: u32 = 5;
const WINDOW_MS: i64 = 60_000;
/// Pairs that are remembered. Beyond it the oldest half is forgotten.
const CAPACITY: usize = 10_000;

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    since_ms: i64,
}

/// Counts wrong passwords per address and account.
pub struct Throttle {
    failures: Mutex<HashMap<String, Failures>>,
}

impl Throttle {
    pub fn new() -> Self {
        Self { failures: Mutex::new(HashMap::new()) }
    }

    /// Counts a try, as if it will fail, so that tries at the same moment count too. `Err` holds the seconds to wait.
    pub fn begin(&self, address: &str, email: &str, now_ms: i64) -> Result<(), u64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut failures, now_ms);
        let entry = failures.entry(key(address, email)).or_insert(Failures { count: 0, since_ms: now_ms });
        if now_ms.saturating_sub(entry.since_ms) >= WINDOW_MS {
            *entry = Failures { count: 0, since_ms: now_ms };
        }
        if entry.count >= FREE_FAILURES {
            let wait_ms = WINDOW_MS - now_ms.saturating_sub(entry.since_ms);
            return Err(u64::try_from(wait_ms).unwrap_or(0).div_ceil(1000).max(1));
        }
        entry.count += 1;
        Ok(())
    }

    /// The try was right: forget the wrong ones before it.
    pub fn succeeded(&self, address: &str, email: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(address, email));
    }
}

fn key(address: &str, email: &str) -> String {
    format!("{address} {email}")
}

fn make_room(failures: &mut HashMap<String, Failures>, now_ms: i64) {
    if failures.len() < CAPACITY {
        return;
    }
    failures.retain(|_, entry| now_ms.saturating_sub(entry.since_ms) < WINDOW_MS);
    if failures.len() < CAPACITY {
        return;
    }
    let mut ages: Vec<i64> = failures.values().map(|entry| entry.since_ms).collect();
    ages.sort_unstable();
    let middle = ages.get(ages.len() / 2).copied().unwrap_or(now_ms);
    failures.retain(|_, entry| entry.since_ms > middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_wrong_password_within_a_minute_waits() {
        let throttle = Throttle::new();
        for _ in 0..FREE_FAILURES {
            assert_eq!(throttle.begin("1.2.3.4", "a@b.c", 0), Ok(()));
        }
        assert_eq!(throttle.begin("1.2.3.4", "a@b.c", 1_000), Err(59));
        assert_eq!(throttle.begin("1.2.3.5", "a@b.c", 1_000), Ok(()), "another address");
        assert_eq!(throttle.begin("1.2.3.4", "d@b.c", 1_000), Ok(()), "another account");
        assert_eq!(throttle.begin("1.2.3.4", "a@b.c", WINDOW_MS), Ok(()), "a minute later");
    }

    #[test]
    fn a_right_password_clears_the_count() {
        let throttle = Throttle::new();
        for _ in 0..20 {
            assert_eq!(throttle.begin("1.2.3.4", "a@b.c", 0), Ok(()));
            throttle.succeeded("1.2.3.4", "a@b.c");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let throttle = Throttle::new();
        for account in 0..(3 * CAPACITY) {
            let at_ms = i64::try_from(account / 100).unwrap();
            assert_eq!(throttle.begin("1.2.3.4", &account.to_string(), at_ms), Ok(()));
        }
        assert!(throttle.failures.lock().unwrap().len() <= CAPACITY);
    }
}
