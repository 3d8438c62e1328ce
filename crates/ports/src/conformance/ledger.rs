//! The suite of [`Ledger`](crate::Ledger): claims, leases, fences, outcomes.

use super::bench::{Bench, LEASE, business, call, completed, first, hop, outcome, question, rows, user};
use crate::ledger::{Back, Claim, Claimed, Commit, Committed, Grant, Outcome, Prepay, Renewed, Used};
use crate::store::{EndState, TurnState};
use contracts::event::Usage;
use contracts::{Envelope, HopId, Meta, TurnId};
use futures_util::future::join_all;
use std::time::Duration;

/// A run that counts.
const SPENT: Back = Back { used: Used::Attempt, unused_calls: 0 };

/// Runs the suite: `ports::ledger_conformance!(make);`. `make` gives a [`Bench`] on a fresh database.
#[macro_export]
macro_rules! ledger_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            ledger,
            [
                the_first_claim_of_a_turn_has_fence_and_attempt_one,
                a_held_hop_is_busy_for_the_rest_of_its_lease,
                a_held_hop_is_busy_for_its_own_holder_too,
                a_lease_that_ran_out_is_claimed_again_as_the_next_attempt,
                fifty_claims_of_one_hop_grant_exactly_one,
                a_renewed_lease_holds_longer,
                a_claim_and_a_renewal_tell_that_the_user_wants_to_stop,
                a_claim_that_was_taken_over_cannot_be_renewed,
                a_released_hop_cannot_be_renewed,
                a_released_run_counts_by_what_it_used,
                a_new_hop_has_all_its_attempts,
                a_release_under_an_old_fence_changes_nothing,
                an_outcome_goes_to_whoever_claims_its_hop_again,
                an_outcome_says_whether_it_was_published,
                a_mark_for_another_run_says_nothing_of_this_outcome,
                the_next_hop_is_free_once_the_outcome_is_stored,
                a_hop_before_the_current_one_is_never_run_again,
                a_sibling_that_is_done_is_never_run_again,
                a_late_writer_is_fenced_and_stores_nothing,
                a_released_claim_stores_nothing,
                a_commit_whose_answer_was_lost_may_be_repeated,
                rows_are_stored_with_the_outcome,
                two_ends_of_a_turn_and_one_wins,
                an_ended_turn_is_over,
                a_refused_or_unknown_turn_is_over,
                a_seized_turn_is_nobody_elses,
                a_seizure_that_ran_out_gives_the_hop_back,
                an_ended_turn_cannot_be_seized,
                a_turn_spends_up_to_its_budget,
                a_claim_spends_the_first_call_of_its_work,
                a_claim_spends_no_more_calls_than_there_are,
                calls_that_were_not_made_are_given_back_with_the_outcome,
                a_call_that_was_not_made_is_given_back_with_the_claim,
                calls_are_stored_with_the_outcome,
                fifty_calls_at_once_spend_exactly_the_budget,
                an_ended_or_unknown_turn_spends_nothing,
                outcomes_left_unpublished_come_oldest_first,
                a_voided_claim_is_free_and_its_writer_fenced,
                many_turns_at_once_each_get_their_own_answer,
                what_a_turn_had_not_finished_is_the_job_that_the_last_step_left,
            ]
        );
    };
}

pub async fn the_first_claim_of_a_turn_has_fence_and_attempt_one(bench: Bench) {
    bench.accepted("resp_1").await;
    let grant = bench.granted("resp_1", &hop("resp_1")).await;
    assert!(grant.fence > 0, "0 is the fence of the API");
    assert_eq!(grant, first(grant.fence));
}

pub async fn a_held_hop_is_busy_for_the_rest_of_its_lease(bench: Bench) {
    bench.accepted("resp_1").await;
    bench.granted("resp_1", &hop("resp_1")).await;
    bench.clock.advance(Duration::from_secs(4));
    let second = bench.claim("resp_1", &hop("resp_1"), "other").await;
    assert_eq!(second, Claimed::Busy(Duration::from_secs(6)));
}

