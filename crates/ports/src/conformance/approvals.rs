//! The suite of [`Approvals`](crate::approvals::Approvals).

use super::bench::{Bench, ManualClock, business, question, user};
use crate::approvals::{Approval, ApprovalState, ChangeEnd, Verdict};
use crate::dead::Decision;
use contracts::{ApprovalId, ChangeKind, Column, ResultSet, TurnId};
use futures_util::future::join_all;
use serde_json::json;

/// Runs the suite: `ports::approvals_conformance!(make);`. `make` gives a [`Bench`] on a fresh database.
#[macro_export]
macro_rules! approvals_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            approvals,
            [
                what_is_asked_is_read_back_as_it_was_kept,
                a_turn_that_asks_again_gets_what_it_asked_first,
                approvals_are_listed_once_their_turns_have_ended,
                one_of_many_decisions_counts,
                nobody_decides_after_the_time_is_up,
                a_declined_change_cannot_begin,
                a_change_begins_once_and_for_its_turn_alone,
                a_refused_turn_is_replaced_until_the_change_begins,
                an_end_is_kept_and_an_unknown_one_may_become_known,
                a_change_that_never_began_can_only_fail,
                those_whose_time_is_up_expire_in_batches,
                a_business_sees_and_decides_its_own_alone,
                old_previews_are_forgotten_and_statements_stay,
            ]
        );
    };
}

const HOUR_MS: i64 = 3_600_000;

fn asked(turn: &str) -> Approval {
    let preview = ResultSet {
        columns: vec![Column::new("id", "bigint")],
        rows: vec![vec![json!(7)], vec![json!("ü'漢")]],
        truncated: true,
    };
    Approval {
        id: ApprovalId::of(&turn.into()),
        business: business(),
        connection: "con_1".into(),
        turn: turn.into(),
        user: user(),
        question: "Set them to paid.".to_owned(),
        statement: "update orders set paid = 1 where id > 3".to_owned(),
        sql: "UPDATE orders SET paid = 1 WHERE id > 3".to_owned(),
        preview_sql: "SELECT id FROM orders WHERE id > 3".to_owned(),
        kind: ChangeKind::Update,
        table: "public.orders".to_owned(),
        affected: 3,
        preview,
        state: ApprovalState::Pending,
        decided: None,
        executed_as: None,
        changed: None,
        error: None,
        created_ms: ManualClock::START_MS,
        expires_ms: ManualClock::START_MS + HOUR_MS,
    }
}

fn by_ada(at_ms: i64) -> Decision {
    Decision { by: "usr_ada".to_owned(), at_ms: ManualClock::START_MS + at_ms }
}

fn new_turn() -> TurnId {
    "resp_new".into()
}

fn failed() -> ChangeEnd {
    ChangeEnd::Failed { code: "database_error".to_owned(), message: "No such column.".to_owned() }
}

async fn ask(bench: &Bench, turn: &str) -> Approval {
    let approval = asked(turn);
    assert_eq!(bench.store.ask_approval(&approval).await.unwrap(), approval);
    approval
}

async fn decide(bench: &Bench, approval: &Approval, verdict: Verdict) -> bool {
    bench.store.decide(&business(), &approval.id, verdict, &new_turn(), &by_ada(1)).await.unwrap()
}

/// Approved, and begun by the turn that was named.
async fn begun(bench: &Bench, turn: &str) -> Approval {
    let approval = ask(bench, turn).await;
    assert!(decide(bench, &approval, Verdict::Approve).await);
    assert!(bench.store.begin_change(&business(), &approval.id, &new_turn()).await.unwrap());
    approval
}

async fn one(bench: &Bench, id: &ApprovalId) -> Approval {
    bench.store.approval(&business(), id).await.unwrap().unwrap()
}

async fn end(bench: &Bench, approval: &Approval, end: ChangeEnd) -> bool {
    bench.store.end_change(&business(), &approval.id, &end).await.unwrap()
}

