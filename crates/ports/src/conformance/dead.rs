//! The suite of [`DeadJobs`](crate::dead::DeadJobs).

use super::bench::{Bench, ManualClock, business, hop};
use crate::dead::{DeadFilter, DeadJob, DeadState, Decision, Scope};
use bytes::Bytes;
use contracts::{DeadId, Lane};
use futures_util::future::join_all;
use std::collections::BTreeMap;

/// Runs the suite: `ports::dead_conformance!(make);`. `make` gives a [`Bench`] on a fresh database.
#[macro_export]
macro_rules! dead_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            dead,
            [
                a_dead_job_is_read_back_as_it_was_kept,
                a_dead_job_is_kept_once,
                a_body_that_is_no_text_survives,
                dead_jobs_are_found_by_kind_error_state_and_time,
                an_error_is_searched_for_as_it_is_written,
                a_business_sees_its_own_dead_jobs_and_no_others,
                a_job_is_dropped_once_and_it_is_known_by_whom,
                one_of_many_replays_is_planned,
                a_replay_is_marked_for_the_planned_turn_alone,
                a_plan_can_be_changed_while_the_job_is_open,
                what_was_decided_stays_when_the_job_comes_again,
            ]
        );
    };
}

fn dead(turn: &str, minutes: i64) -> DeadJob {
    let hop = hop(turn);
    DeadJob {
        id: DeadId::of(&hop),
        business: Some(business()),
        turn: Some(turn.into()),
        hop,
        kind: "classify".to_owned(),
        lane: Lane::Interactive,
        code: "attempts_used_up".to_owned(),
        error: "call the model: Timeout after 20 s".to_owned(),
        attempts: 5,
        headers: BTreeMap::from([("x-attempt".to_owned(), "4".to_owned())]),
        body: Bytes::from_static("{\"v\":1,\"ü\":\"漢\"}".as_bytes()),
        at_ms: ManualClock::START_MS + minutes * 60_000,
        state: DeadState::Open,
        replayed_as: None,
        decided: None,
    }
}

fn ours() -> Scope {
    Scope::Business(business())
}

fn by_ada(at_ms: i64) -> Decision {
    Decision { by: "usr_ada".to_owned(), at_ms }
}

async fn keep(bench: &Bench, jobs: &[DeadJob]) {
    for job in jobs {
        assert!(bench.store.keep_dead(job).await.unwrap());
    }
}

async fn one(bench: &Bench, id: &DeadId) -> DeadJob {
    bench.store.dead_job(&Scope::Operator, id).await.unwrap().unwrap()
}

/// The turns of the jobs that are found, in order; the count must agree.
async fn found(bench: &Bench, scope: &Scope, filter: DeadFilter) -> Vec<String> {
    let jobs = bench.store.dead_jobs(scope, &filter, 100).await.unwrap();
    assert_eq!(bench.store.count_dead(scope, &filter).await.unwrap(), jobs.len() as u64);
    jobs.iter().map(|job| job.hop.0.split('/').next().unwrap().to_owned()).collect()
}

pub async fn a_dead_job_is_read_back_as_it_was_kept(bench: Bench) {
    let job = dead("resp_1", 0);
    keep(&bench, std::slice::from_ref(&job)).await;
    assert_eq!(bench.store.dead_job(&ours(), &job.id).await.unwrap(), Some(job));
    assert_eq!(bench.store.dead_job(&ours(), &"dead_none".into()).await.unwrap(), None);
}

pub async fn a_dead_job_is_kept_once(bench: Bench) {
    let job = dead("resp_1", 0);
    let kept = join_all((0..20).map(|_| bench.store.keep_dead(&job))).await;
    assert_eq!(kept.into_iter().filter(|kept| *kept.as_ref().unwrap()).count(), 1);
    assert_eq!(found(&bench, &ours(), DeadFilter::default()).await, ["resp_1"]);
}