pub async fn a_held_hop_is_busy_for_its_own_holder_too(bench: Bench) {
    bench.accepted("resp_1").await;
    bench.granted("resp_1", &hop("resp_1")).await;
    assert_eq!(bench.claim("resp_1", &hop("resp_1"), "worker").await, Claimed::Busy(LEASE));
}

pub async fn a_lease_that_ran_out_is_claimed_again_as_the_next_attempt(bench: Bench) {
    bench.accepted("resp_1").await;
    let late = bench.granted("resp_1", &hop("resp_1")).await.fence;
    bench.clock.advance(LEASE);
    let grant = bench.granted("resp_1", &hop("resp_1")).await;
    assert!(grant.fence > late);
    assert_eq!(grant, Grant { attempt: 2, spent: 2, ..first(grant.fence) });
}

pub async fn fifty_claims_of_one_hop_grant_exactly_one(bench: Bench) {
    bench.accepted("resp_1").await;
    let hop = hop("resp_1");
    let owners: Vec<_> = (0..50).map(|n| format!("worker_{n}")).collect();
    let claims = join_all(owners.iter().map(|owner| bench.claim("resp_1", &hop, owner))).await;
    let granted = claims.iter().filter(|claim| matches!(claim, Claimed::Granted(_))).count();
    let busy = claims.iter().filter(|claim| matches!(claim, Claimed::Busy(_))).count();
    assert_eq!((granted, busy), (1, 49));
}

pub async fn a_renewed_lease_holds_longer(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let fence = bench.granted("resp_1", &hop("resp_1")).await.fence;
    bench.clock.advance(Duration::from_secs(8));
    let renewed = bench.ledger.renew(&turn, fence, LEASE).await.unwrap();
    assert_eq!(renewed, Renewed::Held { cancel_requested: false });
    bench.clock.advance(Duration::from_secs(8));
    let second = bench.claim("resp_1", &hop("resp_1"), "other").await;
    assert_eq!(second, Claimed::Busy(Duration::from_secs(2)));
}

pub async fn a_claim_and_a_renewal_tell_that_the_user_wants_to_stop(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let fence = bench.granted("resp_1", &hop("resp_1")).await.fence;
    assert!(bench.store.request_cancel(&business(), &turn).await.unwrap());
    let renewed = bench.ledger.renew(&turn, fence, LEASE).await.unwrap();
    assert_eq!(renewed, Renewed::Held { cancel_requested: true });
    bench.clock.advance(LEASE);
    assert!(bench.granted("resp_1", &hop("resp_1")).await.cancel_requested);
}

pub async fn a_claim_that_was_taken_over_cannot_be_renewed(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let fence = bench.granted("resp_1", &hop("resp_1")).await.fence;
    bench.clock.advance(LEASE);
    bench.granted("resp_1", &hop("resp_1")).await;
    assert_eq!(bench.ledger.renew(&turn, fence, LEASE).await.unwrap(), Renewed::Lost);
}

pub async fn a_released_hop_cannot_be_renewed(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let fence = bench.granted("resp_1", &hop("resp_1")).await.fence;
    bench.ledger.release(&turn, fence, SPENT).await.unwrap();
    assert_eq!(bench.ledger.renew(&turn, fence, LEASE).await.unwrap(), Renewed::Lost);
}

/// Also when it is released twice.
pub async fn a_released_run_counts_by_what_it_used(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let mut counted = Vec::new();
    for used in [Used::Nothing, Used::Number, Used::Attempt, Used::Nothing, Used::Number, Used::Attempt] {
        let grant = bench.granted("resp_1", &hop("resp_1")).await;
        counted.push((grant.attempt, grant.spent));
        bench.ledger.release(&turn, grant.fence, Back { used, ..Back::default() }).await.unwrap();
        bench.ledger.release(&turn, grant.fence, Back { used, ..Back::default() }).await.unwrap();
    }
    assert_eq!(counted, [(1, 1), (1, 1), (2, 1), (3, 2), (3, 2), (4, 2)]);
    // One that ended its process counts.
    bench.granted("resp_1", &hop("resp_1")).await;
    bench.clock.advance(LEASE);
    let grant = bench.granted("resp_1", &hop("resp_1")).await;
    assert_eq!((grant.attempt, grant.spent), (6, 4));
}

