//! The suite of [`Turns`](crate::store::Turns): offers, acceptance, history.

use super::bench::{BUSINESS, Bench, ManualClock, USER, business, completed, hop, outcome, question, user};
use crate::ledger::{Committed, Outcome};
use crate::store::{EndState, LlmCallRecord, NewTurn, Offered, TurnState};
use contracts::event::{ResponseError, Usage};
use contracts::job::Introspect;
use contracts::{ConversationId, Envelope, HopId, Meta, NextJob, ResultId, TurnId};
use futures_util::future::join_all;
use std::time::Duration;

/// Runs the suite: `ports::turns_conformance!(make);`. `make` gives a [`Bench`] on a fresh database.
#[macro_export]
macro_rules! turns_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            turns,
            [
                an_offered_turn_is_read_back_as_it_was_offered,
                a_key_stands_for_its_first_turn,
                a_key_of_another_user_is_another_key,
                a_key_with_another_text_or_database_is_refused,
                a_key_reopens_a_refused_turn_under_its_old_id,
                a_key_is_free_after_a_day,
                fifty_offers_with_one_key_make_one_turn,
                an_offered_turn_is_accepted_once_and_for_all,
                a_turn_that_was_never_offered_cannot_be_accepted,
                a_fast_worker_does_not_spoil_the_acceptance,
                only_an_offered_turn_can_be_refused,
                a_turn_that_a_worker_has_cannot_be_refused,
                an_acceptance_and_a_refusal_at_once_agree,
                a_running_turn_can_be_asked_to_stop,
                the_end_of_a_turn_is_read_back_as_it_was_written,
                tokens_of_all_calls_add_up,
                history_holds_the_newest_ended_turns_oldest_first,
                a_conversation_shows_running_turns_and_no_refused_ones,
                conversations_come_newest_first,
                overdue_turns_come_oldest_first,
                open_turns_say_which_step_they_are_at,
            ]
        );
    };
}

fn keyed(id: &str, key: &str) -> NewTurn {
    NewTurn { idempotency_key: Some(key.to_owned()), ..question(id) }
}

fn said(conversation: &str, id: &str, created_s: i64) -> NewTurn {
    NewTurn {
        conversation: Some(conversation.into()),
        created_ms: ManualClock::START_MS + created_s * 1000,
        question: format!("question {id}"),
        ..question(id)
    }
}

async fn state(bench: &Bench, id: &str) -> TurnState {
    bench.store.turn(&business(), &id.into()).await.unwrap().unwrap().state
}

pub async fn an_offered_turn_is_read_back_as_it_was_offered(bench: Bench) {
    let offered = NewTurn {
        connection: Some("con_1".into()),
        idempotency_key: Some("key".to_owned()),
        question: "Wie viele Kund\u{2019}innen? \u{1f600} '; DROP TABLE turns; --".to_owned(),
        ..said("conv_1", "resp_1", 0)
    };
    assert_eq!(bench.offer(offered.clone()).await, Offered::New);
    let turn = bench.store.turn(&business(), &"resp_1".into()).await.unwrap().unwrap();
    assert_eq!((&turn.id, &turn.business, &turn.user), (&offered.id, &offered.business, &offered.user));
    assert_eq!((&turn.conversation, &turn.connection), (&offered.conversation, &offered.connection));
    assert_eq!(turn.question, offered.question);
    assert_eq!((turn.created_ms, turn.deadline_ms), (offered.created_ms, offered.deadline_ms));
    assert_eq!((turn.state, turn.cancel_requested, turn.end), (TurnState::Offered, false, None));
    assert_eq!((turn.usage, turn.next_seq), (Usage::default(), 0));
}

pub async fn a_key_stands_for_its_first_turn(bench: Bench) {
    assert_eq!(bench.offer(keyed("resp_1", "key")).await, Offered::New);
    assert_eq!(bench.offer(keyed("resp_2", "key")).await, Offered::Known("resp_1".into()));
    assert!(bench.store.accept(&"resp_1".into()).await.unwrap());
    assert_eq!(bench.offer(keyed("resp_3", "key")).await, Offered::Known("resp_1".into()));
    assert_eq!(bench.store.turn(&business(), &"resp_2".into()).await.unwrap(), None);
}

pub async fn a_key_of_another_user_is_another_key(bench: Bench) {
    assert_eq!(bench.offer(keyed("resp_1", "key")).await, Offered::New);
    let other_user = NewTurn { user: "usr_2".into(), ..keyed("resp_2", "key") };
    let other_business = NewTurn { business: "biz_2".into(), ..keyed("resp_3", "key") };
    assert_eq!(bench.offer(other_user).await, Offered::New);
    assert_eq!(bench.offer(other_business).await, Offered::New);
}

