//! The suite of [`Limiter`]. It needs two instances, as two processes would have them.

use super::{eventually, within};
use crate::limiter::{Limiter, Permit};
use futures_util::future::join_all;
use std::sync::Arc;

/// Runs the suite: `ports::limiter_conformance!(make);`. `make` gives a pair of instances that count together, or twice
/// the same where only one process can exist.
#[macro_export]
macro_rules! limiter_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            limiter,
            [
                no_more_than_the_bound_are_out,
                what_is_given_back_can_be_had_by_the_same_process_at_once,
                what_is_given_back_can_be_had_by_another_process_soon,
                each_key_is_counted_for_itself,
                many_at_once_get_no_more_than_the_bound,
            ]
        );
    };
}

type Pair = (Arc<dyn Limiter>, Arc<dyn Limiter>);

async fn acquire(limiter: &Arc<dyn Limiter>, key: &str, most: u32) -> Option<Permit> {
    within("acquire", limiter.acquire(key, most)).await.expect("acquire")
}

pub async fn no_more_than_the_bound_are_out((here, there): Pair) {
    let _held = (acquire(&here, "a", 2).await.unwrap(), acquire(&there, "a", 2).await.unwrap());
    assert!(acquire(&here, "a", 2).await.is_none());
    assert!(acquire(&there, "a", 2).await.is_none());
}

pub async fn what_is_given_back_can_be_had_by_the_same_process_at_once((here, _): Pair) {
    for _ in 0..20 {
        let permit = acquire(&here, "a", 1).await.unwrap();
        assert!(acquire(&here, "a", 1).await.is_none());
        drop(permit);
    }
}

pub async fn what_is_given_back_can_be_had_by_another_process_soon((here, there): Pair) {
    drop(acquire(&here, "a", 1).await.unwrap());
    eventually("a permit that was given back", true, || async { acquire(&there, "a", 1).await.is_some() }).await;
}

pub async fn each_key_is_counted_for_itself((here, there): Pair) {
    let _held = acquire(&here, "a", 1).await.unwrap();
    assert!(acquire(&there, "b", 1).await.is_some());
    assert!(acquire(&there, "a", 1).await.is_none());
}

pub async fn many_at_once_get_no_more_than_the_bound((here, there): Pair) {
    let asking = (0..40).map(|n| acquire(if n % 2 == 0 { &here } else { &there }, "a", 7));
    let permits: Vec<_> = join_all(asking).await.into_iter().flatten().collect();
    assert_eq!(permits.len(), 7);
}