pub async fn a_new_hop_has_all_its_attempts(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let spared = Back { used: Used::Number, ..Back::default() };
    for back in [spared, SPENT, spared] {
        let grant = bench.granted("resp_1", &hop("resp_1")).await;
        bench.ledger.release(&turn, grant.fence, back).await.unwrap();
    }
    bench.done("resp_1", &hop("resp_1")).await;
    let next = HopId(format!("{}/next.0", hop("resp_1").as_str()));
    let grant = bench.granted("resp_1", &next).await;
    assert_eq!((grant.attempt, grant.spent), (1, 1));
}

pub async fn a_release_under_an_old_fence_changes_nothing(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let old = bench.granted("resp_1", &hop("resp_1")).await.fence;
    bench.clock.advance(LEASE);
    bench.granted("resp_1", &hop("resp_1")).await;
    bench.ledger.release(&turn, old, Back::default()).await.unwrap();
    assert_eq!(bench.claim("resp_1", &hop("resp_1"), "other").await, Claimed::Busy(LEASE));
}

pub async fn an_outcome_goes_to_whoever_claims_its_hop_again(bench: Bench) {
    bench.accepted("resp_1").await;
    let done = bench.done("resp_1", &hop("resp_1")).await;
    assert_eq!(bench.claim("resp_1", &hop("resp_1"), "other").await, Claimed::Done(Box::new(done)));
}

pub async fn an_outcome_says_whether_it_was_published(bench: Bench) {
    bench.accepted("resp_1").await;
    let fence = bench.done("resp_1", &hop("resp_1")).await.fence;
    bench.ledger.mark_published(&hop("resp_1"), fence).await.unwrap();
    bench.ledger.mark_published(&hop("resp_1"), fence).await.unwrap();
    let Claimed::Done(outcome) = bench.claim("resp_1", &hop("resp_1"), "other").await else { panic!("not done") };
    assert!(outcome.published);
}

/// A store that crashed may have forgotten the outcome that was published, and hold one of a later run.
pub async fn a_mark_for_another_run_says_nothing_of_this_outcome(bench: Bench) {
    bench.accepted("resp_1").await;
    let done = bench.done("resp_1", &hop("resp_1")).await;
    bench.ledger.mark_published(&hop("resp_1"), done.fence - 1).await.unwrap();
    assert_eq!(bench.claim("resp_1", &hop("resp_1"), "other").await, Claimed::Done(Box::new(done)));
}

pub async fn the_next_hop_is_free_once_the_outcome_is_stored(bench: Bench) {
    bench.accepted("resp_1").await;
    let done = bench.done("resp_1", &hop("resp_1")).await;
    let grant = bench.granted("resp_1", &hop("resp_1").child("generate_sql", 0)).await;
    assert!(grant.fence > done.fence);
    assert_eq!(grant, first(grant.fence));
}

pub async fn a_hop_before_the_current_one_is_never_run_again(bench: Bench) {
    bench.accepted("resp_1").await;
    let (first, second) = (hop("resp_1"), hop("resp_1").child("generate_sql", 0));
    bench.done("resp_1", &first).await;
    bench.done("resp_1", &second).await;
    bench.granted("resp_1", &second.child("execute_sql", 0)).await;
    bench.clock.advance(LEASE);
    assert!(matches!(bench.claim("resp_1", &first, "other").await, Claimed::Done(_)));
    assert!(matches!(bench.claim("resp_1", &second, "other").await, Claimed::Done(_)));

    bench.accepted("resp_2").await;
    bench.granted("resp_2", &hop("resp_2").child("generate_sql", 0)).await;
    assert_eq!(bench.claim("resp_2", &hop("resp_2"), "other").await, Claimed::Over);
}