pub async fn a_key_with_another_text_or_database_is_refused(bench: Bench) {
    assert_eq!(bench.offer(keyed("resp_1", "key")).await, Offered::New);
    let other_text = NewTurn { question: "How many more?".to_owned(), ..keyed("resp_2", "key") };
    let other_database = NewTurn { connection: Some("con_2".into()), ..keyed("resp_3", "key") };
    assert_eq!(bench.offer(other_text).await, Offered::KeyReused);
    assert_eq!(bench.offer(other_database).await, Offered::KeyReused);
}

pub async fn a_key_reopens_a_refused_turn_under_its_old_id(bench: Bench) {
    bench.offer(keyed("resp_1", "key")).await;
    assert!(bench.store.refuse(&"resp_1".into()).await.unwrap());
    let again = NewTurn { deadline_ms: ManualClock::START_MS + 90_000, ..keyed("resp_2", "key") };
    assert_eq!(bench.offer(again).await, Offered::Reopened("resp_1".into()));
    let turn = bench.store.turn(&business(), &"resp_1".into()).await.unwrap().unwrap();
    assert_eq!((turn.state, turn.deadline_ms), (TurnState::Offered, ManualClock::START_MS + 90_000));
    assert_eq!(bench.offer(keyed("resp_3", "key")).await, Offered::Known("resp_1".into()));
    assert!(bench.store.accept(&"resp_1".into()).await.unwrap());
    bench.granted("resp_1", &hop("resp_1")).await;
}

pub async fn a_key_is_free_after_a_day(bench: Bench) {
    bench.offer(keyed("resp_1", "key")).await;
    bench.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(bench.offer(keyed("resp_2", "key")).await, Offered::Known("resp_1".into()));
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.offer(keyed("resp_2", "key")).await, Offered::New);
    assert!(bench.store.turn(&business(), &"resp_1".into()).await.unwrap().is_some());
}

pub async fn fifty_offers_with_one_key_make_one_turn(bench: Bench) {
    let offers = join_all((0..50).map(|n| bench.offer(keyed(&format!("resp_{n:02}"), "key")))).await;
    let new: Vec<_> = (0..50).filter(|n| offers[*n] == Offered::New).collect();
    assert_eq!(new.len(), 1);
    let known = Offered::Known(TurnId(format!("resp_{:02}", new[0])));
    assert_eq!(offers.iter().filter(|offer| **offer == known).count(), 49);
}

pub async fn an_offered_turn_is_accepted_once_and_for_all(bench: Bench) {
    bench.offer(question("resp_1")).await;
    for _ in 0..2 {
        assert!(bench.store.accept(&"resp_1".into()).await.unwrap());
        assert_eq!(state(&bench, "resp_1").await, TurnState::Accepted);
    }
}

pub async fn a_turn_that_was_never_offered_cannot_be_accepted(bench: Bench) {
    assert!(!bench.store.accept(&"resp_1".into()).await.unwrap());
    bench.offer(question("resp_2")).await;
    bench.store.refuse(&"resp_2".into()).await.unwrap();
    assert!(!bench.store.accept(&"resp_2".into()).await.unwrap());
    assert_eq!(state(&bench, "resp_2").await, TurnState::Refused);
}

pub async fn a_fast_worker_does_not_spoil_the_acceptance(bench: Bench) {
    bench.offer(question("resp_1")).await;
    let fence = bench.granted("resp_1", &hop("resp_1")).await.fence;
    let ended = bench.commit(outcome("resp_1", &hop("resp_1"), fence), Some(completed("42"))).await;
    assert_eq!(ended, Committed::Stored);
    assert!(bench.store.accept(&"resp_1".into()).await.unwrap());
    assert_eq!(state(&bench, "resp_1").await, TurnState::Completed);
}

pub async fn only_an_offered_turn_can_be_refused(bench: Bench) {
    bench.accepted("resp_1").await;
    assert!(!bench.store.refuse(&"resp_1".into()).await.unwrap());
    assert_eq!(state(&bench, "resp_1").await, TurnState::Accepted);
    bench.answered(question("resp_2"), "42").await;
    assert!(!bench.store.refuse(&"resp_2".into()).await.unwrap());
    assert!(!bench.store.refuse(&"resp_3".into()).await.unwrap());
}

