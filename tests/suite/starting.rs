//! A process that starts before its servers are there waits for them, and one that can never start says so at once.

use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use testkit::proxy::Proxy;
use testkit::{Bare, Process, binary, free_port};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server's address behind a proxy that refuses: the proxy, and the URL that leads through it.
async fn behind_a_proxy(url: &str) -> (Proxy, String) {
    let (start, host_and_rest) = url.rsplit_once('@').map_or_else(
        || url.split_once("://").map(|(scheme, rest)| (format!("{scheme}://"), rest)).unwrap(),
        |(start, rest)| (format!("{start}@"), rest),
    );
    let (host, rest) = host_and_rest.split_once('/').unwrap_or((host_and_rest, ""));
    let proxy = Proxy::before(host.to_owned()).await;
    proxy.refuse(true);
    let url = format!("{start}127.0.0.1:{}/{rest}", proxy.port);
    (proxy, url)
}

async fn status(address: &str, path: &str) -> Option<u16> {
    let answer = reqwest::get(format!("http://{address}{path}")).await.ok()?;
    Some(answer.status().as_u16())
}

async fn until(what: &str, process: &mut Process, is_so: impl AsyncFn(&Process) -> bool) {
    let started = Instant::now();
    while !is_so(process).await {
        process.must_run();
        assert!(started.elapsed() < PATIENCE, "{what} did not come:\n{}", process.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_waits_for_its_servers_and_its_tables_and_says_so() {
    let mut bare = Bare::new().await;
    let url = |bare: &Bare, name: &str| bare.env[name].clone();
    let names = ["ASKLINE_STORE__URL", "ASKLINE_BROKER__URL", "ASKLINE_EVENTS__URL"];
    let direct = bare.env.clone();
    let mut proxies = Vec::new();
    for name in names {
        let (proxy, through) = behind_a_proxy(&url(&bare, name)).await;
        bare.env.insert(name.to_owned(), through);
        proxies.push(proxy);
    }
    let address = format!("127.0.0.1:{}", free_port());
    let mut api = bare.start(&binary(), "api", &[("ASKLINE_SERVER__LISTEN", address.clone())]);
    let says = |text: &'static str| async move |process: &Process| process.log().contains(text);
    let answers = |code: u16| {
        let address = address.clone();
        async move |_: &Process| status(&address, "/ready").await == Some(code)
    };
    until("waiting for the store", &mut api, says("not ready: waiting for a server")).await;
    until("an answer that it is not ready", &mut api, answers(503)).await;
    assert_eq!(status(&address, "/health").await, Some(200), "it lives");

    proxies[0].refuse(false);
    until("waiting for the tables", &mut api, says("run `askline migrate`")).await;
    bare.env = direct;
    bare.migrate().await;
    until("waiting for the broker", &mut api, says("rabbitmq")).await;
    assert_eq!(status(&address, "/ready").await, Some(503));
    proxies[1].refuse(false);
    until("waiting for the events", &mut api, says("redis")).await;
    assert_eq!(status(&address, "/ready").await, Some(503));
    proxies[2].refuse(false);
    until("readiness", &mut api, answers(200)).await;
}

/// How a process that cannot start ends: whether with 1, what it said, and after how long.
async fn end_of(change: impl Fn(&mut BTreeMap<String, String>)) -> (bool, String, Duration) {
    let mut bare = Bare::new().await;
    bare.migrate().await;
    change(&mut bare.env);
    let started = Instant::now();
    let mut process = bare.start(&binary(), "sweep", &[]);
    let ended = tokio::task::block_in_place(|| process.wait_for(PATIENCE));
    (ended.is_some_and(|status| status.code() == Some(1)), process.log(), started.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_a_server_refuses_ends_the_process_at_once_with_a_clear_error() {
    for (setting, name, login) in [
        ("store.url", "ASKLINE_STORE__URL", "nobody_of_this_name"),
        ("broker.url", "ASKLINE_BROKER__URL", "guest:wrong-canary"),
    ] {
        let (failed, said, took) = end_of(|env| {
            let url = env.get_mut(name).unwrap();
            let (scheme, rest) = url.split_once("://").unwrap();
            let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
            *url = format!("{scheme}://{login}@{rest}");
        })
        .await;
        assert!(failed && said.contains(setting), "{setting}: {said}");
        assert!(!said.contains("wrong-canary") && took < Duration::from_secs(30), "{took:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_has_an_end() {
    let nobody = format!("redis://127.0.0.1:{}/0", free_port());
    let (failed, said, _) = end_of(|env| {
        env.insert("ASKLINE_EVENTS__URL".to_owned(), nobody.clone());
        env.insert("ASKLINE_START__WAIT_S".to_owned(), "1".to_owned());
    })
    .await;
    assert!(failed && said.contains("start.wait_s") && said.contains("events.url"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sweeper_leads_and_another_takes_over_within_seconds_of_its_death() {
    let bare = Bare::new().await;
    bare.migrate().await;
    let listen = || format!("127.0.0.1:{}", free_port());
    let (here, there) = (listen(), listen());
    let mut first = bare.start(&binary(), "sweep", &[("ASKLINE_WORKERS__LISTEN", here.clone())]);
    let leads = async |process: &Process| process.log().contains("this sweeper leads");
    until("the first leader", &mut first, leads).await;
    let mut second = bare.start(&binary(), "sweep", &[("ASKLINE_WORKERS__LISTEN", there.clone())]);
    let answers = async |_: &Process| status(&there, "/ready").await == Some(200);
    until("the second sweeper", &mut second, answers).await;
    let depth = async |address: &str| {
        let text = reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with("askline_queue_depth") && line.contains("classify"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
    };
    let measured = async |_: &Process| depth(&here).await.is_some();
    until("the leader's figures", &mut first, measured).await;
    assert_eq!(depth(&there).await, None, "who does not lead measures nothing");
    assert!(!second.log().contains("this sweeper leads"));

    first.kill();
    let killed = Instant::now();
    until("the next leader", &mut second, leads).await;
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    let measured = async |_: &Process| depth(&there).await.is_some();
    until("its figures", &mut second, measured).await;
    let status = second.terminate();
    assert!(status.success(), "{status}");
}

/// A figure of `/metrics`, by its name and labels.
fn figure(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let fits = |line: &&str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
    text.lines().find(fits)?.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autoscaler_sees_what_waits_for_a_worker_that_is_paused() {
    let listen = format!("127.0.0.1:{}", free_port());
    let single = [("sweep", "ASKLINE_WORKERS__LISTEN", listen.clone())];
    let each_runs = [("ASKLINE_TURN__SINGLE_FLIGHT", "false".to_owned())];
    let mut processes = testkit::Processes::start_with(&binary(), &each_runs, &single).await;
    drop(processes.running.remove("generate_sql"));
    let mut client = processes.client();
    for _ in 0..3 {
        client.create(serde_json::json!({"input": "How many customers do we have?"})).await;
    }
    let read = async || reqwest::get(format!("http://{listen}/metrics")).await.unwrap().text().await.unwrap();
    let work = ["kind=\"generate_sql\"", "lane=\"interactive\"", "queue=\"work\""];
    let retry = ["kind=\"generate_sql\"", "lane=\"interactive\"", "queue=\"retry\""];
    // The ages are measured after all depths: a reading between the two has the age of the round before.
    let waits = async |_: &Process| {
        let text = read().await;
        figure(&text, "askline_queue_depth", &work) == Some(3.0)
            && figure(&text, "askline_oldest_turn_age_seconds", &work[..2]).is_some_and(|age| age > 0.0)
    };
    let mut sweeper = processes.running.remove("sweep").unwrap();
    until("three jobs that wait", &mut sweeper, waits).await;
    let text = read().await;
    let age = figure(&text, "askline_oldest_turn_age_seconds", &work[..2]).unwrap();
    assert!(age < 60.0, "{age}");
    assert_eq!(figure(&text, "askline_queue_consumers", &work[..2]), Some(0.0));
    assert_eq!(figure(&text, "askline_dead_jobs_open", &work[..2]), Some(0.0));
    let idle = ["kind=\"reply\"", "lane=\"interactive\""];
    assert_eq!(figure(&text, "askline_oldest_turn_age_seconds", &idle), Some(0.0));
    assert_eq!(figure(&text, "askline_queue_consumers", &idle), Some(1.0));

    let worker = format!("127.0.0.1:{}", free_port());
    processes.start_role("generate_sql", &[("ASKLINE_WORKERS__LISTEN", worker.clone())]);
    let done = async |_: &Process| {
        let text = read().await;
        figure(&text, "askline_queue_depth", &work) == Some(0.0)
            && figure(&text, "askline_queue_depth", &retry) == Some(0.0)
            && figure(&text, "askline_oldest_turn_age_seconds", &work[..2]) == Some(0.0)
    };
    until("nothing that waits", &mut sweeper, done).await;
    let text = reqwest::get(format!("http://{worker}/metrics")).await.unwrap().text().await.unwrap();
    assert_eq!(figure(&text, "askline_queue_unacked", &work[..2]), Some(0.0), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_process_answers_in_the_shape_of_the_api() {
    let bare = Bare::new().await;
    let address = format!("127.0.0.1:{}", free_port());
    let nobody = format!("redis://127.0.0.1:{}/0", free_port());
    bare.migrate().await;
    let more = [("ASKLINE_SERVER__LISTEN", address.clone()), ("ASKLINE_EVENTS__URL", nobody)];
    let mut api = bare.start(&binary(), "api", &more);
    let answers = async |_: &Process| status(&address, "/v1/me").await == Some(503);
    until("an answer", &mut api, answers).await;
    let body: Value = reqwest::get(format!("http://{address}/v1/me")).await.unwrap().json().await.unwrap();
    assert_eq!(body["error"]["code"], "starting");
    let status = api.terminate();
    assert!(!status.success(), "it never was ready, and says that it was stopped: {status}");
}
