//! What happens when the server does not do what it should.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use adapter_redis::{RedisBus, RedisConfig};
use contracts::TurnId;
use ports::PortError;
use ports::event_log::{Append, AppendError, EventLog, Heard, Position, Watch};
use ports::limiter::Limiter;
use ports::signals::Signals;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::proxy::Proxy;
use testkit::{Process, free_port};

const PATIENCE: Duration = Duration::from_secs(20);

async fn through_proxy() -> (Proxy, RedisConfig) {
    let url = support::url();
    let (host, database) = url.trim_start_matches("redis://").split_once('/').unwrap_or(("127.0.0.1:6379", "0"));
    let (login, host) = host.rsplit_once('@').map_or(("", host), |(login, host)| (login, host));
    let proxy = Proxy::before(host.to_owned()).await;
    let login = if login.is_empty() { String::new() } else { format!("{login}@") };
    let url = format!("redis://{login}127.0.0.1:{}/{database}", proxy.port);
    (proxy, RedisConfig { url, ..support::config() })
}

async fn connect(config: &RedisConfig) -> RedisBus {
    RedisBus::connect(config.clone()).await.unwrap()
}

fn turn() -> TurnId {
    TurnId::from("resp_faults")
}

fn batch(batch: u64) -> Append {
    let events = vec![format!("{{\"n\":{batch}}}")];
    Append { turn: turn(), fence: 1, batch, floor: 0, events, closes: false }
}

async fn appended_at_last(bus: &RedisBus, append: Append) -> Position {
    let started = Instant::now();
    loop {
        match bus.append(append.clone()).await {
            Ok(position) => return position,
            Err(error) => assert!(started.elapsed() < PATIENCE, "nothing can be appended: {error}"),
        }
    }
}

async fn next(watch: &mut Box<dyn Watch>) -> Heard {
    tokio::time::timeout(PATIENCE, watch.next()).await.expect("something is heard in time").unwrap()
}

async fn until_missed(watch: &mut Box<dyn Watch>) {
    while next(watch).await != Heard::Missed {}
}

/// Appends until a frame is heard: one that was appended while nobody was subscribed is announced as missed.
async fn hears_frames(bus: &RedisBus, watch: &mut Box<dyn Watch>, fence: u64) -> u64 {
    let started = Instant::now();
    for number in 1_000.. {
        let next_seq = appended_at_last(bus, Append { fence, ..batch(number) }).await.next_seq;
        while let Ok(heard) = tokio::time::timeout(Duration::from_millis(200), watch.next()).await {
            if let Heard::Frame(frame) = heard.unwrap()
                && frame.events.last().is_some_and(|event| event.seq + 1 == next_seq)
            {
                return next_seq;
            }
        }
        assert!(started.elapsed() < PATIENCE, "no frame is heard");
    }
    unreachable!("the assertion ends the loop")
}

