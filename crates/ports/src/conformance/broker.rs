//! The suite of [`Broker`].

use super::{eventually, within};
use crate::broker::{Broker, Consumer, Delivery, Depth, Destination, HEADER_ATTEMPT, Message, PublishError, Queue};
use crate::broker::{HEADER_ERROR, HEADER_TRACEPARENT, RUNGS_MS};
use bytes::Bytes;
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Runs the suite: `ports::broker_conformance!(make);`.
#[macro_export]
macro_rules! broker_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            broker,
            [
                what_is_published_is_delivered_once_and_gone_after_ack,
                unacked_messages_come_again_after_the_consumer_is_dropped,
                a_delivery_dropped_without_a_word_comes_again,
                a_requeued_message_comes_again,
                prefetch_bounds_what_is_handed_out,
                prefetch_counts_each_consumer_by_itself,
                acks_may_come_in_any_order,
                a_retry_waits_for_its_rung_and_does_not_hold_up_others,
                a_short_rung_is_not_blocked_by_a_long_one,
                a_message_survives_its_rung_byte_for_byte,
                dead_messages_can_be_taken_oldest_first,
                a_dead_message_that_was_not_acked_stays_in_its_queue,
                a_dead_message_is_not_delivered,
                publishing_to_an_undeclared_queue_is_unroutable,
                an_unroutable_message_does_not_disturb_others,
                headers_and_body_survive_byte_for_byte,
                a_long_id_survives,
                order_is_kept_in_one_queue,
                stopping_hands_back_what_was_fetched,
                a_message_taken_before_the_stop_can_be_acked_after_it,
                declaring_again_keeps_the_messages,
                depth_counts_messages_and_consumers,
                what_is_parked_is_counted_over_all_rungs,
                what_is_handed_out_is_counted_or_unknown,
                lanes_are_separate_queues,
                many_concurrent_publishes_are_all_confirmed,
                two_consumers_share_a_queue,
                ping_answers,
            ]
        );
    };
}

const KIND: &str = "conformance";
/// Long enough that a message which should not come would have come.
const SILENCE: Duration = Duration::from_millis(300);

async fn declared(broker: &Arc<dyn Broker>) -> Queue {
    let queue = Queue::interactive(KIND);
    within("declare", broker.declare(std::slice::from_ref(&queue))).await.expect("declare");
    queue
}

fn message(id: &str) -> Message {
    Message { id: id.to_owned(), headers: BTreeMap::new(), body: Bytes::from(format!("{{\"id\":\"{id}\"}}")) }
}

async fn publish(broker: &Arc<dyn Broker>, to: Destination, message: Message) {
    within("publish", broker.publish(&to, message)).await.expect("publish");
}

async fn publish_all(broker: &Arc<dyn Broker>, queue: &Queue, count: usize) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(|n| format!("hop-{n}")).collect();
    for id in &ids {
        publish(broker, Destination::Work(queue.clone()), message(id)).await;
    }
    ids
}

async fn consume(broker: &Arc<dyn Broker>, queue: &Queue, prefetch: u16) -> Box<dyn Consumer> {
    within("consume", broker.consume(queue, prefetch)).await.expect("consume")
}

async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    within("next", consumer.next()).await.expect("a delivery")
}

async fn take(consumer: &mut Box<dyn Consumer>, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(next(consumer).await);
    }
    taken
}

async fn assert_silent(consumer: &mut Box<dyn Consumer>) {
    let heard = tokio::time::timeout(SILENCE, consumer.next()).await;
    assert!(heard.is_err(), "nothing should be handed out, but {:?} is", heard.ok().flatten().map(|d| d.message.id));
}

async fn ack(delivery: Delivery) {
    within("ack", delivery.receipt.ack()).await.expect("ack");
}

async fn eventually_ready(broker: &Arc<dyn Broker>, of: &Destination, expected: u64) {
    let ready = || async move { broker.depth(of).await.expect("depth").ready };
    eventually("the depth", expected, ready).await;
}

