//! Redis over TLS: the suites, restarts, and servers that must not be trusted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use adapter_redis::{RedisBus, RedisConfig};
use contracts::TurnId;
use ports::conformance::{event_log, flights, limiter, signals};
use ports::event_log::{Append, EventLog, Heard, Watch};
use ports::signals::Signals;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::free_port;
use testkit::proxy::Proxy;
use testkit::secure::{Authority, Clients, Identity, SecureRedis, Validity};
use tls::Files;

const HERE: [&str; 2] = ["localhost", "127.0.0.1"];
const PASSWORD: &str = "hidden-canary";
const CANARY: &str = "CANARY-4b1d77";
const PATIENCE: Duration = Duration::from_secs(20);

fn trusting(authority: &Authority) -> Files {
    Files { authorities: authority.file(), ..Files::default() }
}

fn config(url: String, tls: Files) -> RedisConfig {
    RedisConfig { url, tls, ..support::config() }
}

async fn server(names: &[&str], validity: Validity) -> (Authority, SecureRedis) {
    let authority = Authority::new("Askline tests");
    let redis = SecureRedis::start(&authority, &authority.certify(names, validity), Clients::Anybody).await;
    (authority, redis)
}

/// Why a server cannot be used.
async fn refusal(url: &str, tls: Files) -> String {
    let bus = RedisBus::connect(config(url.to_owned(), tls)).await.unwrap();
    let error = EventLog::ping(&bus).await.unwrap_err();
    assert!(error.is_transient(), "it is tried again as an outage: {error}");
    let said = error.to_string();
    assert!(!said.contains(PASSWORD), "{said}");
    said
}

fn appended(batch: u64, text: &str) -> Append {
    let events = vec![format!("{{\"n\":{batch},\"text\":\"{text}\"}}")];
    Append { turn: TurnId::from("resp_tls"), fence: 1, batch, floor: 0, events, closes: false }
}