pub async fn a_sibling_that_is_done_is_never_run_again(bench: Bench) {
    bench.accepted("resp_1").await;
    let first = bench.done("resp_1", &hop("resp_1").child("reply", 0)).await;
    bench.done("resp_1", &hop("resp_1").child("reply", 1)).await;
    assert_eq!(bench.claim("resp_1", &first.hop, "other").await, Claimed::Done(Box::new(first)));
}

pub async fn a_late_writer_is_fenced_and_stores_nothing(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let late = bench.granted("resp_1", &hop("resp_1")).await.fence;
    bench.clock.advance(LEASE);
    bench.granted("resp_1", &hop("resp_1")).await;
    let result = rows("resp_1", "res_late");
    let commit = Commit {
        outcome: outcome("resp_1", &hop("resp_1"), late),
        result: Some(result.clone()),
        end: Some(completed("late")),
        calls: vec![call("resp_1", "llm_late")],
        unused_calls: 0,
        then: None,
    };
    assert_eq!(bench.ledger.commit(commit).await.unwrap(), Committed::Fenced);
    assert_eq!(bench.claim("resp_1", &hop("resp_1"), "other").await, Claimed::Busy(LEASE));
    assert_eq!(bench.store.result(&business(), &result.id).await.unwrap(), None);
    let stored = bench.store.turn(&business(), &turn).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.usage), (TurnState::Accepted, Usage::default()));
}

pub async fn a_released_claim_stores_nothing(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let fence = bench.granted("resp_1", &hop("resp_1")).await.fence;
    bench.ledger.release(&turn, fence, SPENT).await.unwrap();
    assert_eq!(bench.commit(outcome("resp_1", &hop("resp_1"), fence), None).await, Committed::Fenced);
}

pub async fn a_commit_whose_answer_was_lost_may_be_repeated(bench: Bench) {
    bench.accepted("resp_1").await;
    let done = outcome("resp_1", &hop("resp_1"), bench.granted("resp_1", &hop("resp_1")).await.fence);
    for _ in 0..2 {
        assert_eq!(bench.commit(done.clone(), Some(completed("once"))).await, Committed::Stored);
    }
    assert_eq!(bench.commit(done, Some(completed("twice"))).await, Committed::Stored);
    let turn = bench.store.turn(&business(), &"resp_1".into()).await.unwrap().unwrap();
    assert_eq!(turn.end.unwrap().answer, "once");
}

pub async fn rows_are_stored_with_the_outcome(bench: Bench) {
    bench.accepted("resp_1").await;
    let fence = bench.granted("resp_1", &hop("resp_1")).await.fence;
    let result = rows("resp_1", "res_1");
    let outcome = outcome("resp_1", &hop("resp_1"), fence);
    let commit = Commit { result: Some(result.clone()), ..Commit::of(outcome) };
    assert_eq!(bench.ledger.commit(commit).await.unwrap(), Committed::Stored);
    assert_eq!(bench.store.result(&business(), &result.id).await.unwrap(), Some(result.rows));
    let turn = bench.store.turn(&business(), &result.turn).await.unwrap().unwrap();
    assert_eq!((turn.next_seq, turn.state, turn.end), (7, TurnState::Accepted, None));
}

pub async fn two_ends_of_a_turn_and_one_wins(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let worker = bench.granted("resp_1", &hop("resp_1")).await.fence;
    let sweeper = bench.ledger.seize(&turn, "sweeper", LEASE).await.unwrap().unwrap().fence;
    let swept = hop("resp_1").child("sweep", 0);
    let ends = tokio::join!(
        bench.commit(outcome("resp_1", &hop("resp_1"), worker), Some(completed("worker"))),
        bench.commit(outcome("resp_1", &swept, sweeper), Some(completed("sweeper"))),
    );
    assert_eq!(ends, (Committed::Fenced, Committed::Stored));
    let turn = bench.store.turn(&business(), &turn).await.unwrap().unwrap();
    assert_eq!(turn.end.unwrap().answer, "sweeper");
}

