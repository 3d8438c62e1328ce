//! The suite of [`Line`](crate::line::Line): the share of a business, and who waits for it.

use super::bench::{BUSINESS, Bench, LEASE, business, completed, hop, outcome, question};
use crate::ledger::Committed;
use crate::line::{Beginning, Queued, Taken, Waits};
use crate::store::{NewTurn, Offered, TurnState};
use contracts::event::Usage;
use contracts::job::Classify;
use contracts::{BusinessId, Envelope, Lane, Meta};
use futures_util::future::join_all;

/// Runs the suite: `ports::line_conformance!(make);`. `make` gives a [`Bench`] on a fresh database.
#[macro_export]
macro_rules! line_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            line,
            [
                beyond_its_share_nothing_of_a_turn_is_stored,
                what_has_ended_leaves_room,
                every_business_and_every_lane_has_its_own_share,
                many_offers_at_once_take_little_more_than_the_share,
                who_comes_while_others_wait_waits_behind_them,
                a_waiting_turn_is_read_back_with_its_place,
                a_line_that_is_full_takes_nobody,
                a_key_stands_for_its_waiting_turn,
                turns_are_taken_in_order_and_once,
                what_was_taken_and_not_begun_is_taken_again,
                a_begun_turn_is_accepted_and_in_flight,
                a_turn_that_ended_before_it_was_noted_as_begun_stays_ended,
                two_who_take_at_once_share_the_line,
                a_stopped_turn_is_shown_and_not_taken,
                a_turn_that_ended_in_line_is_gone_from_it,
                a_waiting_turn_can_be_refused_and_leaves_the_line,
                each_lane_has_its_own_lines,
            ]
        );
    };
}

fn sharing(id: &str, share: u32) -> NewTurn {
    NewTurn { share: Some(share), ..question(id) }
}

fn beginning(turn: &NewTurn) -> Beginning {
    let meta = Meta {
        turn: turn.id.clone(),
        business: turn.business.clone(),
        user: turn.user.clone(),
        conversation: None,
        connection: None,
        created_ms: turn.created_ms,
        deadline_ms: turn.deadline_ms,
        spent: Usage::default(),
        lane: turn.lane,
        replay_of: None,
    };
    let envelope =
        Envelope::first(meta, 2, &Classify { question: turn.question.clone(), shared_schema_ms: None }).unwrap();
    Beginning { envelope, events: vec!["{}".to_owned()], traceparent: Some("00-1-2-01".to_owned()) }
}

async fn wait(bench: &Bench, turn: NewTurn) -> Waits {
    bench.store.wait(&turn, &beginning(&turn), 100).await.expect("wait")
}

/// Turns `resp_1` to `resp_<count>` wait in this order.
async fn line_of(bench: &Bench, count: u64) {
    for n in 1..=count {
        assert_eq!(wait(bench, question(&format!("resp_{n}"))).await, Waits::At(n));
    }
}

async fn lines(bench: &Bench) -> Vec<Queued> {
    bench.store.lines(Lane::Interactive).await.unwrap()
}

async fn take(bench: &Bench, most: u32) -> Vec<String> {
    let taken = bench.store.take(Lane::Interactive, &business(), most, LEASE).await.unwrap();
    taken.into_iter().map(|taken| taken.turn.0).collect()
}

async fn state(bench: &Bench, id: &str) -> TurnState {
    bench.store.turn(&business(), &id.into()).await.unwrap().unwrap().state
}

async fn end(bench: &Bench, id: &str) {
    let fence = bench.granted(id, &hop(id)).await.fence;
    assert_eq!(bench.commit(outcome(id, &hop(id), fence), Some(completed("42"))).await, Committed::Stored);
}

pub async fn beyond_its_share_nothing_of_a_turn_is_stored(bench: Bench) {
    assert_eq!(bench.offer(sharing("resp_1", 2)).await, Offered::New);
    assert_eq!(bench.offer(sharing("resp_2", 2)).await, Offered::New);
    assert_eq!(bench.offer(sharing("resp_3", 2)).await, Offered::Beyond);
    assert_eq!(bench.store.turn(&business(), &"resp_3".into()).await.unwrap(), None);
    assert_eq!(bench.offer(question("resp_4")).await, Offered::New, "a turn without a share is not bounded");
}