pub async fn what_is_published_is_delivered_once_and_gone_after_ack(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    publish(&broker, Destination::Work(queue.clone()), message("hop")).await;
    let mut consumer = consume(&broker, &queue, 10).await;
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.message, message("hop"));
    assert!(!delivery.redelivered);
    ack(delivery).await;
    assert_silent(&mut consumer).await;
    drop(consumer);
    let mut another = consume(&broker, &queue, 10).await;
    assert_silent(&mut another).await;
}

pub async fn unacked_messages_come_again_after_the_consumer_is_dropped(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    publish_all(&broker, &queue, 3).await;
    let mut consumer = consume(&broker, &queue, 10).await;
    let mut taken = take(&mut consumer, 3).await;
    ack(taken.remove(1)).await;
    drop(consumer);
    drop(taken);
    let mut another = consume(&broker, &queue, 10).await;
    let again = take(&mut another, 2).await;
    assert!(again.iter().all(|delivery| delivery.redelivered));
    let ids: BTreeSet<_> = again.iter().map(|delivery| delivery.message.id.as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["hop-0", "hop-2"]));
}

pub async fn a_delivery_dropped_without_a_word_comes_again(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    publish_all(&broker, &queue, 1).await;
    let mut consumer = consume(&broker, &queue, 1).await;
    drop(next(&mut consumer).await);
    let again = next(&mut consumer).await;
    assert!(again.redelivered);
    ack(again).await;
    assert_silent(&mut consumer).await;
}

pub async fn a_requeued_message_comes_again(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    publish_all(&broker, &queue, 1).await;
    let mut consumer = consume(&broker, &queue, 10).await;
    let delivery = next(&mut consumer).await;
    within("requeue", delivery.receipt.requeue()).await.expect("requeue");
    let again = next(&mut consumer).await;
    assert_eq!(again.message, message("hop-0"));
    assert!(again.redelivered);
    ack(again).await;
    assert_silent(&mut consumer).await;
}

pub async fn prefetch_bounds_what_is_handed_out(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    publish_all(&broker, &queue, 5).await;
    let mut consumer = consume(&broker, &queue, 2).await;
    let mut taken = take(&mut consumer, 2).await;
    assert_silent(&mut consumer).await;
    ack(taken.remove(0)).await;
    taken.push(next(&mut consumer).await);
    assert_silent(&mut consumer).await;
}

pub async fn prefetch_counts_each_consumer_by_itself(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    publish_all(&broker, &queue, 4).await;
    let mut first = consume(&broker, &queue, 1).await;
    let _held = next(&mut first).await;
    let mut second = consume(&broker, &queue, 1).await;
    let other = next(&mut second).await;
    assert_ne!(other.message.id, "hop-0");
    assert_silent(&mut first).await;
    assert_silent(&mut second).await;
}

pub async fn acks_may_come_in_any_order(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    publish_all(&broker, &queue, 20).await;
    let mut consumer = consume(&broker, &queue, 20).await;
    let mut taken = take(&mut consumer, 20).await;
    let kept = taken.remove(3);
    let (odd, even): (Vec<_>, Vec<_>) = taken.into_iter().enumerate().partition(|(n, _)| n % 2 == 1);
    for (_, delivery) in even.into_iter().rev().chain(odd) {
        ack(delivery).await;
    }
    publish(&broker, Destination::Work(queue.clone()), message("last")).await;
    ack(next(&mut consumer).await).await;
    drop(kept);
    let again = next(&mut consumer).await;
    assert_eq!(again.message.id, "hop-3");
    ack(again).await;
    assert_silent(&mut consumer).await;
}

pub async fn a_retry_waits_for_its_rung_and_does_not_hold_up_others(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let mut consumer = consume(&broker, &queue, 10).await;
    let published = Instant::now();
    publish(&broker, Destination::Retry(queue.clone(), 1), message("later")).await;
    publish(&broker, Destination::Retry(queue.clone(), 0), message("soon")).await;
    publish(&broker, Destination::Work(queue.clone()), message("now")).await;
    for (id, rung_ms) in [("now", 0), ("soon", RUNGS_MS[0]), ("later", RUNGS_MS[1])] {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.message.id, id);
        assert!(!delivery.redelivered, "a retry is a new delivery");
        assert!(published.elapsed() >= Duration::from_millis(rung_ms), "{id} came before its time");
        ack(delivery).await;
    }
}