pub async fn what_is_asked_is_read_back_as_it_was_kept(bench: Bench) {
    let approval = ask(&bench, "resp_1").await;
    assert_eq!(one(&bench, &approval.id).await, approval);
    assert_eq!(bench.store.approval(&business(), &"apr_none".into()).await.unwrap(), None);
}

pub async fn a_turn_that_asks_again_gets_what_it_asked_first(bench: Bench) {
    let first = ask(&bench, "resp_1").await;
    let again = Approval { affected: 9, preview: ResultSet::default(), expires_ms: 1, ..first.clone() };
    assert_eq!(bench.store.ask_approval(&again).await.unwrap(), first);
    let foreign = Approval { business: "biz_2".into(), ..first.clone() };
    assert!(bench.store.ask_approval(&foreign).await.is_err());
    assert_eq!(one(&bench, &first.id).await, first);
}

pub async fn approvals_are_listed_once_their_turns_have_ended(bench: Bench) {
    for (turn, later_ms) in [("resp_1", 0), ("resp_2", 5), ("resp_3", 9)] {
        let created_ms = ManualClock::START_MS + later_ms;
        bench.store.ask_approval(&Approval { created_ms, ..asked(turn) }).await.unwrap();
    }
    bench.answered(question("resp_1"), "Approve it?").await;
    bench.answered(question("resp_2"), "Approve it?").await;
    bench.accepted("resp_3").await;
    let declined = ApprovalId::of(&"resp_1".into());
    assert!(bench.store.decide(&business(), &declined, Verdict::Decline, &new_turn(), &by_ada(1)).await.unwrap());
    for (state, limit, expected) in [
        (None, 10, vec!["resp_2", "resp_1"]),
        (None, 1, vec!["resp_2"]),
        (Some(ApprovalState::Pending), 10, vec!["resp_2"]),
        (Some(ApprovalState::Declined), 10, vec!["resp_1"]),
        (Some(ApprovalState::Done), 10, vec![]),
    ] {
        let found = bench.store.approvals(&business(), state, limit).await.unwrap();
        let turns: Vec<_> = found.iter().map(|approval| approval.turn.as_str()).collect();
        assert_eq!(turns, expected, "{state:?}");
    }
}

pub async fn one_of_many_decisions_counts(bench: Bench) {
    let approval = ask(&bench, "resp_1").await;
    let turns: Vec<TurnId> = (0..20).map(|n| format!("resp_new_{n}").as_str().into()).collect();
    let verdict = |n: usize| if n.is_multiple_of(2) { Verdict::Approve } else { Verdict::Decline };
    let (business, decision) = (business(), by_ada(7));
    let decided = turns.iter().enumerate().map(|(n, turn)| {
        let (store, business, approval, decision) = (&bench.store, &business, &approval, &decision);
        async move { store.decide(business, &approval.id, verdict(n), turn, decision).await.unwrap() }
    });
    let won: Vec<usize> = join_all(decided).await.iter().enumerate().filter(|(_, won)| **won).map(|(n, _)| n).collect();
    let [won] = won.as_slice() else { panic!("{won:?} have decided") };
    let stored = one(&bench, &approval.id).await;
    let expected = if won.is_multiple_of(2) { ApprovalState::Approved } else { ApprovalState::Declined };
    assert_eq!((stored.state, stored.executed_as.as_ref()), (expected, Some(&turns[*won])));
    assert_eq!(stored.decided, Some(decision));
}

pub async fn nobody_decides_after_the_time_is_up(bench: Bench) {
    let approval = ask(&bench, "resp_1").await;
    for verdict in [Verdict::Approve, Verdict::Decline] {
        let late = by_ada(HOUR_MS);
        assert!(!bench.store.decide(&business(), &approval.id, verdict, &new_turn(), &late).await.unwrap());
    }
    assert_eq!(one(&bench, &approval.id).await, approval);
}