pub async fn a_turn_that_a_worker_has_cannot_be_refused(bench: Bench) {
    bench.offer(question("resp_1")).await;
    bench.granted("resp_1", &hop("resp_1")).await;
    assert!(!bench.store.refuse(&"resp_1".into()).await.unwrap());
    assert_eq!(state(&bench, "resp_1").await, TurnState::Offered);
}

pub async fn an_acceptance_and_a_refusal_at_once_agree(bench: Bench) {
    let turns: Vec<TurnId> = (0..20).map(|n| TurnId(format!("resp_{n}"))).collect();
    for turn in &turns {
        bench.offer(question(turn.as_str())).await;
        let (accepted, refused) = tokio::join!(bench.store.accept(turn), bench.store.refuse(turn));
        assert_ne!(accepted.unwrap(), refused.unwrap(), "{turn}");
    }
}

pub async fn a_running_turn_can_be_asked_to_stop(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    assert!(bench.store.request_cancel(&business(), &turn).await.unwrap());
    assert!(bench.store.turn(&business(), &turn).await.unwrap().unwrap().cancel_requested);
    let ended = bench.answered(question("resp_2"), "42").await;
    assert!(!bench.store.request_cancel(&business(), &ended).await.unwrap());
    assert!(!bench.store.request_cancel(&business(), &"resp_3".into()).await.unwrap());
}

pub async fn the_end_of_a_turn_is_read_back_as_it_was_written(bench: Bench) {
    let ends = [
        EndState {
            sql: Some("SELECT 1".to_owned()),
            result: Some(ResultId::from("res_1")),
            ..completed("There are 42.\n\n| a |\n")
        },
        EndState {
            state: TurnState::Failed,
            error: Some(ResponseError::new("llm_unavailable", "Try again.")),
            ..completed("")
        },
        EndState { state: TurnState::Incomplete, reason: Some("cancelled".to_owned()), ..completed("half") },
    ];
    for (n, end) in ends.into_iter().enumerate() {
        let id = format!("resp_{n}");
        let turn = bench.accepted(&id).await;
        let fence = bench.granted(&id, &hop(&id)).await.fence;
        assert_eq!(bench.commit(outcome(&id, &hop(&id), fence), Some(end.clone())).await, Committed::Stored);
        let turn = bench.store.turn(&business(), &turn).await.unwrap().unwrap();
        assert_eq!((turn.state, turn.next_seq), (end.state, 7));
        assert_eq!(turn.end, Some(end));
    }
}

pub async fn tokens_of_all_calls_add_up(bench: Bench) {
    let turn = bench.accepted("resp_1").await;
    let calls: Vec<_> = (0..20)
        .map(|n| LlmCallRecord {
            id: format!("call_{n}"),
            business: business(),
            turn: turn.clone(),
            purpose: "classify".to_owned(),
            provider: "main".to_owned(),
            model: "small".to_owned(),
            usage: Usage { input_tokens: 10, output_tokens: n, total_tokens: 10 + n },
            duration_ms: 5,
            at_ms: ManualClock::START_MS,
        })
        .collect();
    for recorded in join_all(calls.iter().map(|call| bench.store.record_llm_call(call))).await {
        recorded.unwrap();
    }
    let usage = bench.store.turn(&business(), &turn).await.unwrap().unwrap().usage;
    assert_eq!(usage, Usage { input_tokens: 200, output_tokens: 190, total_tokens: 390 });
}

pub async fn history_holds_the_newest_ended_turns_oldest_first(bench: Bench) {
    for n in [3, 1, 2, 4] {
        bench.answered(said("conv_1", &format!("resp_{n}"), n), &format!("answer {n}")).await;
    }
    bench.accept(said("conv_1", "resp_5", 5)).await;
    bench.answered(said("conv_2", "resp_6", 6), "elsewhere").await;
    let history = bench.store.history(&business(), &"conv_1".into(), 3).await.unwrap();
    let answers: Vec<_> = history.into_iter().map(|turn| turn.end.unwrap().answer).collect();
    assert_eq!(answers, ["answer 2", "answer 3", "answer 4"]);
}

pub async fn a_conversation_shows_running_turns_and_no_refused_ones(bench: Bench) {
    bench.answered(said("conv_1", "resp_1", 1), "42").await;
    bench.offer(said("conv_1", "resp_2", 2)).await;
    assert!(bench.store.refuse(&"resp_2".into()).await.unwrap());
    bench.accept(said("conv_1", "resp_3", 3)).await;
    for (limit, expected) in [(10, &["resp_1", "resp_3"][..]), (1, &["resp_3"])] {
        let turns = bench.store.turns(&business(), &"conv_1".into(), limit).await.unwrap();
        let ids: Vec<_> = turns.iter().map(|turn| turn.id.as_str()).collect();
        assert_eq!(ids, expected);
    }
}