pub async fn a_short_rung_is_not_blocked_by_a_long_one(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let mut consumer = consume(&broker, &queue, 10).await;
    publish(&broker, Destination::Retry(queue.clone(), 2), message("long")).await;
    publish(&broker, Destination::Retry(queue.clone(), 0), message("short")).await;
    let ids: Vec<_> = take(&mut consumer, 2).await.into_iter().map(|delivery| delivery.message.id).collect();
    assert_eq!(ids, ["short", "long"]);
}

pub async fn a_message_survives_its_rung_byte_for_byte(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let mut consumer = consume(&broker, &queue, 10).await;
    let sent = awkward();
    publish(&broker, Destination::Retry(queue.clone(), 0), sent.clone()).await;
    assert_eq!(next(&mut consumer).await.message, sent);
}

pub async fn dead_messages_can_be_taken_oldest_first(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let dead = Destination::Dead(queue.clone());
    for id in ["first", "second", "third"] {
        publish(&broker, dead.clone(), message(id)).await;
    }
    eventually_ready(&broker, &dead, 3).await;
    assert_eq!(take_dead(&broker, &queue, 2).await, [message("first"), message("second")]);
    assert_eq!(take_dead(&broker, &queue, 10).await, [message("third")]);
    assert!(take_dead(&broker, &queue, 10).await.is_empty());
    eventually_ready(&broker, &dead, 0).await;
}

pub async fn a_dead_message_that_was_not_acked_stays_in_its_queue(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let dead = Destination::Dead(queue.clone());
    for id in ["first", "second", "third"] {
        publish(&broker, dead.clone(), message(id)).await;
    }
    eventually_ready(&broker, &dead, 3).await;
    let mut held = within("take_dead", broker.take_dead(&queue, 3)).await.expect("take_dead");
    assert!(take_dead(&broker, &queue, 3).await.is_empty(), "what one holds another does not get");
    ack(held.remove(1)).await;
    drop(held);
    eventually_ready(&broker, &dead, 2).await;
    let again = within("take_dead", broker.take_dead(&queue, 3)).await.expect("take_dead");
    assert!(again.iter().all(|delivery| delivery.redelivered));
    let ids: BTreeSet<_> = again.iter().map(|delivery| delivery.message.id.clone()).collect();
    assert_eq!(ids, BTreeSet::from(["first".to_owned(), "third".to_owned()]));
}

/// Takes dead messages for good.
async fn take_dead(broker: &Arc<dyn Broker>, queue: &Queue, limit: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    for delivery in within("take_dead", broker.take_dead(queue, limit)).await.expect("take_dead") {
        messages.push(delivery.message.clone());
        ack(delivery).await;
    }
    messages
}

pub async fn a_dead_message_is_not_delivered(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let mut consumer = consume(&broker, &queue, 10).await;
    publish(&broker, Destination::Dead(queue.clone()), message("dead")).await;
    assert_silent(&mut consumer).await;
}

pub async fn publishing_to_an_undeclared_queue_is_unroutable(broker: Arc<dyn Broker>) {
    let nowhere = Destination::Work(Queue::interactive("never_declared"));
    let answer = within("publish", broker.publish(&nowhere, message("lost"))).await;
    assert!(matches!(answer, Err(PublishError::Unroutable(_))), "{answer:?}");
}

pub async fn an_unroutable_message_does_not_disturb_others(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let nowhere = Destination::Work(Queue::interactive("never_declared"));
    let somewhere = Destination::Work(queue);
    let publishes = (0..200).map(|n| {
        let to = if n % 3 == 0 { &nowhere } else { &somewhere };
        let broker = &broker;
        async move { (n, broker.publish(to, message(&format!("hop-{n}"))).await) }
    });
    for (n, answer) in within("publish", join_all(publishes)).await {
        match answer {
            Ok(()) => assert_ne!(n % 3, 0, "hop-{n} went nowhere and was confirmed"),
            Err(PublishError::Unroutable(_)) => assert_eq!(n % 3, 0, "hop-{n} has a queue"),
            Err(other) => panic!("hop-{n}: {other}"),
        }
    }
    eventually_ready(&broker, &somewhere, 133).await;
}