pub async fn a_declined_change_cannot_begin(bench: Bench) {
    let approval = ask(&bench, "resp_1").await;
    assert!(!bench.store.begin_change(&business(), &approval.id, &new_turn()).await.unwrap(), "nobody has decided");
    assert!(decide(&bench, &approval, Verdict::Decline).await);
    assert!(!bench.store.begin_change(&business(), &approval.id, &new_turn()).await.unwrap());
    assert!(!end(&bench, &approval, ChangeEnd::Done { rows: 3 }).await);
    assert!(!end(&bench, &approval, failed()).await);
    assert_eq!(one(&bench, &approval.id).await.state, ApprovalState::Declined);
}

pub async fn a_change_begins_once_and_for_its_turn_alone(bench: Bench) {
    let approval = ask(&bench, "resp_1").await;
    assert!(decide(&bench, &approval, Verdict::Approve).await);
    assert!(!bench.store.begin_change(&business(), &approval.id, &"resp_other".into()).await.unwrap());
    let (business, turn) = (business(), new_turn());
    let begun = join_all((0..20).map(|_| bench.store.begin_change(&business, &approval.id, &turn))).await;
    assert_eq!(begun.into_iter().filter(|begun| *begun.as_ref().unwrap()).count(), 1);
    assert_eq!(one(&bench, &approval.id).await.state, ApprovalState::Running);
}

pub async fn a_refused_turn_is_replaced_until_the_change_begins(bench: Bench) {
    let approval = ask(&bench, "resp_1").await;
    let (first, second, third) = (new_turn(), "resp_second".into(), "resp_third".into());
    assert!(!bench.store.redirect_approval(&business(), &approval.id, &first, &second).await.unwrap());
    assert!(decide(&bench, &approval, Verdict::Approve).await);
    assert!(!bench.store.redirect_approval(&business(), &approval.id, &third, &second).await.unwrap());
    assert!(bench.store.redirect_approval(&business(), &approval.id, &first, &second).await.unwrap());
    assert!(!bench.store.begin_change(&business(), &approval.id, &first).await.unwrap());
    assert!(bench.store.begin_change(&business(), &approval.id, &second).await.unwrap());
    assert!(!bench.store.redirect_approval(&business(), &approval.id, &second, &third).await.unwrap());
}

pub async fn an_end_is_kept_and_an_unknown_one_may_become_known(bench: Bench) {
    let done = begun(&bench, "resp_1").await;
    assert!(end(&bench, &done, ChangeEnd::Done { rows: 3 }).await);
    assert!(!end(&bench, &done, failed()).await);
    assert!(!end(&bench, &done, ChangeEnd::Unknown).await);
    let stored = one(&bench, &done.id).await;
    assert_eq!((stored.state, stored.changed, stored.error), (ApprovalState::Done, Some(3), None));

    let wrong = begun(&bench, "resp_2").await;
    assert!(end(&bench, &wrong, failed()).await);
    let stored = one(&bench, &wrong.id).await;
    let error = Some(("database_error".to_owned(), "No such column.".to_owned()));
    assert_eq!((stored.state, stored.changed, stored.error), (ApprovalState::Failed, None, error));

    let lost = begun(&bench, "resp_3").await;
    assert!(end(&bench, &lost, ChangeEnd::Unknown).await);
    assert!(!end(&bench, &lost, ChangeEnd::Unknown).await);
    assert_eq!(one(&bench, &lost.id).await.state, ApprovalState::Unknown);
    assert!(!bench.store.begin_change(&business(), &lost.id, &new_turn()).await.unwrap(), "it is never run again");
    assert!(end(&bench, &lost, ChangeEnd::Done { rows: 3 }).await);
    assert_eq!(one(&bench, &lost.id).await.state, ApprovalState::Done);
}

