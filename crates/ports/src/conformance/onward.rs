//! The suite of [`Ledger`](crate::Ledger) where a run goes on with the next hop: outcome and claim are one step.

use super::bench::{Bench, LEASE, business, completed, first, hop, outcome, question};
use crate::ledger::{Back, Claim, Claimed, Commit, Committed, Grant, Outcome, Prepay, Renewed};
use contracts::HopId;
use std::time::Duration;

/// Runs the suite: `ports::onward_conformance!(make);`. `make` gives a [`Bench`] on a fresh database.
#[macro_export]
macro_rules! onward_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            onward,
            [
                the_next_hop_is_held_as_soon_as_the_outcome_is_stored,
                the_next_hop_is_a_first_run_under_a_new_fence,
                a_claim_with_an_outcome_spends_the_first_call_of_its_work,
                whoever_comes_upon_an_outcome_that_was_left_behind_publishes_it_once,
                an_outcome_that_was_left_behind_is_no_business_of_the_sweeper,
                a_claim_with_an_outcome_expires_as_any_other,
                a_claim_with_an_outcome_is_given_back_as_any_other,
                a_late_writer_claims_nothing,
                a_commit_with_a_claim_whose_answer_was_lost_may_be_repeated,
                a_claim_that_somebody_else_has_taken_over_is_not_repeated,
                whoever_wants_to_stop_is_told_with_the_claim,
                many_turns_that_go_on_and_that_do_not_each_get_their_own_answer,
            ]
        );
    };
}

fn next(turn: &str) -> HopId {
    hop(turn).child("reply", 0)
}

fn onward(bench: &Bench, turn: &str, fence: u64) -> Commit {
    let then = Some(bench.claim_of(turn, &next(turn), "worker"));
    Commit { then, ..Commit::of(outcome(turn, &hop(turn), fence)) }
}

async fn went_on(bench: &Bench, turn: &str) -> (Outcome, Grant) {
    bench.accepted(turn).await;
    let commit = onward(bench, turn, bench.granted(turn, &hop(turn)).await.fence);
    match bench.ledger.commit(commit.clone()).await.unwrap() {
        Committed::WentOn(grant) => (commit.outcome, grant),
        other => panic!("{turn} did not go on: {other:?}"),
    }
}

pub async fn the_next_hop_is_held_as_soon_as_the_outcome_is_stored(bench: Bench) {
    let (_, grant) = went_on(&bench, "resp_1").await;
    assert_eq!(bench.claim("resp_1", &next("resp_1"), "other").await, Claimed::Busy(LEASE));
    bench.clock.advance(Duration::from_secs(4));
    let renewed = bench.ledger.renew(&"resp_1".into(), grant.fence, LEASE).await.unwrap();
    assert_eq!(renewed, Renewed::Held { cancel_requested: false });
    assert_eq!(bench.claim("resp_1", &next("resp_1"), "other").await, Claimed::Busy(LEASE));
    let end = bench.commit(outcome("resp_1", &next("resp_1"), grant.fence), Some(completed("42"))).await;
    assert_eq!(end, Committed::Stored);
}

pub async fn the_next_hop_is_a_first_run_under_a_new_fence(bench: Bench) {
    bench.accepted("resp_1").await;
    bench.granted("resp_1", &hop("resp_1")).await;
    bench.clock.advance(LEASE);
    let again = bench.granted("resp_1", &hop("resp_1")).await;
    assert_eq!(again.attempt, 2);
    let Committed::WentOn(grant) = bench.ledger.commit(onward(&bench, "resp_1", again.fence)).await.unwrap() else {
        panic!("it did not go on")
    };
    assert!(grant.fence > again.fence);
    assert_eq!(grant, first(grant.fence));
}

pub async fn a_claim_with_an_outcome_spends_the_first_call_of_its_work(bench: Bench) {
    for (turn, most, prepaid) in [("resp_1", 1, 1), ("resp_2", 0, 0)] {
        bench.accepted(turn).await;
        let commit = onward(&bench, turn, bench.granted(turn, &hop(turn)).await.fence);
        let then =
            commit.then.map(|claim| Claim { prepays: Some(Prepay { calls: 1, most }), must_last: true, ..claim });
        let gone = bench.ledger.commit(Commit { then, ..commit }).await.unwrap();
        let Committed::WentOn(grant) = gone else { panic!("{turn} did not go on: {gone:?}") };
        assert_eq!(grant.prepaid, prepaid, "{turn}");
        assert!(!bench.ledger.spend_llm_call(&turn.into(), 1).await.unwrap(), "{turn}");
    }
}

pub async fn whoever_comes_upon_an_outcome_that_was_left_behind_publishes_it_once(bench: Bench) {
    let (left, _) = went_on(&bench, "resp_1").await;
    let found = bench.claim("resp_1", &hop("resp_1"), "other").await;
    assert_eq!(found, Claimed::Done(Box::new(left.clone())), "it is not published");
    bench.ledger.mark_published(&left.hop, left.fence).await.unwrap();
    let found = bench.claim("resp_1", &hop("resp_1"), "other").await;
    assert_eq!(found, Claimed::Done(Box::new(Outcome { published: true, ..left })));
}

