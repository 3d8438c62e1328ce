//! RabbitMQ over TLS: the broker's suite, and servers that must not be trusted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use adapter_rabbitmq::{Rabbit, RabbitConfig};
use ports::Broker;
use ports::conformance::broker as suite;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::free_port;
use testkit::proxy::Proxy;
use testkit::secure::{Authority, Clients, Identity, SecureRabbit, SecureRedis, Validity};
use tls::Files;

const HERE: [&str; 2] = ["localhost", "127.0.0.1"];
const PASSWORD: &str = "hidden-canary";

fn trusting(authority: &Authority) -> Files {
    Files { authorities: authority.file(), ..Files::default() }
}

fn config(url: String, tls: Files) -> RabbitConfig {
    RabbitConfig { url, tls, ..support::config() }
}

async fn connect(url: &str, tls: &Files) -> Arc<dyn Broker> {
    let config = config(url.to_owned(), tls.clone());
    Arc::new(Rabbit::connect_for_a_while(config, support::UNUSED_FOR).await.unwrap())
}

/// Why a broker cannot be used.
async fn refusal(url: &str, tls: Files) -> String {
    let rabbit = Rabbit::connect(config(url.to_owned(), tls)).await.unwrap();
    let error = rabbit.ping(Duration::from_millis(200)).await.unwrap_err();
    assert!(error.is_transient(), "it is tried again as an outage: {error}");
    let said = error.to_string();
    assert!(!said.contains(PASSWORD), "{said}");
    said
}