pub async fn a_body_that_is_no_text_survives(bench: Bench) {
    for (turn, body) in [("resp_1", &b"\xff\xfe\0{"[..]), ("resp_2", b"nul \0 inside"), ("resp_3", b"")] {
        let job = DeadJob { body: Bytes::from_static(body), business: None, turn: None, ..dead(turn, 0) };
        keep(&bench, std::slice::from_ref(&job)).await;
        assert_eq!(one(&bench, &job.id).await, job);
    }
}

pub async fn dead_jobs_are_found_by_kind_error_state_and_time(bench: Bench) {
    let reply = DeadJob { kind: "reply".to_owned(), code: "internal_error".to_owned(), ..dead("resp_2", 2) };
    keep(&bench, &[dead("resp_3", 3), dead("resp_1", 1), reply.clone()]).await;
    assert!(bench.store.drop_dead(&ours(), &dead("resp_3", 3).id, &by_ada(1)).await.unwrap());
    let at = |minutes: i64| Some(ManualClock::START_MS + minutes * 60_000);
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (DeadFilter::default(), vec!["resp_1", "resp_2", "resp_3"]),
        (DeadFilter { kind: text("reply"), ..DeadFilter::default() }, vec!["resp_2"]),
        (DeadFilter { error: text("internal_error"), ..DeadFilter::default() }, vec!["resp_2"]),
        (DeadFilter { error: text("timeout AFTER"), ..DeadFilter::default() }, vec!["resp_1", "resp_2", "resp_3"]),
        (DeadFilter { error: text("no such error"), ..DeadFilter::default() }, vec![]),
        (DeadFilter { state: Some(DeadState::Open), ..DeadFilter::default() }, vec!["resp_1", "resp_2"]),
        (DeadFilter { since_ms: at(2), until_ms: at(3), ..DeadFilter::default() }, vec!["resp_2"]),
        (DeadFilter { kind: text("reply"), state: Some(DeadState::Dropped), ..DeadFilter::default() }, vec![]),
    ] {
        assert_eq!(found(&bench, &ours(), filter.clone()).await, expected, "{filter:?}");
    }
    assert_eq!(bench.store.dead_jobs(&ours(), &DeadFilter::default(), 1).await.unwrap().len(), 1);
    let after = DeadFilter { after: Some(dead("resp_1", 1).id), ..DeadFilter::default() };
    assert_eq!(found(&bench, &ours(), after).await, ["resp_2", "resp_3"]);
}

pub async fn an_error_is_searched_for_as_it_is_written(bench: Bench) {
    let percent = DeadJob { error: "100% of 5_0! rows".to_owned(), ..dead("resp_1", 0) };
    keep(&bench, &[percent, dead("resp_2", 0)]).await;
    for (part, hits) in [("0% o", 1), ("5_0!", 1), ("5x0", 0), ("%", 1), ("_", 1), ("'; DROP", 0)] {
        let filter = DeadFilter { error: Some(part.to_owned()), ..DeadFilter::default() };
        assert_eq!(found(&bench, &ours(), filter).await.len(), hits, "{part}");
    }
}

pub async fn a_business_sees_its_own_dead_jobs_and_no_others(bench: Bench) {
    let theirs = DeadJob { business: Some("biz_2".into()), ..dead("resp_2", 0) };
    let nobodys = DeadJob { business: None, turn: None, ..dead("resp_3", 0) };
    keep(&bench, &[dead("resp_1", 0), theirs.clone(), nobodys.clone()]).await;
    assert_eq!(found(&bench, &ours(), DeadFilter::default()).await, ["resp_1"]);
    assert_eq!(found(&bench, &Scope::Operator, DeadFilter::default()).await.len(), 3);
    for other in [&theirs, &nobodys] {
        assert_eq!(bench.store.dead_job(&ours(), &other.id).await.unwrap(), None);
        assert!(!bench.store.drop_dead(&ours(), &other.id, &by_ada(1)).await.unwrap());
        assert!(!bench.store.plan_replay(&ours(), &other.id, &"resp_9".into(), None).await.unwrap());
        assert!(!bench.store.mark_replayed(&ours(), &other.id, &"resp_9".into(), &by_ada(1)).await.unwrap());
        assert_eq!(&one(&bench, &other.id).await, other);
    }
}