pub async fn an_outcome_that_was_left_behind_is_no_business_of_the_sweeper(bench: Bench) {
    went_on(&bench, "resp_1").await;
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(bench.ledger.unpublished(Duration::ZERO, 10).await.unwrap(), []);
}

pub async fn a_claim_with_an_outcome_expires_as_any_other(bench: Bench) {
    let (_, grant) = went_on(&bench, "resp_1").await;
    assert_eq!(bench.ledger.expired(Duration::ZERO, 10).await.unwrap(), []);
    bench.clock.advance(LEASE + Duration::from_millis(1));
    assert_eq!(bench.ledger.expired(Duration::ZERO, 10).await.unwrap(), [("resp_1".into(), grant.fence)]);
    let taken = bench.granted("resp_1", &next("resp_1")).await;
    assert_eq!(taken.attempt, 2, "the run that went on counts");
    let late = bench.commit(outcome("resp_1", &next("resp_1"), grant.fence), None).await;
    assert_eq!(late, Committed::Fenced);
}

pub async fn a_claim_with_an_outcome_is_given_back_as_any_other(bench: Bench) {
    let (_, grant) = went_on(&bench, "resp_1").await;
    bench.ledger.release(&"resp_1".into(), grant.fence, Back::default()).await.unwrap();
    let again = bench.granted("resp_1", &next("resp_1")).await;
    assert_eq!(again, first(again.fence));
}

pub async fn a_late_writer_claims_nothing(bench: Bench) {
    bench.accepted("resp_1").await;
    let late = bench.granted("resp_1", &hop("resp_1")).await.fence;
    bench.clock.advance(LEASE);
    bench.granted("resp_1", &hop("resp_1")).await;
    assert_eq!(bench.ledger.commit(onward(&bench, "resp_1", late)).await.unwrap(), Committed::Fenced);
    assert_eq!(bench.claim("resp_1", &hop("resp_1"), "other").await, Claimed::Busy(LEASE));

    bench.answered(question("resp_2"), "42").await;
    assert_eq!(bench.ledger.commit(onward(&bench, "resp_2", 1)).await.unwrap(), Committed::Fenced);
    assert_eq!(bench.claim("resp_2", &next("resp_2"), "other").await, Claimed::Over);
}

pub async fn a_commit_with_a_claim_whose_answer_was_lost_may_be_repeated(bench: Bench) {
    bench.accepted("resp_1").await;
    let commit = onward(&bench, "resp_1", bench.granted("resp_1", &hop("resp_1")).await.fence);
    let heard = bench.ledger.commit(commit.clone()).await.unwrap();
    assert!(matches!(heard, Committed::WentOn(_)), "{heard:?}");
    assert_eq!(bench.ledger.commit(commit).await.unwrap(), heard);
}

pub async fn a_claim_that_somebody_else_has_taken_over_is_not_repeated(bench: Bench) {
    bench.accepted("resp_1").await;
    let commit = onward(&bench, "resp_1", bench.granted("resp_1", &hop("resp_1")).await.fence);
    bench.ledger.commit(commit.clone()).await.unwrap();
    bench.clock.advance(LEASE);
    // The same process, by another delivery.
    bench.granted("resp_1", &next("resp_1")).await;
    assert_eq!(bench.ledger.commit(commit).await.unwrap(), Committed::Fenced);
}

pub async fn whoever_wants_to_stop_is_told_with_the_claim(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let commit = onward(&bench, "resp_1", bench.granted("resp_1", &hop("resp_1")).await.fence);
    assert!(bench.store.request_cancel(&business(), &turn).await.unwrap());
    let gone = bench.ledger.commit(commit).await.unwrap();
    let Committed::WentOn(grant) = gone else { panic!("it did not go on: {gone:?}") };
    assert!(grant.cancel_requested);
}

pub async fn many_turns_that_go_on_and_that_do_not_each_get_their_own_answer(bench: Bench) {
    let turns: Vec<_> = (0..60).map(|n| format!("resp_{n:03}")).collect();
    let ran = futures_util::future::join_all(turns.iter().enumerate().map(|(n, turn)| {
        let bench = &bench;
        async move {
            bench.accepted(turn).await;
            let fence = bench.granted(turn, &hop(turn)).await.fence;
            let commit = onward(bench, turn, fence);
            let then = commit.then.filter(|_| n % 3 > 0);
            (n % 3 > 0, fence, bench.ledger.commit(Commit { then, ..commit }).await.unwrap())
        }
    }))
    .await;
    for (turn, (goes_on, fence, committed)) in turns.iter().zip(ran) {
        match committed {
            Committed::WentOn(grant) if goes_on => assert!(grant.fence > fence, "{turn}"),
            Committed::Stored if !goes_on => {}
            other => panic!("{turn}: {other:?}"),
        }
    }
}
