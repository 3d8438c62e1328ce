//! The suite of [`Ledger`](crate::Ledger) about turns that nobody holds, and the jobs that they wait for.

use super::bench::{Bench, ManualClock, completed, first_job, hop, outcome, question};
use crate::ledger::{Back, Committed, Outcome};
use crate::line::{Beginning, Waits};
use crate::store::{NewTurn, Offered};
use contracts::Envelope;

/// Runs the suite: `ports::awaited_conformance!(make);`. `make` gives a [`Bench`] on a fresh database.
#[macro_export]
macro_rules! awaited_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            awaited,
            [
                what_nobody_holds_is_told_with_the_job_that_it_waits_for,
                the_oldest_of_those_that_nobody_holds_are_told_first,
                the_first_job_of_a_turn_that_is_offered_again_knows_its_deadline,
                a_turn_that_left_its_line_is_told_with_its_first_job,
            ]
        );
    };
}

pub async fn what_nobody_holds_is_told_with_the_job_that_it_waits_for(bench: Bench) {
    let (asked, first) = (question("resp_1"), hop("resp_1"));
    let (turn, job) = (asked.id.clone(), first_job(&asked));
    bench.offer(asked.clone()).await;
    assert_eq!(bench.ledger.idle(10).await.unwrap(), [], "nobody was told that it was taken");
    assert_eq!(bench.ledger.awaited(&turn).await.unwrap(), Some(job.clone()));
    assert!(bench.store.accept(&turn).await.unwrap());
    assert_eq!(bench.ledger.idle(10).await.unwrap(), [(turn.clone(), 0)]);

    let fence = bench.granted("resp_1", &first).await.fence;
    assert_eq!(bench.ledger.idle(10).await.unwrap(), [], "it is held");
    assert_eq!(bench.ledger.awaited(&turn).await.unwrap(), Some(job.clone()));
    bench.ledger.release(&turn, fence, Back::default()).await.unwrap();
    assert_eq!(bench.ledger.idle(10).await.unwrap(), [(turn.clone(), fence)]);
    assert_eq!(bench.ledger.awaited(&turn).await.unwrap(), Some(job));

    let next = Envelope { hop: first.child("reply", 0), kind: "reply".to_owned(), ..first_job(&asked) };
    let fence = bench.granted("resp_1", &first).await.fence;
    let done = Outcome { next: vec![next.clone()], ..outcome("resp_1", &first, fence) };
    assert_eq!(bench.commit(done, None).await, Committed::Stored);
    assert_eq!(bench.ledger.idle(10).await.unwrap(), [(turn.clone(), fence)]);
    assert_eq!(bench.ledger.awaited(&turn).await.unwrap(), Some(next.clone()), "it waits for the next");
    let fence = bench.granted("resp_1", &next.hop).await.fence;
    assert_eq!(bench.ledger.awaited(&turn).await.unwrap(), Some(next.clone()), "it is at the next");
    let end = Some(completed("42"));
    assert_eq!(bench.commit(outcome("resp_1", &next.hop, fence), end).await, Committed::Stored);
    assert_eq!(bench.ledger.idle(10).await.unwrap(), []);
    assert_eq!(bench.ledger.awaited(&turn).await.unwrap(), None, "it has ended");
}

pub async fn the_oldest_of_those_that_nobody_holds_are_told_first(bench: Bench) {
    for id in ["resp_2", "resp_1", "resp_3"] {
        bench.accepted(id).await;
    }
    assert_eq!(bench.ledger.idle(2).await.unwrap(), [("resp_1".into(), 0), ("resp_2".into(), 0)]);
}

/// It is offered again with another deadline, which its job must know.
pub async fn the_first_job_of_a_turn_that_is_offered_again_knows_its_deadline(bench: Bench) {
    let keyed = |id: &str| NewTurn { idempotency_key: Some("key".to_owned()), ..question(id) };
    bench.offer(keyed("resp_1")).await;
    assert!(bench.store.refuse(&"resp_1".into()).await.unwrap());
    assert_eq!(bench.ledger.awaited(&"resp_1".into()).await.unwrap(), None, "it was refused");
    let later = NewTurn { deadline_ms: ManualClock::START_MS + 90_000, ..keyed("resp_2") };
    assert_eq!(bench.offer(later.clone()).await, Offered::Reopened("resp_1".into()));
    let again = first_job(&NewTurn { id: "resp_1".into(), ..later });
    assert_eq!(bench.ledger.awaited(&"resp_1".into()).await.unwrap(), Some(again));
}

pub async fn a_turn_that_left_its_line_is_told_with_its_first_job(bench: Bench) {
    let asked = question("resp_1");
    let beginning = Beginning { envelope: first_job(&asked), events: Vec::new(), traceparent: None };
    assert_eq!(bench.store.wait(&asked, &beginning, 10).await.unwrap(), Waits::At(1));
    assert_eq!(bench.ledger.idle(10).await.unwrap(), [], "it waits in line");
    bench.store.begun(&asked.id).await.unwrap();
    assert_eq!(bench.ledger.idle(10).await.unwrap(), [(asked.id.clone(), 0)]);
    assert_eq!(bench.ledger.awaited(&asked.id).await.unwrap(), Some(beginning.envelope));
}