pub async fn what_has_ended_leaves_room(bench: Bench) {
    bench.accept(sharing("resp_1", 1)).await;
    assert_eq!(bench.offer(sharing("resp_2", 1)).await, Offered::Beyond);
    end(&bench, "resp_1").await;
    assert_eq!(bench.offer(sharing("resp_2", 1)).await, Offered::New);
    assert!(bench.store.refuse(&"resp_2".into()).await.unwrap());
    assert_eq!(bench.offer(sharing("resp_3", 1)).await, Offered::New);
}

pub async fn every_business_and_every_lane_has_its_own_share(bench: Bench) {
    assert_eq!(bench.offer(sharing("resp_1", 1)).await, Offered::New);
    let other = NewTurn { business: "biz_2".into(), ..sharing("resp_2", 1) };
    assert_eq!(bench.offer(other).await, Offered::New);
    let backfill = NewTurn { lane: Lane::Backfill, ..sharing("resp_3", 1) };
    assert_eq!(bench.offer(backfill.clone()).await, Offered::New);
    assert_eq!(bench.offer(NewTurn { id: "resp_4".into(), ..backfill }).await, Offered::Beyond);
}

pub async fn many_offers_at_once_take_little_more_than_the_share(bench: Bench) {
    let offers = join_all((0..60).map(|n| bench.offer(sharing(&format!("resp_{n:02}"), 4)))).await;
    let taken = offers.iter().filter(|offer| **offer == Offered::New).count();
    assert!((4..=32).contains(&taken), "{taken} were taken");
    assert_eq!(offers.iter().filter(|offer| **offer == Offered::Beyond).count(), 60 - taken);
}

pub async fn who_comes_while_others_wait_waits_behind_them(bench: Bench) {
    line_of(&bench, 1).await;
    assert_eq!(bench.offer(sharing("resp_2", 5)).await, Offered::Beyond);
    assert_eq!(wait(&bench, sharing("resp_2", 5)).await, Waits::At(2));
}

pub async fn a_waiting_turn_is_read_back_with_its_place(bench: Bench) {
    line_of(&bench, 2).await;
    let turn = bench.store.turn(&business(), &"resp_2".into()).await.unwrap().unwrap();
    assert_eq!((turn.state, turn.place, turn.lane), (TurnState::Waiting, Some(2), Lane::Interactive));
    assert_eq!(lines(&bench).await, [Queued { business: business(), head: 1, tail: 2 }]);
    assert_eq!(lines(&bench).await[0].len(), 2);
    assert_eq!(bench.store.in_flight(Lane::Interactive).await.unwrap(), []);
}

pub async fn a_line_that_is_full_takes_nobody(bench: Bench) {
    for (n, expected) in [(1, Waits::At(1)), (2, Waits::At(2)), (3, Waits::Full)] {
        let turn = question(&format!("resp_{n}"));
        assert_eq!(bench.store.wait(&turn, &beginning(&turn), 2).await.unwrap(), expected);
    }
    assert_eq!(bench.store.turn(&business(), &"resp_3".into()).await.unwrap(), None);
}

pub async fn a_key_stands_for_its_waiting_turn(bench: Bench) {
    let keyed = |id: &str| NewTurn { idempotency_key: Some("key".to_owned()), ..sharing(id, 0) };
    assert_eq!(bench.offer(keyed("resp_1")).await, Offered::Beyond);
    assert_eq!(wait(&bench, keyed("resp_1")).await, Waits::At(1));
    assert_eq!(bench.offer(keyed("resp_2")).await, Offered::Known("resp_1".into()));
    assert_eq!(wait(&bench, keyed("resp_2")).await, Waits::Keyed(Offered::Known("resp_1".into())));
    let other = NewTurn { question: "another".to_owned(), ..keyed("resp_3") };
    assert_eq!(wait(&bench, other).await, Waits::Keyed(Offered::KeyReused));
}

pub async fn turns_are_taken_in_order_and_once(bench: Bench) {
    line_of(&bench, 3).await;
    let taken = bench.store.take(Lane::Interactive, &business(), 1, LEASE).await.unwrap();
    let expected = Taken { turn: "resp_1".into(), beginning: beginning(&question("resp_1")) };
    assert_eq!(taken, [expected]);
    assert_eq!(take(&bench, 5).await, ["resp_2", "resp_3"]);
    assert_eq!(take(&bench, 5).await, Vec::<String>::new());
    assert_eq!(lines(&bench).await[0].len(), 3, "they stay in line until they have begun");
}