pub async fn a_change_that_never_began_can_only_fail(bench: Bench) {
    let approval = ask(&bench, "resp_1").await;
    assert!(!end(&bench, &approval, failed()).await, "nobody has decided");
    assert!(decide(&bench, &approval, Verdict::Approve).await);
    assert!(!end(&bench, &approval, ChangeEnd::Done { rows: 3 }).await);
    assert!(!end(&bench, &approval, ChangeEnd::Unknown).await);
    assert!(end(&bench, &approval, failed()).await);
    assert!(!bench.store.begin_change(&business(), &approval.id, &new_turn()).await.unwrap());
}

pub async fn those_whose_time_is_up_expire_in_batches(bench: Bench) {
    for turn in ["resp_1", "resp_2", "resp_3"] {
        ask(&bench, turn).await;
    }
    let later = Approval { expires_ms: ManualClock::START_MS + 2 * HOUR_MS, ..asked("resp_4") };
    bench.store.ask_approval(&later).await.unwrap();
    assert!(decide(&bench, &asked("resp_3"), Verdict::Approve).await);
    let up = ManualClock::START_MS + HOUR_MS;
    assert_eq!(bench.store.expire_approvals(up - 1, 10).await.unwrap(), 0);
    assert_eq!(bench.store.expire_approvals(up, 1).await.unwrap(), 1);
    assert_eq!(bench.store.expire_approvals(up, 10).await.unwrap(), 1);
    assert_eq!(bench.store.expire_approvals(up, 10).await.unwrap(), 0);
    for (turn, state) in [
        ("resp_1", ApprovalState::Expired),
        ("resp_2", ApprovalState::Expired),
        ("resp_3", ApprovalState::Approved),
        ("resp_4", ApprovalState::Pending),
    ] {
        assert_eq!(one(&bench, &ApprovalId::of(&turn.into())).await.state, state, "{turn}");
    }
    assert!(!decide(&bench, &asked("resp_1"), Verdict::Approve).await);
}

pub async fn a_business_sees_and_decides_its_own_alone(bench: Bench) {
    let approval = ask(&bench, "resp_1").await;
    bench.answered(question("resp_1"), "Approve it?").await;
    let (stranger, id) = (contracts::BusinessId::from("biz_2"), &approval.id);
    let store = &bench.store;
    assert_eq!(store.approval(&stranger, id).await.unwrap(), None);
    assert!(store.approvals(&stranger, None, 10).await.unwrap().is_empty());
    assert!(!store.decide(&stranger, id, Verdict::Approve, &new_turn(), &by_ada(1)).await.unwrap());
    assert!(decide(&bench, &approval, Verdict::Approve).await);
    assert!(!store.redirect_approval(&stranger, id, &new_turn(), &"resp_x".into()).await.unwrap());
    assert!(!store.begin_change(&stranger, id, &new_turn()).await.unwrap());
    assert!(store.begin_change(&business(), id, &new_turn()).await.unwrap());
    assert!(!store.end_change(&stranger, id, &failed()).await.unwrap());
    assert_eq!(one(&bench, id).await.state, ApprovalState::Running);
}

pub async fn old_previews_are_forgotten_and_statements_stay(bench: Bench) {
    let (open, closed) = (ask(&bench, "resp_1").await, begun(&bench, "resp_2").await);
    assert!(end(&bench, &closed, failed()).await);
    assert_eq!(bench.store.forget_results(ManualClock::START_MS, 10).await.unwrap(), 0);
    assert_eq!(bench.store.forget_results(ManualClock::START_MS + 1, 10).await.unwrap(), 1);
    assert_eq!(bench.store.forget_results(ManualClock::START_MS + 1, 10).await.unwrap(), 0);
    assert_eq!(one(&bench, &open.id).await.preview, open.preview);
    let stored = one(&bench, &closed.id).await;
    assert_eq!((stored.preview, stored.sql), (ResultSet::default(), closed.sql));
}