macro_rules! run_suite {
    ($url:expr, $tls:expr, [$($case:ident),* $(,)?]) => {
        $(suite::$case(connect($url, $tls).await).await;)*
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_over_tls_does_what_a_broker_does_and_a_listener_learns_nothing() {
    let authority = Authority::new("Askline tests");
    let rabbit = SecureRabbit::start(&authority, &authority.certify(&HERE, Validity::Now)).await;
    let (url, tls) = (rabbit.url("localhost"), trusting(&authority));
    run_suite!(
        &url,
        &tls,
        [
            ping_answers,
            what_is_published_is_delivered_once_and_gone_after_ack,
            unacked_messages_come_again_after_the_consumer_is_dropped,
            a_retry_waits_for_its_rung_and_does_not_hold_up_others,
            dead_messages_can_be_taken_oldest_first,
            publishing_to_an_undeclared_queue_is_unroutable,
            headers_and_body_survive_byte_for_byte,
            many_concurrent_publishes_are_all_confirmed,
        ]
    );
    by_its_address_too(&rabbit, &tls).await;
    a_listener_learns_nothing(&rabbit, &tls).await;
    a_lost_connection_comes_back(&rabbit, &tls).await;
    only_what_is_trusted(&rabbit, &authority).await;
    a_client_shows_its_certificate(&rabbit, &authority).await;
    a_port_without_tls_is_refused(&rabbit).await;
}

async fn by_its_address_too(rabbit: &SecureRabbit, tls: &Files) {
    suite::ping_answers(connect(&rabbit.url("127.0.0.1"), tls).await).await;
}

/// What a listener in the middle of a publish and a delivery hears.
async fn overheard(port: u16, url: impl Fn(u16) -> String, tls: &Files) -> Vec<Vec<u8>> {
    let proxy = Proxy::before(format!("127.0.0.1:{port}")).await;
    proxy.record();
    suite::what_is_published_is_delivered_once_and_gone_after_ack(connect(&url(proxy.port), tls).await).await;
    let tracks = proxy.recorded();
    assert!(tracks.iter().map(Vec::len).sum::<usize>() > 4_096, "the listener was in the middle");
    tracks
}

async fn a_listener_learns_nothing(rabbit: &SecureRabbit, tls: &Files) {
    let (plain_port, nothing) = (rabbit.plain_port, Files::default());
    let plain = overheard(plain_port, |port| format!("amqp://guest:guest@127.0.0.1:{port}/%2f"), &nothing).await;
    let secure = overheard(rabbit.port, |port| format!("amqps://guest:guest@localhost:{port}/%2f"), tls).await;
    for word in ["AMQP", "PLAIN", "guest", "conformance", "x-queue-type", "{\"id\":\"hop\"}"] {
        let heard = |tracks: &[Vec<u8>]| tracks.iter().any(|track| contains(track, word));
        assert!(heard(&plain), "without TLS a listener hears {word}");
        assert!(!heard(&secure), "{word} went by in plain text");
    }
}

async fn a_lost_connection_comes_back(rabbit: &SecureRabbit, tls: &Files) {
    let proxy = Proxy::before(format!("127.0.0.1:{}", rabbit.port)).await;
    let broker = connect(&format!("amqps://guest:guest@localhost:{}/%2f", proxy.port), tls).await;
    broker.ping(Duration::from_secs(5)).await.unwrap();
    proxy.refuse(true);
    assert!(broker.ping(Duration::from_millis(500)).await.is_err());
    proxy.refuse(false);
    let started = Instant::now();
    while let Err(error) = broker.ping(Duration::from_secs(1)).await {
        assert!(started.elapsed() < Duration::from_secs(20), "{error}");
    }
}

async fn only_what_is_trusted(rabbit: &SecureRabbit, authority: &Authority) {
    let url = format!("amqps://guest:{PASSWORD}@localhost:{}/%2f", rabbit.port);
    for other in [Authority::new("Somebody else"), Authority::new("Askline tests")] {
        let said = refusal(&url, trusting(&other)).await;
        assert!(said.contains(&format!("RabbitMQ at localhost:{}", rabbit.port)), "{said}");
        assert!(said.contains("nobody that is trusted here") && said.contains("broker.ca_file"), "{said}");
    }
    let said = refusal(&url, Files::default()).await;
    assert!(said.contains("nobody that is trusted here"), "the system knows nothing of it: {said}");
    let rabbit = Rabbit::connect(config(url, trusting(authority))).await.unwrap();
    let said = rabbit.ping(Duration::from_millis(200)).await.unwrap_err();
    assert!(!said.is_transient() && !said.to_string().contains(PASSWORD), "a wrong password is another thing: {said}");
}

async fn a_port_without_tls_is_refused(rabbit: &SecureRabbit) {
    let url = format!("amqps://guest:{PASSWORD}@127.0.0.1:{}/%2f", rabbit.plain_port);
    let said = refusal(&url, Files::default()).await;
    // It answers in its own protocol, or waits for more, and so does the error.
    let is_told = said.contains("does not speak TLS") || said.contains("in the TLS handshake");
    assert!(is_told && said.contains("RabbitMQ at 127.0.0.1") && said.contains("broker.url"), "{said}");
}

async fn a_client_shows_its_certificate(rabbit: &SecureRabbit, authority: &Authority) {
    let showing =
        |own: Identity| Files { client_certificate: own.certificate, client_key: own.key, ..trusting(authority) };
    let own = authority.certify(&["a client"], Validity::Now);
    suite::ping_answers(connect(&rabbit.url("localhost"), &showing(own)).await).await;
    let somebody = Authority::new("Somebody else");
    let foreign = somebody.certify(&["a client"], Validity::Now);
    let said = refusal(&rabbit.url("localhost"), showing(foreign)).await;
    assert!(said.contains("this client's certificate") && said.contains("broker.client_cert_file"), "{said}");
}

/// The handshake comes first, so any server will do to be refused.
async fn poses_as_a_broker(names: &[&str], validity: Validity) -> (Authority, SecureRedis, String) {
    let authority = Authority::new("Askline tests");
    let redis = SecureRedis::start(&authority, &authority.certify(names, validity), Clients::Anybody).await;
    let url = format!("amqps://guest:{PASSWORD}@localhost:{}/%2f", redis.port);
    (authority, redis, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_host_is_refused() {
    let (authority, _server, url) = poses_as_a_broker(&["db.example.com"], Validity::Now).await;
    let said = refusal(&url, trusting(&authority)).await;
    assert!(said.contains("its certificate is for db.example.com, not for localhost"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused() {
    let (authority, _server, url) = poses_as_a_broker(&HERE, Validity::Expired).await;
    let said = refusal(&url, trusting(&authority)).await;
    assert!(said.contains("its certificate expired") && said.contains("renew it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_given_up_with_a_word() {
    let port = free_port();
    let _silent = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let started = Instant::now();
    let said = refusal(&format!("amqps://guest:{PASSWORD}@127.0.0.1:{port}/%2f"), Files::default()).await;
    assert!(said.contains(&format!("RabbitMQ at 127.0.0.1:{port}: the server said nothing in the TLS")), "{said}");
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_is_no_outage() {
    let tls = Files { authorities: PathBuf::from("/no/such/ca.pem"), ..Files::default() };
    let error = Rabbit::connect(config("amqps://localhost".to_owned(), tls)).await.err().unwrap();
    assert!(!error.is_transient() && error.to_string().contains("/no/such/ca.pem"), "{error}");
}

fn contains(track: &[u8], word: &str) -> bool {
    track.windows(word.len()).any(|window| window == word.as_bytes())
}