async fn heard(watch: &mut Box<dyn Watch>) -> Heard {
    tokio::time::timeout(PATIENCE, watch.next()).await.expect("something is heard in time").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_tls_does_what_a_server_does() {
    let (authority, redis) = server(&HERE, Validity::Now).await;
    let shared = config(redis.url("localhost"), trusting(&authority));
    let alone = async || {
        let own = RedisConfig { prefix: support::config().prefix, ..shared.clone() };
        Arc::new(RedisBus::connect(own).await.unwrap())
    };
    event_log::ping_answers(alone().await).await;
    event_log::numbers_are_dense_from_zero(alone().await).await;
    event_log::an_older_fence_is_refused_and_leaves_nothing(alone().await).await;
    event_log::events_survive_byte_for_byte(alone().await).await;
    event_log::a_watcher_hears_what_is_appended_after_it_registered(alone().await).await;
    event_log::a_slow_watcher_loses_nothing_for_good(alone().await).await;
    let pair = async || {
        let own = RedisConfig { prefix: support::config().prefix, ..shared.clone() };
        let connect = async || Arc::new(RedisBus::connect(own.clone()).await.unwrap());
        (connect().await, connect().await)
    };
    let (here, there) = pair().await;
    signals::a_cancel_reaches_every_listener_of_every_process((here, there)).await;
    let (here, there) = pair().await;
    limiter::many_at_once_get_no_more_than_the_bound((here, there)).await;
    let (here, there) = pair().await;
    flights::many_at_once_agree_on_one_leader((here, there)).await;
    let by_address = config(redis.url("127.0.0.1"), trusting(&authority));
    event_log::ping_answers(Arc::new(RedisBus::connect(by_address).await.unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_connections_come_back_after_the_server_was_restarted() {
    let (authority, mut redis) = server(&HERE, Validity::Now).await;
    let bus = RedisBus::connect(config(redis.url("localhost"), trusting(&authority))).await.unwrap();
    let mut watch = bus.watch(&TurnId::from("resp_tls")).await.unwrap();
    let mut cancels = bus.cancels().await.unwrap();
    bus.append(appended(0, "before")).await.unwrap();
    assert!(matches!(heard(&mut watch).await, Heard::Frame(_)));
    redis.restart().await;
    let started = Instant::now();
    while let Err(error) = bus.append(appended(1, "after")).await {
        assert!(started.elapsed() < PATIENCE, "nothing can be appended: {error}");
    }
    while heard(&mut watch).await != Heard::Missed {}
    let cancelled = async {
        loop {
            bus.cancel(&TurnId::from("resp_tls")).await.ok();
            if let Ok(heard) = tokio::time::timeout(Duration::from_millis(50), cancels.next()).await {
                return heard;
            }
        }
    };
    let heard = tokio::time::timeout(PATIENCE, cancelled).await.expect("the subscription stands again");
    assert_eq!(heard, Some(TurnId::from("resp_tls")));
}

/// What a listener in the middle hears of an event and of its way to a watcher.
async fn overheard(port: u16, url: impl Fn(u16) -> String, tls: Files) -> Vec<Vec<u8>> {
    let proxy = Proxy::before(format!("127.0.0.1:{port}")).await;
    proxy.record();
    let bus = RedisBus::connect(config(url(proxy.port), tls)).await.unwrap();
    let mut watch = bus.watch(&TurnId::from("resp_tls")).await.unwrap();
    bus.append(appended(0, CANARY)).await.unwrap();
    let Heard::Frame(frame) = heard(&mut watch).await else { panic!("no frame") };
    assert!(frame.events[0].json.contains(CANARY));
    proxy.recorded()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_learns_nothing() {
    let (authority, redis) = server(&HERE, Validity::Now).await;
    let plain_port = support::url().rsplit(':').next().and_then(|rest| rest.split('/').next()?.parse().ok()).unwrap();
    let plain = overheard(plain_port, |port| format!("redis://127.0.0.1:{port}/0"), Files::default()).await;
    let secure = overheard(redis.port, |port| format!("rediss://localhost:{port}/0"), trusting(&authority)).await;
    assert!(secure.iter().filter(|track| !track.is_empty()).count() >= 4, "two connections, in both directions");
    for word in [CANARY, "SUBSCRIBE", "EVALSHA", "resp_tls"] {
        let heard = |tracks: &[Vec<u8>]| tracks.iter().any(|track| contains(track, word));
        assert!(heard(&plain), "without TLS a listener hears {word}");
        assert!(!heard(&secure), "{word} went by in plain text");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let (_authority, redis) = server(&HERE, Validity::Now).await;
    let url = format!("rediss://:{PASSWORD}@localhost:{}/0", redis.port);
    let others = ["Somebody else", "Askline tests"].map(Authority::new);
    for tls in [trusting(&others[0]), trusting(&others[1]), Files::default()] {
        let said = refusal(&url, tls).await;
        assert!(said.contains(&format!("Redis at localhost:{}", redis.port)), "{said}");
        assert!(said.contains("nobody that is trusted here") && said.contains("events.ca_file"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_host_is_refused() {
    let (authority, redis) = server(&["db.example.com"], Validity::Now).await;
    let said = refusal(&redis.url("localhost"), trusting(&authority)).await;
    assert!(said.contains("its certificate is for db.example.com, not for localhost"), "{said}");
    let said = refusal(&redis.url("127.0.0.1"), trusting(&authority)).await;
    assert!(said.contains("not for 127.0.0.1"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused() {
    let (authority, redis) = server(&HERE, Validity::Expired).await;
    let said = refusal(&redis.url("localhost"), trusting(&authority)).await;
    assert!(said.contains("its certificate expired") && said.contains("renew it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_refused() {
    let plain = support::url().replace("redis://", "rediss://");
    let said = refusal(&plain, Files::default()).await;
    assert!(said.contains("TLS") && said.contains("events.url"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_given_up_with_a_word() {
    let port = free_port();
    let _silent = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let bus = RedisBus::connect(config(format!("rediss://127.0.0.1:{port}/0"), Files::default())).await.unwrap();
    let started = Instant::now();
    loop {
        let said = EventLog::ping(&bus).await.unwrap_err().to_string();
        if said.contains("no connection over TLS within 2s") {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_it_is_shown_a_certificate() {
    let authority = Authority::new("Askline tests");
    let redis = SecureRedis::start(&authority, &authority.certify(&HERE, Validity::Now), Clients::Certified).await;
    let showing =
        |own: Identity| Files { client_certificate: own.certificate, client_key: own.key, ..trusting(&authority) };
    let own = config(redis.url("localhost"), showing(authority.certify(&["a client"], Validity::Now)));
    event_log::ping_answers(Arc::new(RedisBus::connect(own).await.unwrap())).await;
    for tls in [trusting(&authority), showing(Authority::new("Somebody else").certify(&["a client"], Validity::Now))] {
        let said = refusal(&redis.url("localhost"), tls).await;
        assert!(said.contains("client's certificate") && said.contains("events.client_cert_file"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_is_no_outage() {
    let tls = Files { authorities: PathBuf::from("/no/such/ca.pem"), ..Files::default() };
    let error = RedisBus::connect(config("rediss://localhost".to_owned(), tls)).await.err().unwrap();
    assert!(!error.is_transient() && error.to_string().contains("/no/such/ca.pem"), "{error}");
}

fn contains(track: &[u8], word: &str) -> bool {
    track.windows(word.len()).any(|window| window == word.as_bytes())
}
