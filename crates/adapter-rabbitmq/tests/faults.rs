//! What happens when the broker does not do what it should.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use adapter_rabbitmq::{Rabbit, RabbitConfig};
use bytes::Bytes;
use futures_util::future::join_all;
use ports::broker::{Broker, Consumer, Delivery, Destination, Message, PublishError, Queue};
use ports::{PortError, broker::Depth};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::proxy::Proxy;

const PATIENCE: Duration = Duration::from_secs(20);

async fn through_proxy(query: &str) -> (Proxy, RabbitConfig) {
    let url = support::url();
    let (rest, host_and_path) = url.rsplit_once('@').unwrap_or(("amqp://guest:guest", "127.0.0.1:5672/%2f"));
    let (host, path) = host_and_path.split_once('/').unwrap_or((host_and_path, "%2f"));
    let proxy = Proxy::before(host.to_owned()).await;
    let url = format!("{rest}@127.0.0.1:{}/{path}{query}", proxy.port);
    (proxy, RabbitConfig { url, ..support::config() })
}

async fn connect(config: RabbitConfig) -> Rabbit {
    Rabbit::connect_for_a_while(config, support::UNUSED_FOR).await.unwrap()
}

fn queue() -> Queue {
    Queue::interactive("faults")
}

fn work() -> Destination {
    Destination::Work(queue())
}

fn message(id: &str) -> Message {
    Message { id: id.to_owned(), headers: BTreeMap::new(), body: Bytes::from_static(b"{}") }
}

async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    tokio::time::timeout(PATIENCE, consumer.next()).await.expect("a delivery in time").unwrap()
}