pub async fn an_ended_turn_is_over(bench: Bench) {
    bench.answered(question("resp_1"), "42").await;
    let last = hop("resp_1");
    assert!(matches!(bench.claim("resp_1", &last, "other").await, Claimed::Done(_)));
    assert_eq!(bench.claim("resp_1", &last.child("reply", 0), "other").await, Claimed::Over);
    assert_eq!(bench.commit(outcome("resp_1", &last.child("reply", 0), 1), None).await, Committed::Fenced);
}

pub async fn a_refused_or_unknown_turn_is_over(bench: Bench) {
    bench.offer(question("resp_1")).await;
    assert!(bench.store.refuse(&"resp_1".into()).await.unwrap());
    assert_eq!(bench.claim("resp_1", &hop("resp_1"), "worker").await, Claimed::Over);
    assert_eq!(bench.claim("resp_2", &hop("resp_2"), "worker").await, Claimed::Over);
}

pub async fn a_seized_turn_is_nobody_elses(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let old = bench.granted("resp_1", &hop("resp_1")).await.fence;
    let grant = bench.ledger.seize(&turn, "sweeper", LEASE).await.unwrap().unwrap();
    assert!(grant.fence > old);
    assert_eq!(grant, first(grant.fence));
    assert_eq!(bench.ledger.renew(&turn, old, LEASE).await.unwrap(), Renewed::Lost);
    let next = hop("resp_1").child("generate_sql", 0);
    assert_eq!(bench.claim("resp_1", &hop("resp_1"), "other").await, Claimed::Busy(LEASE));
    assert_eq!(bench.claim("resp_1", &next, "other").await, Claimed::Busy(LEASE));
}

pub async fn a_seizure_that_ran_out_gives_the_hop_back(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    bench.granted("resp_1", &hop("resp_1")).await;
    let seizure = bench.ledger.seize(&turn, "sweeper", LEASE).await.unwrap().unwrap();
    bench.clock.advance(LEASE);
    let grant = bench.granted("resp_1", &hop("resp_1")).await;
    assert!(grant.fence > seizure.fence);
    assert_eq!(grant.attempt, 2);
}

pub async fn an_ended_turn_cannot_be_seized(bench: Bench) {
    let turn = bench.answered(question("resp_1"), "42").await;
    assert_eq!(bench.ledger.seize(&turn, "sweeper", LEASE).await.unwrap(), None);
    assert_eq!(bench.ledger.seize(&"resp_2".into(), "sweeper", LEASE).await.unwrap(), None);
}

pub async fn a_turn_spends_up_to_its_budget(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    assert!(bench.ledger.spend_llm_call(&turn, 2).await.unwrap());
    assert!(bench.ledger.spend_llm_call(&turn, 2).await.unwrap());
    assert!(!bench.ledger.spend_llm_call(&turn, 2).await.unwrap());
    assert!(bench.ledger.spend_llm_call(&turn, 3).await.unwrap());
}

/// Claims for a run that makes so many calls of at most so many, and gives up.
async fn prepaid_and_spent(bench: &Bench, turn: &TurnId, calls: u32, most: u32) -> u32 {
    let grant = prepaying(bench, Prepay { calls, most }, false).await;
    bench.ledger.release(turn, grant.fence, SPENT).await.unwrap();
    grant.prepaid
}

async fn prepaying(bench: &Bench, prepays: Prepay, must_last: bool) -> Grant {
    let claim = Claim { prepays: Some(prepays), must_last, ..bench.claim_of("resp_1", &hop("resp_1"), "worker") };
    let Claimed::Granted(grant) = bench.ledger.claim(claim).await.unwrap() else { panic!("not granted") };
    grant
}