pub async fn a_job_is_dropped_once_and_it_is_known_by_whom(bench: Bench) {
    let job = dead("resp_1", 0);
    keep(&bench, std::slice::from_ref(&job)).await;
    assert!(bench.store.drop_dead(&ours(), &job.id, &by_ada(7)).await.unwrap());
    assert!(!bench.store.drop_dead(&ours(), &job.id, &by_ada(8)).await.unwrap());
    assert!(!bench.store.plan_replay(&ours(), &job.id, &"resp_9".into(), None).await.unwrap());
    let dropped = one(&bench, &job.id).await;
    assert_eq!((dropped.state, dropped.decided), (DeadState::Dropped, Some(by_ada(7))));
}

pub async fn one_of_many_replays_is_planned(bench: Bench) {
    let job = dead("resp_1", 0);
    keep(&bench, std::slice::from_ref(&job)).await;
    let turns: Vec<contracts::TurnId> = (0..20).map(|n| format!("resp_new_{n}").as_str().into()).collect();
    let planned =
        join_all(turns.iter().map(|turn| bench.store.plan_replay(&Scope::Operator, &job.id, turn, None))).await;
    let won: Vec<_> = turns.iter().zip(planned).filter(|(_, planned)| *planned.as_ref().unwrap()).collect();
    assert_eq!(won.len(), 1);
    let stored = one(&bench, &job.id).await;
    assert_eq!((stored.state, stored.replayed_as.as_ref()), (DeadState::Open, Some(won[0].0)));
}

pub async fn a_replay_is_marked_for_the_planned_turn_alone(bench: Bench) {
    let job = dead("resp_1", 0);
    keep(&bench, std::slice::from_ref(&job)).await;
    let (planned, other) = ("resp_new".into(), "resp_other".into());
    assert!(!bench.store.mark_replayed(&ours(), &job.id, &planned, &by_ada(7)).await.unwrap());
    assert!(bench.store.plan_replay(&ours(), &job.id, &planned, None).await.unwrap());
    assert!(!bench.store.mark_replayed(&ours(), &job.id, &other, &by_ada(7)).await.unwrap());
    assert!(bench.store.mark_replayed(&ours(), &job.id, &planned, &by_ada(7)).await.unwrap());
    assert!(!bench.store.mark_replayed(&ours(), &job.id, &planned, &by_ada(8)).await.unwrap());
    let replayed = one(&bench, &job.id).await;
    assert_eq!((replayed.state, replayed.replayed_as), (DeadState::Replayed, Some(planned)));
    assert_eq!(replayed.decided, Some(by_ada(7)));
    assert!(!bench.store.drop_dead(&ours(), &job.id, &by_ada(9)).await.unwrap());
}

pub async fn a_plan_can_be_changed_while_the_job_is_open(bench: Bench) {
    let job = dead("resp_1", 0);
    keep(&bench, std::slice::from_ref(&job)).await;
    let (first, second) = ("resp_a".into(), "resp_b".into());
    assert!(bench.store.plan_replay(&ours(), &job.id, &first, None).await.unwrap());
    assert!(!bench.store.plan_replay(&ours(), &job.id, &second, None).await.unwrap());
    assert!(!bench.store.plan_replay(&ours(), &job.id, &second, Some(&"resp_c".into())).await.unwrap());
    assert!(bench.store.plan_replay(&ours(), &job.id, &second, Some(&first)).await.unwrap());
    assert_eq!(one(&bench, &job.id).await.replayed_as, Some(second));
}

pub async fn what_was_decided_stays_when_the_job_comes_again(bench: Bench) {
    let job = dead("resp_1", 0);
    keep(&bench, std::slice::from_ref(&job)).await;
    assert!(bench.store.drop_dead(&ours(), &job.id, &by_ada(7)).await.unwrap());
    assert!(!bench.store.keep_dead(&job).await.unwrap());
    assert_eq!(one(&bench, &job.id).await.state, DeadState::Dropped);
}
