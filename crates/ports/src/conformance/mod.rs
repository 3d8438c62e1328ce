//! What every adapter of a port must do, as tests. An adapter calls the macro of its port in its own tests; each case
//! becomes one test whose name is a sentence.
//!
//! `make` is the path of an async function that gives a fresh port and whatever must live as long as the test, as
//! a pair: `async fn make() -> (Arc<dyn Broker>, impl Sized)`.

// The cases are tests, although they are compiled as a library.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

pub mod approvals;
pub mod audit;
pub mod awaited;
pub mod bench;
pub mod broker;
pub mod dead;
pub mod event_log;
pub mod flights;
pub mod leader;
pub mod ledger;
pub mod limiter;
pub mod line;
pub mod onward;
pub mod signals;
pub mod store;
pub mod turns;
pub mod vault;

use std::future::Future;
use std::time::Duration;

/// Nothing in a case takes longer than this.
const PATIENCE: Duration = Duration::from_secs(20);

/// What `future` gives. Panics when it takes too long.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let given = tokio::time::timeout(PATIENCE, future).await;
    given.unwrap_or_else(|_| panic!("{what} took longer than {PATIENCE:?}"))
}

/// Asks again until the answer is the expected one. For what a server does on its own time.
async fn eventually<T, F>(what: &str, expected: T, ask: impl Fn() -> F)
where
    T: PartialEq + std::fmt::Debug,
    F: Future<Output = T>,
{
    let started = std::time::Instant::now();
    loop {
        let answer = ask().await;
        if answer == expected {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{what} is still {answer:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// One test for each case of a suite.
#[macro_export]
macro_rules! conformance_cases {
    ($make:path, $suite:ident, [$($case:ident),* $(,)?]) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (port, _keep) = $make().await;
                $crate::conformance::$suite::$case(port).await;
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_is_listed_in_the_macro_of_its_suite() {
        let suites = [
            include_str!("approvals.rs"),
            include_str!("audit.rs"),
            include_str!("broker.rs"),
            include_str!("dead.rs"),
            include_str!("event_log.rs"),
            include_str!("flights.rs"),
            include_str!("leader.rs"),
            include_str!("ledger.rs"),
            include_str!("limiter.rs"),
            include_str!("line.rs"),
            include_str!("awaited.rs"),
            include_str!("onward.rs"),
            include_str!("signals.rs"),
            include_str!("store.rs"),
            include_str!("turns.rs"),
            include_str!("vault.rs"),
        ];
        for suite in suites {
            let (listed, cases) = suite.split_once("pub async fn ").unwrap();
            for case in cases.split("pub async fn ") {
                let name = case.split(['(', '<']).next().unwrap();
                let is_listed = listed.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
                assert!(is_listed, "{name} never runs");
            }
        }
    }
}