pub async fn a_claim_spends_the_first_call_of_its_work(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    for expected in [1, 1, 0] {
        assert_eq!(prepaid_and_spent(&bench, &turn, 1, 2).await, expected);
    }
    assert!(!bench.ledger.spend_llm_call(&turn, 2).await.unwrap());
    assert_eq!(bench.granted("resp_1", &hop("resp_1")).await.prepaid, 0);
}

/// A claim may spend calls of the runs after its own, and gets as many as are left.
pub async fn a_claim_spends_no_more_calls_than_there_are(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    for expected in [2, 1, 0] {
        assert_eq!(prepaid_and_spent(&bench, &turn, 2, 3).await, expected);
    }
}

pub async fn calls_that_were_not_made_are_given_back_with_the_outcome(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let grant = prepaying(&bench, Prepay { calls: 2, most: 2 }, false).await;
    let commit = Commit { unused_calls: 1, ..Commit::of(outcome("resp_1", &hop("resp_1"), grant.fence)) };
    assert_eq!(bench.ledger.commit(commit).await.unwrap(), Committed::Stored);
    assert!(bench.ledger.spend_llm_call(&turn, 2).await.unwrap());
    assert!(!bench.ledger.spend_llm_call(&turn, 2).await.unwrap());
}

pub async fn a_call_that_was_not_made_is_given_back_with_the_claim(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    for must_last in [false, true, false] {
        let grant = prepaying(&bench, Prepay { calls: 1, most: 1 }, must_last).await;
        assert_eq!(grant.prepaid, 1);
        let unused = Back { used: Used::Nothing, unused_calls: 1 };
        bench.ledger.release(&turn, grant.fence, unused).await.unwrap();
        bench.ledger.release(&turn, grant.fence, unused).await.unwrap();
    }
    assert!(bench.ledger.spend_llm_call(&turn, 1).await.unwrap());
    assert!(!bench.ledger.spend_llm_call(&turn, 1).await.unwrap());
}

pub async fn calls_are_stored_with_the_outcome(bench: Bench) {
    let turns = ["resp_1", "resp_2", "resp_3"];
    for turn in turns {
        bench.accepted(turn).await;
    }
    let commits = turns.iter().enumerate().map(async |(count, turn)| {
        let outcome = outcome(turn, &hop(turn), bench.granted(turn, &hop(turn)).await.fence);
        let calls = (0..count).map(|n| call(turn, &format!("llm_{turn}_{n}"))).collect();
        bench.ledger.commit(Commit { calls, ..Commit::of(outcome) }).await.unwrap()
    });
    assert_eq!(join_all(commits).await, [Committed::Stored; 3]);
    bench.store.record_llm_call(&call("resp_3", "llm_alone")).await.unwrap();
    for (turn, count) in turns.iter().zip([0, 1, 3]) {
        let usage = bench.store.turn(&business(), &(*turn).into()).await.unwrap().unwrap().usage;
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.total_tokens), (10 * count, 2 * count, 12 * count));
    }
}

pub async fn fifty_calls_at_once_spend_exactly_the_budget(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let calls = join_all((0..50).map(|_| bench.ledger.spend_llm_call(&turn, 8))).await;
    assert_eq!(calls.into_iter().filter(|call| *call.as_ref().unwrap()).count(), 8);
}

pub async fn an_ended_or_unknown_turn_spends_nothing(bench: Bench) {
    let turn = bench.answered(question("resp_1"), "42").await;
    assert!(!bench.ledger.spend_llm_call(&turn, 8).await.unwrap());
    assert!(!bench.ledger.spend_llm_call(&"resp_2".into(), 8).await.unwrap());
}