async fn published_at_last(rabbit: &Rabbit, id: &str) {
    let started = Instant::now();
    while let Err(error) = rabbit.publish(&work(), message(id)).await {
        assert!(started.elapsed() < PATIENCE, "{id} cannot be published: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_and_a_publisher_go_on_after_the_connection_was_cut() {
    let (proxy, config) = through_proxy("").await;
    let rabbit = connect(config).await;
    rabbit.declare(&[queue()]).await.unwrap();
    rabbit.publish(&work(), message("before")).await.unwrap();
    let mut consumer = rabbit.consume(&queue(), 10).await.unwrap();
    let held = next(&mut consumer).await;
    for round in 0..3 {
        proxy.cut();
        let again = next(&mut consumer).await;
        assert_eq!((again.message.id.as_str(), again.redelivered), ("before", true), "round {round}");
    }
    held.receipt.ack().await.expect("a late ack has no effect and is no error");
    proxy.cut();
    let again = next(&mut consumer).await;
    again.receipt.ack().await.unwrap();
    published_at_last(&rabbit, "after").await;
    assert_eq!(next(&mut consumer).await.message.id, "after");
}

/// The URL's node goes away; another of its cluster takes over. Here both are the same server.
#[tokio::test(flavor = "multi_thread")]
async fn another_node_is_tried_when_one_is_away() {
    let (first, config) = through_proxy("").await;
    let (second, _) = through_proxy("").await;
    let nodes = [testkit::free_port(), second.port].map(|port| format!("127.0.0.1:{port}"));
    let rabbit = connect(RabbitConfig { nodes: nodes.to_vec(), ..config }).await;
    rabbit.declare(&[queue()]).await.unwrap();
    let mut consumer = rabbit.consume(&queue(), 10).await.unwrap();
    for (away, other) in [(&first, &second), (&second, &first)] {
        other.refuse(false);
        away.refuse(true);
        away.cut();
        published_at_last(&rabbit, "from another node").await;
        next(&mut consumer).await.receipt.ack().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_before_a_cut_is_delivered_and_no_publish_hangs() {
    let (proxy, config) = through_proxy("").await;
    let rabbit = Arc::new(connect(config).await);
    rabbit.declare(&[queue()]).await.unwrap();
    let publishes = (0..2_000).map(|n| {
        let rabbit = Arc::clone(&rabbit);
        tokio::spawn(async move {
            let id = format!("hop-{n}");
            let answer = rabbit.publish(&work(), message(&id)).await;
            (id, answer)
        })
    });
    let publishes: Vec<_> = publishes.collect();
    proxy.cut();
    let mut confirmed = BTreeSet::new();
    for answer in tokio::time::timeout(PATIENCE, join_all(publishes)).await.expect("every publish is answered") {
        match answer.unwrap() {
            (id, Ok(())) => assert!(confirmed.insert(id)),
            (_, Err(PublishError::Port(PortError::Unavailable { .. }))) => {}
            (id, Err(error)) => panic!("{id}: {error}"),
        }
    }
    let mut consumer = rabbit.consume(&queue(), 100).await.unwrap();
    while !confirmed.is_empty() {
        let delivery = next(&mut consumer).await;
        confirmed.remove(&delivery.message.id);
        delivery.receipt.ack().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_unavailable_soon_and_comes_back() {
    let (proxy, config) = through_proxy("").await;
    let rabbit = connect(config).await;
    rabbit.declare(&[queue()]).await.unwrap();
    proxy.refuse(true);
    let started = Instant::now();
    while rabbit.publish(&work(), message("early")).await.is_ok() {}
    let error = rabbit.publish(&work(), message("lost")).await.unwrap_err();
    assert!(matches!(&error, PublishError::Port(error) if error.is_transient()), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(rabbit.ping(Duration::from_millis(300)).await.unwrap_err().is_transient());
    proxy.refuse(false);
    published_at_last(&rabbit, "after").await;
    rabbit.ping(PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_falls_silent_is_found_out_by_its_heartbeat() {
    let (proxy, config) = through_proxy("?heartbeat=1").await;
    let rabbit = connect(config).await;
    rabbit.declare(&[queue()]).await.unwrap();
    let mut consumer = rabbit.consume(&queue(), 1).await.unwrap();
    proxy.freeze(true);
    let error = tokio::time::timeout(PATIENCE, rabbit.publish(&work(), message("lost"))).await.unwrap().unwrap_err();
    assert!(matches!(&error, PublishError::Port(error) if error.is_transient()), "{error:?}");
    proxy.cut();
    proxy.freeze(false);
    published_at_last(&rabbit, "after").await;
    while next(&mut consumer).await.message.id != "after" {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_before_its_broker_works_once_it_is_there() {
    let (proxy, config) = through_proxy("").await;
    proxy.refuse(true);
    let rabbit = connect(config).await;
    let mut consumer = rabbit.consume(&queue(), 1).await.unwrap();
    assert!(rabbit.ping(Duration::from_millis(300)).await.is_err());
    proxy.refuse(false);
    rabbit.ping(PATIENCE).await.unwrap();
    rabbit.declare(&[queue()]).await.unwrap();
    published_at_last(&rabbit, "first").await;
    assert_eq!(next(&mut consumer).await.message.id, "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_takes_again() {
    let rabbit = connect(RabbitConfig { max_queue_length: 3, ..support::config() }).await;
    rabbit.declare(&[queue()]).await.unwrap();
    // The broker may take a few more than the bound before it refuses.
    let started = Instant::now();
    let error = loop {
        match rabbit.publish(&work(), message("one of many")).await {
            Ok(()) => assert!(started.elapsed() < PATIENCE, "the queue has no bound"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, PublishError::Full), "{error:?}");
    let mut consumer = rabbit.consume(&queue(), 10).await.unwrap();
    for _ in 0..3 {
        next(&mut consumer).await.receipt.ack().await.unwrap();
    }
    let started = Instant::now();
    while rabbit.publish(&work(), message("late")).await.is_err() {
        assert!(started.elapsed() < PATIENCE, "the queue stays full");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_that_were_made_with_another_length_are_named_with_what_to_do() {
    let config = support::config();
    connect(config.clone()).await.declare(&[queue()]).await.unwrap();
    let other = connect(RabbitConfig { max_queue_length: 3, ..config }).await;
    let error = other.declare(&[queue()]).await.unwrap_err();
    let said = error.to_string();
    assert!(!error.is_transient(), "waiting mends nothing: {said}");
    assert!(said.contains("x-max-length") && said.contains("broker.max_queue_length"), "{said}");
}

/// `connection.blocked` and `connection.unblocked`, as the broker says them when its alarm is raised and lifted.
fn alarm(raised: bool) -> Vec<u8> {
    let arguments: &[u8] = if raised { &[0, 10, 0, 60, 3, b'l', b'o', b'w'] } else { &[0, 10, 0, 61] };
    [&[1, 0, 0, 0, 0, 0, arguments.len() as u8], arguments, &[0xce]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raised_alarm_is_back_pressure_until_it_is_lifted() {
    let (proxy, config) = through_proxy("").await;
    let rabbit = connect(config).await;
    rabbit.declare(&[queue()]).await.unwrap();
    rabbit.publish(&work(), message("before")).await.unwrap();
    proxy.say(alarm(true));
    let started = Instant::now();
    let error = loop {
        match rabbit.publish(&work(), message("meanwhile")).await {
            Ok(()) => assert!(started.elapsed() < PATIENCE, "the alarm is not heard"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, PublishError::Full), "{error:?}");
    proxy.say(alarm(false));
    published_at_last(&rabbit, "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_handed_back_again_and_again_goes_to_the_dead_queue() {
    let rabbit = connect(support::config()).await;
    rabbit.declare(&[queue()]).await.unwrap();
    rabbit.publish(&work(), message("poison")).await.unwrap();
    let mut consumer = rabbit.consume(&queue(), 1).await.unwrap();
    let dead = Destination::Dead(queue());
    let mut handed_out = 0;
    while rabbit.depth(&dead).await.unwrap() == Depth::default() {
        match tokio::time::timeout(Duration::from_millis(200), consumer.next()).await {
            Ok(delivery) => delivery.unwrap().receipt.requeue().await.unwrap(),
            Err(_) => continue,
        }
        handed_out += 1;
        assert!(handed_out < 100, "the message is handed out for ever");
    }
    assert!(handed_out >= 20, "{handed_out}");
    let taken = rabbit.take_dead(&queue(), 10).await.unwrap();
    assert_eq!(taken.iter().map(|delivery| &delivery.message).collect::<Vec<_>>(), [&message("poison")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_makes_its_queue_again_when_it_is_gone() {
    let rabbit = Rabbit::connect_for_a_while(support::config(), Duration::from_secs(1)).await.unwrap();
    rabbit.declare(&[queue()]).await.unwrap();
    while !matches!(rabbit.publish(&work(), message("gone")).await, Err(PublishError::Unroutable(_))) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut consumer = rabbit.consume(&queue(), 1).await.unwrap();
    published_at_last(&rabbit, "after").await;
    assert_eq!(next(&mut consumer).await.message.id, "after");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_and_not_shown() {
    let url = support::url().replace("guest:guest", "guest:not-the-password");
    let rabbit = connect(RabbitConfig { url, ..support::config() }).await;
    let error = rabbit.ping(Duration::from_millis(500)).await.unwrap_err();
    assert!(matches!(error, PortError::Refused { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("not-the-password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_arguments_for_an_existing_queue_are_refused() {
    let config = support::config();
    connect(config.clone()).await.declare(&[queue()]).await.unwrap();
    let other = connect(RabbitConfig { max_queue_length: 7, ..config }).await;
    let error = other.declare(&[queue()]).await.unwrap_err();
    assert!(matches!(&error, PortError::Refused { message, .. } if message.contains("x-max-length")), "{error:?}");
}