/// 60 KiB of everything that JSON text may hold, and headers as the kit writes them.
fn awkward() -> Message {
    let strange = "\\u0000 \\\" ü 漢 \u{1F980} \u{7f} <&> ".repeat(2_400);
    let headers = [
        (HEADER_ATTEMPT, "2".to_owned()),
        (HEADER_ERROR, format!("zeile 1\nline 2\t„quoted“ {}", "x".repeat(3_000))),
        (HEADER_TRACEPARENT, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ("x-empty", String::new()),
    ];
    Message {
        id: "resp_1/classify.0/generate_sql.0".to_owned(),
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        body: Bytes::from(format!("{{\"text\":\"{strange}\",\"n\":1e308}}\r\n\0\u{feff}")),
    }
}

pub async fn headers_and_body_survive_byte_for_byte(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let sent = awkward();
    assert!(sent.body.len() > 60 * 1024, "{}", sent.body.len());
    publish(&broker, Destination::Work(queue.clone()), sent.clone()).await;
    publish(&broker, Destination::Dead(queue.clone()), sent.clone()).await;
    let mut consumer = consume(&broker, &queue, 10).await;
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.message, sent);
    assert_eq!(delivery.message.attempt(), 2);
    assert_eq!(take_dead(&broker, &queue, 1).await, [sent]);
}

pub async fn a_long_id_survives(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let sent = message(&format!("resp_1{}", "/generate_sql.0/execute_sql.0".repeat(20)));
    publish(&broker, Destination::Work(queue.clone()), sent.clone()).await;
    let mut consumer = consume(&broker, &queue, 10).await;
    assert_eq!(next(&mut consumer).await.message, sent);
}

pub async fn order_is_kept_in_one_queue(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let sent = publish_all(&broker, &queue, 100).await;
    let mut consumer = consume(&broker, &queue, 7).await;
    for id in sent {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.message.id, id);
        ack(delivery).await;
    }
}

pub async fn stopping_hands_back_what_was_fetched(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    publish_all(&broker, &queue, 6).await;
    let mut consumer = consume(&broker, &queue, 4).await;
    ack(next(&mut consumer).await).await;
    within("stop", consumer.stop()).await;
    assert!(within("next", consumer.next()).await.is_none());
    eventually_ready(&broker, &Destination::Work(queue.clone()), 5).await;
    let mut another = consume(&broker, &queue, 10).await;
    let ids: BTreeSet<_> = take(&mut another, 5).await.into_iter().map(|delivery| delivery.message.id).collect();
    assert_eq!(ids, (1..6).map(|n| format!("hop-{n}")).collect());
}

pub async fn a_message_taken_before_the_stop_can_be_acked_after_it(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    publish_all(&broker, &queue, 2).await;
    let mut consumer = consume(&broker, &queue, 2).await;
    let running = next(&mut consumer).await;
    within("stop", consumer.stop()).await;
    ack(running).await;
    drop(consumer);
    let mut another = consume(&broker, &queue, 10).await;
    let handed_back = next(&mut another).await;
    assert_eq!(handed_back.message.id, "hop-1");
    ack(handed_back).await;
    assert_silent(&mut another).await;
}

pub async fn declaring_again_keeps_the_messages(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    publish_all(&broker, &queue, 1).await;
    assert_eq!(declared(&broker).await, queue);
    let mut consumer = consume(&broker, &queue, 10).await;
    assert_eq!(next(&mut consumer).await.message.id, "hop-0");
}

pub async fn depth_counts_messages_and_consumers(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let work = Destination::Work(queue.clone());
    let rung = Destination::Retry(queue.clone(), RUNGS_MS.len() - 1);
    let depth = |of| {
        let broker = &broker;
        async move { Depth { unacked: None, ..broker.depth(of).await.expect("depth") } }
    };
    assert_eq!(depth(&work).await, Depth::default());
    publish_all(&broker, &queue, 3).await;
    publish(&broker, rung.clone(), message("waits")).await;
    eventually("the queue's depth", Depth { ready: 3, consumers: 0, unacked: None }, || depth(&work)).await;
    eventually("the rung's depth", 1, || async { depth(&rung).await.ready }).await;
    let mut consumer = consume(&broker, &queue, 1).await;
    let held = next(&mut consumer).await;
    eventually("the queue's depth", Depth { ready: 2, consumers: 1, unacked: None }, || depth(&work)).await;
    drop((consumer, held));
    eventually("the queue's depth", Depth { ready: 3, consumers: 0, unacked: None }, || depth(&work)).await;
}