pub async fn outcomes_left_unpublished_come_oldest_first(bench: Bench) {
    let mut hops = Vec::new();
    for turn in ["resp_3", "resp_1", "resp_2", "resp_4"] {
        bench.accepted(turn).await;
        hops.push(bench.done(turn, &hop(turn)).await);
        bench.clock.advance(Duration::from_secs(2));
    }
    bench.ledger.mark_published(&hop("resp_1"), hops[1].fence).await.unwrap();
    let left = bench.ledger.unpublished(Duration::from_secs(3), 10).await.unwrap();
    assert_eq!(left, [hops[0].clone(), hops[2].clone()]);
    assert_eq!(bench.ledger.unpublished(Duration::from_secs(3), 1).await.unwrap(), [hops[0].clone()]);
    assert_eq!(bench.ledger.unpublished(Duration::from_secs(60), 10).await.unwrap(), []);
}

pub async fn a_voided_claim_is_free_and_its_writer_fenced(bench: Bench) {
    bench.accepted("resp_1").await;
    let fence = bench.granted("resp_1", &hop("resp_1")).await.fence;
    bench.ledger.void_claims().await.unwrap();
    assert_eq!(bench.commit(outcome("resp_1", &hop("resp_1"), fence), None).await, Committed::Fenced);
    assert_eq!(bench.granted("resp_1", &hop("resp_1")).await.attempt, 2);
}

pub async fn many_turns_at_once_each_get_their_own_answer(bench: Bench) {
    let turns: Vec<_> = (0..150).map(|n| format!("resp_{n:03}")).collect();
    join_all(turns.iter().map(|turn| bench.accepted(turn))).await;
    let done = join_all(turns.iter().map(|turn| async {
        let first = bench.done(turn, &hop(turn)).await;
        let last = bench.done(turn, &first.hop.child("reply", 0)).await;
        assert!(last.fence > first.fence);
        last
    }))
    .await;
    for (turn, last) in turns.iter().zip(done) {
        assert_eq!(bench.claim(turn, &last.hop, "other").await, Claimed::Done(Box::new(last)));
    }
}

pub async fn what_a_turn_had_not_finished_is_the_job_that_the_last_step_left(bench: Bench) {
    bench.accepted("resp_1").await;
    let begun = hop("resp_1");
    assert_eq!(bench.ledger.unfinished(&"resp_1".into()).await.unwrap(), None);
    let next = Envelope {
        v: 1,
        kind: "reply".to_owned(),
        hop: begun.child("reply", 0),
        meta: meta("resp_1"),
        next_seq: 7,
        job: serde_json::json!({"n": 1}),
    };
    let done =
        Outcome { next: vec![next.clone()], ..outcome("resp_1", &begun, bench.granted("resp_1", &begun).await.fence) };
    assert_eq!(bench.commit(done, None).await, Committed::Stored);
    let second = begun.child("reply", 0);
    let fence = bench.granted("resp_1", &second).await.fence;
    let (at_once, in_a_while) = (Duration::ZERO, Duration::from_secs(60));
    assert_eq!(bench.ledger.expired(at_once, 10).await.unwrap(), [], "the claim holds");
    bench.clock.advance(LEASE + Duration::from_millis(1));
    assert_eq!(bench.ledger.expired(at_once, 10).await.unwrap(), [("resp_1".into(), fence)]);
    assert_eq!(bench.ledger.expired(in_a_while, 10).await.unwrap(), [], "not for so long");
    let stopped = EndState { state: TurnState::Incomplete, ..completed("") };
    assert_eq!(bench.commit(outcome("resp_1", &second, fence), Some(stopped)).await, Committed::Stored);
    assert_eq!(bench.ledger.unfinished(&"resp_1".into()).await.unwrap(), Some(next));
    assert_eq!(bench.ledger.unfinished(&"resp_2".into()).await.unwrap(), None);
    assert_eq!(bench.ledger.expired(at_once, 10).await.unwrap(), [], "its turn has ended");
}

fn meta(turn: &str) -> Meta {
    Meta {
        turn: turn.into(),
        business: business(),
        user: user(),
        conversation: None,
        connection: None,
        created_ms: 0,
        deadline_ms: 0,
        spent: Default::default(),
        lane: Default::default(),
        replay_of: None,
    }
}