pub async fn what_was_taken_and_not_begun_is_taken_again(bench: Bench) {
    line_of(&bench, 2).await;
    assert_eq!(take(&bench, 1).await, ["resp_1"]);
    bench.clock.advance(LEASE);
    assert_eq!(take(&bench, 2).await, ["resp_1", "resp_2"]);
}

pub async fn a_begun_turn_is_accepted_and_in_flight(bench: Bench) {
    line_of(&bench, 2).await;
    take(&bench, 1).await;
    for _ in 0..2 {
        bench.store.begun(&"resp_1".into()).await.unwrap();
        assert_eq!(state(&bench, "resp_1").await, TurnState::Accepted);
    }
    assert_eq!(lines(&bench).await, [Queued { business: business(), head: 2, tail: 2 }]);
    assert_eq!(bench.store.in_flight(Lane::Interactive).await.unwrap(), [(BusinessId::from(BUSINESS), 1)]);
    end(&bench, "resp_1").await;
    assert_eq!(bench.store.in_flight(Lane::Interactive).await.unwrap(), []);
}

pub async fn a_turn_that_ended_before_it_was_noted_as_begun_stays_ended(bench: Bench) {
    line_of(&bench, 1).await;
    take(&bench, 1).await;
    end(&bench, "resp_1").await;
    bench.store.begun(&"resp_1".into()).await.unwrap();
    assert_eq!(state(&bench, "resp_1").await, TurnState::Completed);
    assert_eq!(lines(&bench).await, []);
}

pub async fn two_who_take_at_once_share_the_line(bench: Bench) {
    line_of(&bench, 20).await;
    let takes = join_all((0..5).map(|_| take(&bench, 4))).await;
    let mut all: Vec<String> = takes.into_iter().flatten().collect();
    all.extend(take(&bench, 20).await);
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), count), (20, 20), "each was taken once");
}

pub async fn a_stopped_turn_is_shown_and_not_taken(bench: Bench) {
    line_of(&bench, 2).await;
    assert!(bench.store.request_cancel(&business(), &"resp_1".into()).await.unwrap());
    let stopped: Vec<_> = bench.store.stopped(10).await.unwrap().into_iter().map(|turn| turn.id.0).collect();
    assert_eq!(stopped, ["resp_1"]);
    assert_eq!(take(&bench, 2).await, ["resp_2"]);
}

pub async fn a_turn_that_ended_in_line_is_gone_from_it(bench: Bench) {
    line_of(&bench, 2).await;
    let grant = bench.ledger.seize(&"resp_1".into(), "sweeper", LEASE).await.unwrap().unwrap();
    let ended = bench.commit(outcome("resp_1", &hop("resp_1"), grant.fence), Some(completed(""))).await;
    assert_eq!(ended, Committed::Stored);
    assert_eq!(lines(&bench).await, [Queued { business: business(), head: 2, tail: 2 }]);
    assert_eq!(take(&bench, 2).await, ["resp_2"]);
}

pub async fn a_waiting_turn_can_be_refused_and_leaves_the_line(bench: Bench) {
    let keyed = NewTurn { idempotency_key: Some("key".to_owned()), ..question("resp_1") };
    wait(&bench, keyed.clone()).await;
    assert!(bench.store.refuse(&"resp_1".into()).await.unwrap());
    assert_eq!((state(&bench, "resp_1").await, lines(&bench).await), (TurnState::Refused, Vec::new()));
    assert_eq!(bench.offer(keyed).await, Offered::Reopened("resp_1".into()));
    assert_eq!(state(&bench, "resp_1").await, TurnState::Offered);
}

pub async fn each_lane_has_its_own_lines(bench: Bench) {
    line_of(&bench, 1).await;
    for (id, owner) in [("resp_2", "biz_3"), ("resp_3", "biz_2")] {
        let turn = NewTurn { lane: Lane::Backfill, business: owner.into(), ..question(id) };
        assert_eq!(wait(&bench, turn).await, Waits::At(1));
    }
    let backfill = bench.store.lines(Lane::Backfill).await.unwrap();
    assert_eq!(backfill.iter().map(|line| line.business.as_str()).collect::<Vec<_>>(), ["biz_2", "biz_3"]);
    assert_eq!(lines(&bench).await.len(), 1);
    assert_eq!(bench.store.lines(Lane::Scheduled).await.unwrap(), []);
}
