//! The suite of [`Flights`]. It needs two instances, as two processes would have them.

use super::{eventually, within};
use crate::flights::Flights;
use contracts::TurnId;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

/// Runs the suite: `ports::flights_conformance!(make);`. `make` gives a pair of instances that know the same, or twice
/// the same where only one process can exist.
#[macro_export]
macro_rules! flights_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            flights,
            [
                the_first_turn_leads_and_goes_on_leading,
                each_key_has_its_own_leader,
                a_leader_gives_way_to_one_of_those_who_follow_it,
                many_at_once_agree_on_one_leader,
                a_leader_is_forgotten_after_its_time,
            ]
        );
    };
}

type Pair = (Arc<dyn Flights>, Arc<dyn Flights>);
const LONG: Duration = Duration::from_secs(60);

async fn lead(flights: &Arc<dyn Flights>, key: &str, turn: &str, instead_of: Option<&str>) -> String {
    let (turn, instead_of) = (TurnId::from(turn), instead_of.map(TurnId::from));
    let led = flights.lead(key, &turn, instead_of.as_ref(), LONG);
    within("lead", led).await.expect("lead").0
}

pub async fn the_first_turn_leads_and_goes_on_leading((here, there): Pair) {
    assert_eq!(lead(&here, "a", "resp_1", None).await, "resp_1");
    assert_eq!(lead(&there, "a", "resp_2", None).await, "resp_1");
    assert_eq!(lead(&there, "a", "resp_1", None).await, "resp_1");
}

pub async fn each_key_has_its_own_leader((here, there): Pair) {
    assert_eq!(lead(&here, "a", "resp_1", None).await, "resp_1");
    assert_eq!(lead(&there, "b", "resp_2", None).await, "resp_2");
}

pub async fn a_leader_gives_way_to_one_of_those_who_follow_it((here, there): Pair) {
    lead(&here, "a", "resp_1", None).await;
    assert_eq!(lead(&here, "a", "resp_2", Some("resp_1")).await, "resp_2");
    assert_eq!(lead(&there, "a", "resp_3", Some("resp_1")).await, "resp_2");
}

pub async fn many_at_once_agree_on_one_leader((here, there): Pair) {
    let asking = (0..40).map(|n| {
        let flights = if n % 2 == 0 { here.clone() } else { there.clone() };
        async move { lead(&flights, "a", &format!("resp_{n}"), None).await }
    });
    let mut leaders = join_all(asking).await;
    leaders.dedup();
    assert_eq!(leaders.len(), 1, "{leaders:?}");
}

pub async fn a_leader_is_forgotten_after_its_time((here, there): Pair) {
    let short = Duration::from_millis(100);
    let led = here.lead("a", &TurnId::from("resp_1"), None, short).await.unwrap();
    assert_eq!(led.as_str(), "resp_1");
    eventually("the leader", "resp_2".to_owned(), || lead(&there, "a", "resp_2", None)).await;
}
