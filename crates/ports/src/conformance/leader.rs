//! The suite of [`Leaders`](crate::leader::Leaders).

use super::bench::Bench;
use futures_util::future::join_all;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(3);

/// Runs the suite: `ports::leader_conformance!(make);`. `make` gives a [`Bench`] on a fresh database.
#[macro_export]
macro_rules! leader_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            leader,
            [
                one_of_many_leads,
                a_leader_goes_on_leading_under_its_number,
                a_leader_that_is_silent_is_followed_by_another,
                who_resigns_is_followed_at_once,
                tasks_have_leaders_of_their_own,
            ]
        );
    };
}

async fn lead(bench: &Bench, owner: &str) -> Option<u64> {
    bench.store.lead("sweep", owner, LEASE).await.unwrap()
}

pub async fn one_of_many_leads(bench: Bench) {
    let owners: Vec<String> = (0..20).map(|n| format!("own_{n}")).collect();
    let answers = join_all(owners.iter().map(|owner| lead(&bench, owner))).await;
    assert_eq!(answers.into_iter().flatten().collect::<Vec<_>>(), [1]);
}

pub async fn a_leader_goes_on_leading_under_its_number(bench: Bench) {
    for _ in 0..5 {
        assert_eq!(lead(&bench, "own_a").await, Some(1));
        bench.clock.advance(LEASE - Duration::from_millis(1));
        assert_eq!(lead(&bench, "own_b").await, None);
    }
}

pub async fn a_leader_that_is_silent_is_followed_by_another(bench: Bench) {
    assert_eq!(lead(&bench, "own_a").await, Some(1));
    bench.clock.advance(LEASE);
    assert_eq!(lead(&bench, "own_b").await, Some(2));
    assert_eq!(lead(&bench, "own_a").await, None);
}

pub async fn who_resigns_is_followed_at_once(bench: Bench) {
    assert_eq!(lead(&bench, "own_a").await, Some(1));
    bench.store.resign("sweep", "own_b").await.unwrap();
    assert_eq!(lead(&bench, "own_b").await, None, "only the leader resigns");
    bench.store.resign("sweep", "own_a").await.unwrap();
    assert_eq!(lead(&bench, "own_b").await, Some(2));
}

pub async fn tasks_have_leaders_of_their_own(bench: Bench) {
    assert_eq!(lead(&bench, "own_a").await, Some(1));
    assert_eq!(bench.store.lead("dispatch", "own_b", LEASE).await.unwrap(), Some(1));
}