pub async fn what_is_parked_is_counted_over_all_rungs(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let other = Queue { lane: contracts::Lane::Backfill, ..queue.clone() };
    broker.declare(std::slice::from_ref(&other)).await.expect("declare");
    publish(&broker, Destination::Work(queue.clone()), message("ready")).await;
    publish(&broker, Destination::Retry(other.clone(), RUNGS_MS.len() - 1), message("of another")).await;
    for rung in [RUNGS_MS.len() - 1, RUNGS_MS.len() - 2, RUNGS_MS.len() - 1] {
        publish(&broker, Destination::Retry(queue.clone(), rung), message("waits")).await;
    }
    eventually("what is parked", 3, || async { broker.parked(&queue).await.expect("parked") }).await;
    eventually("what is parked elsewhere", 1, || async { broker.parked(&other).await.expect("parked") }).await;
}

pub async fn what_is_handed_out_is_counted_or_unknown(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let work = Destination::Work(queue.clone());
    publish_all(&broker, &queue, 4).await;
    let mut consumer = consume(&broker, &queue, 3).await;
    let mut held = take(&mut consumer, 3).await;
    let unacked = || async { broker.depth(&work).await.expect("depth").unacked };
    if unacked().await.is_none() {
        return;
    }
    eventually("what is handed out", Some(3), unacked).await;
    ack(held.remove(0)).await;
    eventually("what is handed out", Some(2), unacked).await;
    drop((held, consumer));
    eventually("what is handed out", Some(0), unacked).await;
    eventually_ready(&broker, &work, 3).await;
}

pub async fn lanes_are_separate_queues(broker: Arc<dyn Broker>) {
    let interactive = Queue::interactive(KIND);
    let backfill = Queue { kind: KIND.to_owned(), lane: contracts::Lane::Backfill };
    within("declare", broker.declare(&[interactive.clone(), backfill.clone()])).await.expect("declare");
    publish(&broker, Destination::Work(backfill.clone()), message("slow lane")).await;
    let mut fast = consume(&broker, &interactive, 10).await;
    assert_silent(&mut fast).await;
    let mut slow = consume(&broker, &backfill, 10).await;
    assert_eq!(next(&mut slow).await.message.id, "slow lane");
}

pub async fn many_concurrent_publishes_are_all_confirmed(broker: Arc<dyn Broker>) {
    const COUNT: usize = 1_000;
    let queue = declared(&broker).await;
    let to = Destination::Work(queue.clone());
    let publishes = (0..COUNT).map(|n| {
        let (broker, to) = (Arc::clone(&broker), to.clone());
        tokio::spawn(async move { broker.publish(&to, message(&format!("hop-{n}"))).await })
    });
    for answer in within("publish", join_all(publishes)).await {
        answer.expect("join").expect("publish");
    }
    let mut consumer = consume(&broker, &queue, 100).await;
    let mut ids = BTreeSet::new();
    for _ in 0..COUNT {
        let delivery = next(&mut consumer).await;
        assert!(ids.insert(delivery.message.id.clone()), "{} came twice", delivery.message.id);
        ack(delivery).await;
    }
    assert_silent(&mut consumer).await;
}

pub async fn two_consumers_share_a_queue(broker: Arc<dyn Broker>) {
    let queue = declared(&broker).await;
    let mut left = consume(&broker, &queue, 1).await;
    let mut right = consume(&broker, &queue, 1).await;
    publish_all(&broker, &queue, 10).await;
    let (mut on_left, mut on_right) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..5 {
        let (one, other) = (next(&mut left).await, next(&mut right).await);
        on_left.insert(one.message.id.clone());
        on_right.insert(other.message.id.clone());
        ack(one).await;
        ack(other).await;
    }
    assert!(on_left.is_disjoint(&on_right));
    assert_eq!(on_left.len() + on_right.len(), 10);
}

pub async fn ping_answers(broker: Arc<dyn Broker>) {
    broker.ping(Duration::from_secs(5)).await.expect("ping");
}
