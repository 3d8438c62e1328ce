use crate::support::{Clockwork, Mode, World};
use contracts::job::Classify;
use contracts::{HopId, Job, Lane, Role};
use ports::broker::{Destination, Queue};
use ports::store::{ConnectionStatus, TurnState};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

#[tokio::test]
async fn a_question_is_offered_logged_published_and_accepted_in_this_order() {
    let world = World::new().await;
    let (_sse, id) = world.ask_streaming().await;
    assert_eq!(world.effects.all(), ["offer", "log", "publish", "accept"]);
    assert_eq!(world.store.state_of(&id), TurnState::Accepted);
    let logged = [(0, "response.created".to_owned()), (1, "response.queued".to_owned())];
    assert_eq!(world.log.types(&id), logged);
}

#[tokio::test]
async fn the_first_job_carries_what_every_hop_needs() {
    let world = World::new().await;
    let (_sse, id) = world.ask_streaming().await;
    assert_eq!(world.broker.published()[0].0, Destination::Work(Queue::interactive("classify")));
    let envelope = world.broker.envelopes().remove(0);
    assert_eq!((envelope.hop, envelope.next_seq), (HopId(format!("{id}/classify.0")), 2));
    let meta = envelope.meta;
    assert_eq!((meta.business.as_str(), meta.user.as_str(), meta.lane), ("biz_a", "usr_1", Lane::Interactive));
    assert_eq!(meta.deadline_ms, Clockwork::START_MS + 120_000);
    assert_eq!(meta.conversation, Some(contracts::ConversationId::begun_by(&meta.turn)));
    assert_eq!(meta.connection, Some("con_shop".into()));
    let job: Classify = serde_json::from_value(envelope.job).unwrap();
    assert_eq!((job.question.as_str(), Classify::KIND), ("How many?", envelope.kind.as_str()));
}

#[tokio::test]
async fn the_first_event_carries_the_key_and_the_conversation() {
    let world = World::new().await;
    let body = json!({"input": "How many?", "conversation": {"id": "conv_7"}, "stream": true});
    let mut sse = world.ask(body).header("idempotency-key", "k1").stream().await;
    let created = sse.next().await.unwrap();
    assert_eq!(created["response"]["metadata"]["idempotency_key"], "k1");
    assert_eq!(created["response"]["conversation"]["id"], "conv_7");
    assert_eq!(created["response"]["status"], "queued");
}