/// A connection of the test's own, beside the adapter.
async fn server() -> redis::aio::MultiplexedConnection {
    redis::Client::open(support::url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

async fn keys(prefix: &str) -> Vec<String> {
    redis::cmd("KEYS").arg(format!("{prefix}:*")).query_async(&mut server().await).await.unwrap()
}

async fn lose(keys: &[String]) {
    redis::cmd("DEL").arg(keys).exec_async(&mut server().await).await.unwrap();
}

/// A server of the test's own, empty.
struct Own {
    port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Own {
    async fn start() -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let (number, path) = (port.to_string(), folder.path().display().to_string());
        let arguments = ["--port", &number, "--bind", "127.0.0.1", "--dir", &path, "--save", ""];
        let process = Process::start(Path::new("redis-server"), "redis", &arguments, &BTreeMap::new(), folder.path());
        let own = Self { port, _process: process, _folder: folder };
        own.until("PING", &[], "PONG").await;
        own
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    async fn follow(&self, other: Option<&Self>) {
        let (host, port) =
            other.map_or(("NO".to_owned(), "ONE".to_owned()), |other| ("127.0.0.1".to_owned(), other.port.to_string()));
        self.until("REPLICAOF", &[&host, &port], "OK").await;
        let state = if other.is_some() { "master_link_status:up" } else { "role:master" };
        self.until("INFO", &["replication"], state).await;
    }

    /// Says it again until the answer holds this.
    async fn until(&self, command: &str, arguments: &[&str], expected: &str) {
        let client = redis::Client::open(format!("redis://{}", self.address())).unwrap();
        let started = Instant::now();
        loop {
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await {
                let answer = redis::cmd(command).arg(arguments).query_async::<String>(&mut connection).await;
                if answer.is_ok_and(|answer| answer.contains(expected)) {
                    return;
                }
            }
            assert!(started.elapsed() < PATIENCE, "{command} never gives {expected}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_be_reached_is_passed_over() {
    let ((first, config), (second, _)) = (through_proxy().await, through_proxy().await);
    let bus = connect(&RedisConfig { nodes: vec![format!("127.0.0.1:{}", second.port)], ..config }).await;
    let mut watch = bus.watch(&turn()).await.unwrap();
    hears_frames(&bus, &mut watch, 1).await;
    for (fence, (away, there)) in (2..).zip([(&first, &second), (&second, &first), (&first, &second)]) {
        there.refuse(false);
        away.refuse(true);
        hears_frames(&bus, &mut watch, fence).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_passed_over_until_it_is_promoted() {
    let (primary, replica) = (Own::start().await, Own::start().await);
    replica.follow(Some(&primary)).await;
    let url = format!("redis://{}/0", replica.address());
    let bus = connect(&RedisConfig { url, nodes: vec![primary.address()], ..support::config() }).await;
    let mut watch = bus.watch(&turn()).await.unwrap();
    let written = hears_frames(&bus, &mut watch, 1).await;

    // Nobody's connection ends.
    replica.follow(None).await;
    primary.follow(Some(&replica)).await;
    let next = appended_at_last(&bus, Append { fence: 2, ..batch(0) }).await;
    assert_eq!(next.next_seq, written + 1, "the replica has what was written before");
    hears_frames(&bus, &mut watch, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_hears_that_it_missed_something_when_the_connection_was_cut() {
    let (proxy, config) = through_proxy().await;
    let (bus, other) = (connect(&config).await, connect(&RedisConfig { url: support::url(), ..config }).await);
    let mut watch = bus.watch(&turn()).await.unwrap();
    for fence in 1..4 {
        let from = hears_frames(&bus, &mut watch, fence).await;
        proxy.cut();
        let missed = other.append(Append { fence, ..batch(9_000) }).await.unwrap();
        assert_eq!(missed.next_seq, from + 1);
        until_missed(&mut watch).await;
        assert_eq!(bus.read(&turn(), from, 10).await.unwrap().len(), 1);
    }
    hears_frames(&bus, &mut watch, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_unavailable_soon_and_comes_back() {
    let (proxy, config) = through_proxy().await;
    let bus = connect(&config).await;
    let mut cancels = bus.cancels().await.unwrap();
    proxy.refuse(true);
    let started = Instant::now();
    let error = loop {
        if let Err(error) = bus.append(batch(0)).await {
            break error;
        }
    };
    assert!(matches!(&error, AppendError::Port(error) if error.is_transient()), "{error:?}");
    assert!(bus.ping().await.unwrap_err().is_transient());
    assert!(bus.watch(&turn()).await.err().unwrap().is_transient());
    assert_eq!(bus.watched(), 0);
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    proxy.refuse(false);
    assert_eq!(appended_at_last(&bus, batch(0)).await.next_seq, 1);
    let sender = connect(&RedisConfig { url: support::url(), ..config }).await;
    let heard = async {
        loop {
            sender.cancel(&turn()).await.unwrap();
            if let Ok(heard) = tokio::time::timeout(Duration::from_millis(50), cancels.next()).await {
                return heard;
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, heard).await.unwrap(), Some(turn()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_found_out() {
    let (proxy, config) = through_proxy().await;
    let bus = connect(&config).await;
    let mut watch = bus.watch(&turn()).await.unwrap();
    proxy.freeze(true);
    let started = Instant::now();
    let error = bus.append(batch(0)).await.unwrap_err();
    assert!(matches!(&error, AppendError::Port(error) if error.is_transient()), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    proxy.cut();
    proxy.freeze(false);
    until_missed(&mut watch).await;
    appended_at_last(&bus, batch(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_before_its_server_works_once_it_is_there() {
    let (proxy, config) = through_proxy().await;
    proxy.refuse(true);
    let bus = connect(&config).await;
    assert!(bus.ping().await.unwrap_err().is_transient());
    proxy.refuse(false);
    assert_eq!(appended_at_last(&bus, batch(0)).await.next_seq, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_go_on_after_the_server_lost_everything() {
    let config = support::config();
    let bus = connect(&config).await;
    let mut watch = bus.watch(&turn()).await.unwrap();
    hears_frames(&bus, &mut watch, 1).await;
    lose(&keys(&config.prefix).await).await;
    until_missed(&mut watch).await;
    assert_eq!(bus.position(&turn()).await.unwrap(), None);
    let after_the_loss = Append { floor: 70, ..batch(1) };
    assert_eq!(bus.append(after_the_loss).await.unwrap().next_seq, 71);
    assert!(hears_frames(&bus, &mut watch, 1).await > 71);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_go_on_when_only_what_was_known_of_the_log_is_lost() {
    let config = support::config();
    let bus = connect(&config).await;
    bus.append(batch(0)).await.unwrap();
    bus.append(batch(1)).await.unwrap();
    let known: Vec<_> = keys(&config.prefix).await.into_iter().filter(|key| key.contains(":meta:")).collect();
    assert_eq!(known.len(), 1);
    lose(&known).await;
    assert_eq!(bus.append(batch(2)).await.unwrap().next_seq, 3);
    let numbers: Vec<u64> = bus.read(&turn(), 0, 10).await.unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgot_the_script_learns_it_again() {
    let bus = connect(&support::config()).await;
    bus.append(batch(0)).await.unwrap();
    redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut server().await).await.unwrap();
    assert_eq!(bus.append(batch(1)).await.unwrap().next_seq, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_dropped_watch() {
    let config = support::config();
    let bus = connect(&config).await;
    let watches = [bus.watch(&turn()).await.unwrap(), bus.watch(&turn()).await.unwrap()];
    assert_eq!(bus.watched(), 1);
    assert_eq!(keys(&config.prefix).await.iter().filter(|key| key.contains(":nodes:")).count(), 1);
    drop(watches);
    assert_eq!(bus.watched(), 0);
    let started = Instant::now();
    while keys(&config.prefix).await.iter().any(|key| key.contains(":nodes:")) {
        assert!(started.elapsed() < PATIENCE, "the server still counts the watch");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_gone_after_their_retention() {
    let config = RedisConfig { retention: Duration::from_secs(1), ..support::config() };
    let bus = connect(&config).await;
    bus.append(batch(0)).await.unwrap();
    let started = Instant::now();
    while bus.position(&turn()).await.unwrap().is_some() {
        assert!(started.elapsed() < PATIENCE, "the log is kept for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(bus.read(&turn(), 0, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_watch_ends_with_the_bus() {
    let bus = connect(&support::config()).await;
    let mut watch = bus.watch(&turn()).await.unwrap();
    let mut cancels = bus.cancels().await.unwrap();
    drop(bus);
    let ended = async { while watch.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
    assert_eq!(tokio::time::timeout(PATIENCE, cancels.next()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_text_is_not_appended() {
    let bus = connect(&support::config()).await;
    for events in [Vec::new(), vec!["{}\u{1e}{}".to_owned()]] {
        let error = bus.append(Append { events, ..batch(0) }).await.unwrap_err();
        assert!(matches!(error, AppendError::Port(PortError::Unreadable { .. })), "{error:?}");
    }
    assert_eq!(bus.position(&turn()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slots_of_a_process_that_died_come_back_with_their_leases() {
    let config = support::config();
    let dead = connect(&config).await;
    let permit = dead.acquire("a", 1).await.unwrap();
    assert!(permit.is_some());
    drop(dead);
    let alive = connect(&config).await;
    assert!(alive.acquire("a", 1).await.unwrap().is_none(), "the lease is not over");
    let started = Instant::now();
    while alive.acquire("a", 1).await.unwrap().is_none() {
        assert!(started.elapsed() < PATIENCE, "the slot is still held");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_server_each_process_counts_alone() {
    let (proxy, config) = through_proxy().await;
    let (here, there) = (connect(&config).await, connect(&config).await);
    let held = here.acquire("a", 1).await.unwrap();
    assert!(held.is_some() && there.acquire("a", 1).await.unwrap().is_none());
    proxy.refuse(true);
    proxy.cut();
    assert!(there.acquire("a", 1).await.unwrap().is_some(), "the other process is not known about");
    assert!(here.acquire("a", 1).await.unwrap().is_none(), "what is held here still counts");
}

/// The slots that the server knows of, over all keys.
async fn slots(prefix: &str) -> usize {
    let mut all = 0;
    for key in keys(prefix).await.iter().filter(|key| key.contains(":slots:")) {
        all += redis::cmd("ZCARD").arg(key).query_async::<usize>(&mut server().await).await.unwrap();
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_are_held_count_again_after_the_server_lost_everything() {
    let config = support::config();
    let (here, there) = (connect(&config).await, connect(&config).await);
    let held = [here.acquire("a", 2).await.unwrap(), here.acquire("a", 2).await.unwrap()];
    assert!(held.iter().all(Option::is_some));
    lose(&keys(&config.prefix).await).await;
    let started = Instant::now();
    while slots(&config.prefix).await < 2 {
        assert!(started.elapsed() < PATIENCE, "what is held is not told again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(there.acquire("a", 2).await.unwrap().is_none(), "both are held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_holds_up_nobody_who_asks_for_a_slot() {
    let (proxy, config) = through_proxy().await;
    let (here, there) = (connect(&config).await, connect(&config).await);
    let held = here.acquire("a", 1).await.unwrap();
    assert!(held.is_some());
    proxy.freeze(true);
    let started = Instant::now();
    let alone = there.acquire("a", 1).await.unwrap();
    assert!(alone.is_some(), "it counts alone");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(there.acquire("a", 1).await.unwrap().is_none(), "its own bound holds");
    proxy.freeze(false);
    proxy.cut();
    drop(alone);
    let started = Instant::now();
    while there.acquire("a", 1).await.unwrap().is_some() {
        assert!(started.elapsed() < PATIENCE, "the process goes on counting alone");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