pub async fn conversations_come_newest_first(bench: Bench) {
    for (conversation, id, created_s) in
        [("conv_1", "resp_1", 1), ("conv_2", "resp_2", 2), ("conv_3", "resp_3", 3), ("conv_1", "resp_4", 4)]
    {
        bench.accept(said(conversation, id, created_s)).await;
    }
    bench.accept(NewTurn { user: "usr_2".into(), ..said("conv_4", "resp_5", 5) }).await;
    bench.offer(said("conv_5", "resp_6", 6)).await;
    assert!(bench.store.refuse(&"resp_6".into()).await.unwrap());
    bench.accepted("resp_7").await;

    let list = bench.store.conversations(&business(), &user(), 2).await.unwrap();
    let ids: Vec<_> = list.iter().map(|conversation| conversation.id.as_str()).collect();
    assert_eq!(ids, ["conv_1", "conv_3"]);
    assert_eq!((list[0].title.as_str(), list[0].turns), ("question resp_1", 2));
    assert_eq!(list[0].updated_ms, ManualClock::START_MS + 4_000);
    let all = bench.store.conversations(&BUSINESS.into(), &USER.into(), 10).await.unwrap();
    assert_eq!(all.last().unwrap().id, ConversationId::from("conv_2"));
    assert_eq!(all.len(), 3);
}

pub async fn overdue_turns_come_oldest_first(bench: Bench) {
    let due = |id: &str, deadline_ms| NewTurn { deadline_ms, ..question(id) };
    bench.accept(due("resp_1", 300)).await;
    bench.offer(due("resp_2", 100)).await;
    bench.answered(due("resp_3", 200), "42").await;
    bench.accept(NewTurn { business: "biz_2".into(), ..due("resp_4", 200) }).await;
    bench.accept(due("resp_5", 1000)).await;
    bench.offer(due("resp_6", 50)).await;
    assert!(bench.store.refuse(&"resp_6".into()).await.unwrap());

    let overdue = bench.store.overdue(1000, 10).await.unwrap();
    let ids: Vec<_> = overdue.iter().map(|turn| turn.id.as_str()).collect();
    assert_eq!(ids, ["resp_2", "resp_4", "resp_1"]);
    assert_eq!(bench.store.overdue(1000, 1).await.unwrap().len(), 1);
}

pub async fn open_turns_say_which_step_they_are_at(bench: Bench) {
    let due = |id: &str, order: i64| NewTurn { created_ms: order, deadline_ms: 1_000 + order, ..question(id) };
    bench.accept(NewTurn { conversation: Some("conv_1".into()), ..due("resp_1", 1) }).await;
    for (id, order) in [("resp_2", 2), ("resp_3", 3)] {
        bench.accept(due(id, order)).await;
    }
    let waits = due("resp_4", 4);
    let first = Envelope::first(waits.meta(), 2, &Introspect { connection: "con_1".into() }).unwrap();
    assert_eq!(bench.store.offer(&waits, &first).await.unwrap(), Offered::New);
    bench.granted("resp_2", &HopId::from("resp_2/classify.0/generate_sql.0")).await;
    let done = hop("resp_3");
    let fence = bench.granted("resp_3", &done).await.fence;
    let next = envelope_of("resp_3", &done);
    let outcome = Outcome { next: vec![next], ..outcome("resp_3", &done, fence) };
    assert_eq!(bench.commit(outcome, None).await, Committed::Stored);
    bench.answered(due("resp_5", 5), "42").await;
    let steps = bench.store.open_steps(10).await.unwrap();
    let steps: Vec<_> = steps.iter().map(|step| (step.kind.as_str(), step.asked_ms)).collect();
    assert_eq!(steps, [("classify", 1), ("generate_sql", 2), ("reply", 3), ("introspect", 4)]);
    assert_eq!(bench.store.open_steps(1).await.unwrap().len(), 1);
}

/// The job `reply` that a hop returned.
fn envelope_of(turn: &str, hop: &HopId) -> Envelope {
    let meta = Meta {
        turn: turn.into(),
        business: business(),
        user: user(),
        conversation: None,
        connection: None,
        created_ms: 0,
        deadline_ms: 0,
        spent: Usage::default(),
        lane: Default::default(),
        replay_of: None,
    };
    let parent =
        Envelope { v: 1, kind: "classify".into(), hop: hop.clone(), meta, next_seq: 0, job: Default::default() };
    parent.child(0, NextJob { kind: "reply".to_owned(), job: Default::default() }, 2)
}