#[tokio::test]
async fn a_broker_that_is_down_refuses_the_question() {
    let world = World::new().await;
    for mode in [Mode::Down, Mode::Full] {
        world.broker.behave(mode);
        let answer = world.ask(json!({"input": "How many?"})).send().await;
        assert_eq!(answer.error(), (503, "queue_unavailable".into()));
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret-host"));
    }
    assert_eq!(world.effects.all(), ["offer", "log", "refuse", "offer", "log", "refuse"]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_refuses_the_question_within_two_seconds() {
    let world = World::new().await;
    world.broker.behave(Mode::Hangs);
    let before = tokio::time::Instant::now();
    let answer = world.ask(json!({"input": "How many?"})).send().await;
    assert_eq!(answer.error(), (503, "queue_unavailable".into()));
    assert_eq!(before.elapsed(), Duration::from_secs(2));
    assert_eq!(world.effects.all().last().unwrap(), "refuse");
}

#[tokio::test]
async fn an_event_log_that_is_down_refuses_the_question_before_it_is_published() {
    let world = World::new().await;
    world.log.set_down(true);
    assert_eq!(world.ask(json!({"input": "How many?"})).send().await.error(), (503, "queue_unavailable".into()));
    assert_eq!(world.effects.all(), ["offer", "refuse"]);
}

#[tokio::test]
async fn a_store_that_is_down_takes_nothing() {
    let world = World::new().await;
    world.store.set_down(true);
    assert_eq!(world.ask(json!({"input": "How many?"})).send().await.error(), (503, "unavailable".into()));
    assert!(world.effects.all().is_empty());
}

#[tokio::test]
async fn a_question_that_a_worker_has_is_accepted_though_the_confirm_was_lost() {
    let world = World::new().await;
    world.broker.behave(Mode::LosesConfirm(world.store.clone()));
    let (_sse, id) = world.ask_streaming().await;
    assert_eq!(world.effects.all(), ["offer", "log", "publish", "refuse"]);
    assert_eq!(world.store.state_of(&id), TurnState::Accepted);
}

#[tokio::test]
async fn the_same_key_gives_the_same_response_from_the_start() {
    let world = World::new().await;
    let body = json!({"input": "How many?", "idempotency_key": "k1", "stream": true});
    let first = world.ask(body.clone()).stream().await.next().await.unwrap();
    let second = world.ask(body).stream().await.next().await.unwrap();
    assert_eq!(first, second);
    assert_eq!(world.broker.published().len(), 1);
}

#[tokio::test]
async fn another_text_under_the_same_key_is_a_conflict() {
    let world = World::new().await;
    world.ask(json!({"input": "How many?", "idempotency_key": "k1", "stream": true})).stream().await;
    let answer = world.ask(json!({"input": "How much?", "idempotency_key": "k1"})).send().await;
    assert_eq!(answer.error(), (409, "idempotency_key_reused".into()));
    assert_eq!(world.broker.published().len(), 1);
}

#[tokio::test]
async fn a_refused_question_goes_on_under_its_old_id_when_it_is_sent_again() {
    let world = World::new().await;
    let body = json!({"input": "How many?", "idempotency_key": "k1", "stream": true});
    world.broker.behave(Mode::Down);
    assert_eq!(world.ask(body.clone()).send().await.error().0, 503);
    world.broker.behave(Mode::Up);
    let created = world.ask(body).stream().await.next().await.unwrap();
    let id = created["response_id"].as_str().unwrap();
    assert_eq!(world.broker.envelopes()[0].meta.turn.as_str(), id);
    assert_eq!(
        created["response"]["conversation"]["id"],
        world.broker.envelopes()[0].meta.conversation.as_ref().unwrap().as_str()
    );
    assert_eq!(world.log.types(id).len(), 2, "the first events are not written twice");
}

#[tokio::test]
async fn an_offer_whose_process_died_is_finished_by_the_same_key() {
    let world = World::new().await;
    let body = json!({"input": "How many?", "idempotency_key": "k1", "stream": true});
    world.broker.behave(Mode::Hangs);
    let call = world.ask(body.clone()).send();
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    world.broker.behave(Mode::Up);
    assert_eq!(world.store.state_of("resp_1"), TurnState::Offered);
    world.clock.advance(Duration::from_secs(3));
    let created = world.ask(body).stream().await.next().await.unwrap();
    assert_eq!((created["response_id"].as_str(), world.broker.published().len()), (Some("resp_1"), 1));
    assert_eq!(world.store.state_of("resp_1"), TurnState::Accepted);
}

#[tokio::test(start_paused = true)]
async fn who_sends_the_key_again_at_once_is_not_told_of_an_offer_that_is_refused_a_moment_later() {
    let world = World::new().await;
    let body = json!({"input": "How many?", "idempotency_key": "k1", "stream": true});
    world.broker.behave(Mode::Hangs);
    let call = world.ask(body.clone()).send();
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    world.broker.behave(Mode::Up);
    assert_eq!(world.store.state_of("resp_1"), TurnState::Offered);
    let created = world.ask(body).stream().await.next().await.unwrap();
    assert_eq!((created["response_id"].as_str(), world.broker.published().len()), (Some("resp_1"), 1));
    assert_eq!(world.store.state_of("resp_1"), TurnState::Accepted);
}

#[tokio::test(start_paused = true)]
async fn who_sends_the_key_again_at_once_after_its_process_died_has_the_question_published() {
    let world = World::new().await;
    let body = json!({"input": "How many?", "idempotency_key": "k1", "stream": true});
    // Another process has offered it, and never came to more.
    world.ask(body.clone()).stream().await;
    world.store.forget_accept("resp_1");
    let created = world.ask(body).stream().await.next().await.unwrap();
    assert_eq!(created["response_id"].as_str(), Some("resp_1"));
    let hops: Vec<_> = world.broker.envelopes().iter().map(|envelope| envelope.hop.as_str().to_owned()).collect();
    assert_eq!(hops, ["resp_1/classify.0", "resp_1/classify.0"], "the second copy does nothing");
    assert_eq!(world.store.state_of("resp_1"), TurnState::Accepted);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_what_has_begun() {
    let world = World::new().await;
    let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    world.broker.behave(Mode::Waits { reached: reached.clone(), go_on: go_on.clone() });
    let call = tokio::spawn(world.ask(json!({"input": "How many?"})).send());
    reached.notified().await;
    call.abort();
    assert!(call.await.is_err());
    go_on.notify_one();
    let accepted = async {
        while world.effects.all().last().map(String::as_str) != Some("accept") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), accepted).await.unwrap();
}

#[tokio::test]
async fn the_first_ready_connection_is_asked_unless_one_is_named() {
    let world = World::new().await;
    world.add_connection("con_2", "biz_a", "second", ConnectionStatus::New).await;
    for (wanted, asked) in [(None, "con_shop"), (Some("con_2"), "con_2"), (Some("second"), "con_2")] {
        world.ask(json!({"input": "How many?", "connection": wanted, "stream": true})).stream().await;
        assert_eq!(world.broker.envelopes().last().unwrap().meta.connection, Some(asked.into()));
    }
}

#[tokio::test]
async fn without_a_connection_the_answer_says_to_add_one() {
    let settings = settings::load(&settings::Source::default()).unwrap();
    let world = World::bare(&settings);
    assert_eq!(world.ask(json!({"input": "How many?"})).send().await.error(), (409, "no_connection".into()));
    assert!(world.effects.all().is_empty());
}

#[tokio::test]
async fn a_connection_of_another_business_is_as_unknown_as_none() {
    let world = World::new().await;
    let ask = async |connection: &str| world.ask(json!({"input": "How many?", "connection": connection})).send().await;
    let (theirs, none) = (ask("con_theirs").await, ask("con_none").await);
    assert_eq!(theirs.error(), (404, "unknown_connection".into()));
    assert_eq!(theirs.body, none.body);
}

#[tokio::test]
async fn a_viewer_may_not_ask_and_nobody_may_ask_elsewhere() {
    let world = World::new().await;
    let viewer = world.post("/v1/responses").token(&world.token(Role::Viewer)).json(json!({"input": "How many?"}));
    assert_eq!(viewer.send().await.error(), (403, "forbidden_role".into()));
    let elsewhere = world.ask(json!({"input": "How many?", "metadata": {"business_id": "biz_b"}}));
    assert_eq!(elsewhere.send().await.error(), (403, "forbidden_business".into()));
    assert!(world.effects.all().is_empty());
}

#[tokio::test]
async fn the_business_is_that_of_the_metadata_or_of_the_header_or_the_first() {
    let world = World::new().await;
    let token = world.token_in(&[("biz_a", Role::Member), ("biz_b", Role::Member)]);
    let question = json!({"input": "How many?", "stream": true});
    let named = json!({"input": "How many?", "stream": true, "metadata": {"business_id": "biz_b"}});
    world.post("/v1/responses").token(&token).json(question.clone()).stream().await;
    world.post("/v1/responses").token(&token).json(question).header("x-askline-business", "biz_b").stream().await;
    world.post("/v1/responses").token(&token).json(named).header("x-askline-business", "biz_a").stream().await;
    let asked: Vec<_> = world.broker.envelopes().into_iter().map(|envelope| envelope.meta.business.0).collect();
    assert_eq!(asked, ["biz_a", "biz_b", "biz_b"]);
}

#[tokio::test]
async fn a_response_goes_on_in_the_conversation_of_the_one_before() {
    let world = World::new().await;
    let (_sse, id) = world.ask_streaming().await;
    world.ask(json!({"input": "And now?", "previous_response_id": id, "stream": true})).stream().await;
    let conversations: Vec<_> =
        world.broker.envelopes().into_iter().map(|envelope| envelope.meta.conversation).collect();
    assert_eq!(conversations[0], conversations[1]);
    let unknown = world.ask(json!({"input": "And now?", "previous_response_id": "resp_none"})).send().await;
    assert_eq!(unknown.error(), (404, "not_found".into()));
}
