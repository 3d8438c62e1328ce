//! A distributed installation whose every link is TLS: broker, events, app store and a customer's database. Each link
//! leads through a listener in the middle.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::proxy::Proxy;
use testkit::secure::{Authority, Clients, SecurePostgres, SecureRabbit, SecureRedis, Validity};
use testkit::{Bare, Process, Processes, Transcript, binary};

const HERE: [&str; 2] = ["localhost", "127.0.0.1"];
const CANARY: &str = "CANARY-91ce4a";
const PATIENCE: Duration = Duration::from_secs(60);

/// The servers, and a listener before each.
struct Links {
    authority: Authority,
    rabbit: (SecureRabbit, Proxy),
    redis: (SecureRedis, Proxy),
    postgres: (SecurePostgres, Proxy),
}

async fn listener(port: u16) -> Proxy {
    let proxy = Proxy::before(format!("127.0.0.1:{port}")).await;
    proxy.record();
    proxy
}

impl Links {
    async fn start() -> Self {
        let authority = Authority::new("Askline tests");
        let identity = authority.certify(&HERE, Validity::Now);
        let (rabbit, redis, postgres) = tokio::join!(
            SecureRabbit::start(&authority, &identity),
            SecureRedis::start(&authority, &identity, Clients::Anybody),
            SecurePostgres::start(&identity),
        );
        let proxies = (listener(rabbit.port).await, listener(redis.port).await, listener(postgres.port).await);
        Self { authority, rabbit: (rabbit, proxies.0), redis: (redis, proxies.1), postgres: (postgres, proxies.2) }
    }

    /// What a process is told, trusting whoever this file names.
    fn settings(&self, ca_file: &Path) -> Vec<(&'static str, String)> {
        let ca_file = ca_file.display().to_string();
        vec![
            ("ASKLINE_BROKER__URL", format!("amqps://guest:guest@localhost:{}/%2f", self.rabbit.1.port)),
            ("ASKLINE_BROKER__CA_FILE", ca_file.clone()),
            ("ASKLINE_EVENTS__URL", format!("rediss://localhost:{}/0", self.redis.1.port)),
            ("ASKLINE_EVENTS__CA_FILE", ca_file.clone()),
            ("ASKLINE_STORE__URL", self.database("test")),
            ("ASKLINE_STORE__CA_FILE", ca_file.clone()),
            ("ASKLINE_SOURCES__CA_FILE", ca_file),
        ]
    }

    fn database(&self, name: &str) -> String {
        format!("postgres://owner@localhost:{}/{name}", self.postgres.1.port)
    }

    /// The customer's database: the canary is in each answer about it.
    async fn shop(&self) -> String {
        let postgres = &self.postgres.0;
        postgres.execute("test", "CREATE DATABASE shop").await;
        postgres.execute("shop", "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await;
        postgres.execute("shop", &format!("INSERT INTO products VALUES (1, '{CANARY}')")).await;
        format!("{}?sslmode=verify-full", self.database("shop"))
    }
}

async fn connect(processes: &Processes, url: &str) -> String {
    let asked = reqwest::Client::new().post(format!("{}/v1/connections", processes.demo.url));
    let asked = asked.bearer_auth(&processes.demo.token).json(&json!({"name": "Shop over TLS", "url": url}));
    let made: Value = asked.send().await.unwrap().json().await.unwrap();
    let tested = processes.client().follow(made["response_id"].as_str().unwrap()).await;
    assert_eq!(tested.status(), "completed", "{:#?}", tested.terminal());
    made["connection"]["id"].as_str().unwrap().to_owned()
}

async fn ask(processes: &Processes, connection: &str) -> Transcript {
    let question = json!({"input": "List the names of all products.", "connection": connection});
    processes.client().ask_with(question).await
}

async fn an_answer_comes_and_no_listener_learns_it(links: &Links) {
    let settings = links.settings(&links.authority.file());
    let processes = Processes::start(&binary(), &settings).await;
    let connection = connect(&processes, &links.shop().await).await;
    let answer = ask(&processes, &connection).await;
    assert_eq!(answer.status(), "completed", "{:#?}", answer.terminal());
    assert!(format!("{:?}", answer.events).contains(CANARY), "{:#?}", answer.events);
    for (name, proxy) in [("broker", &links.rabbit.1), ("events", &links.redis.1), ("databases", &links.postgres.1)] {
        let tracks = proxy.recorded();
        assert!(tracks.iter().map(Vec::len).sum::<usize>() > 10_000, "{name}: the listener was in the middle");
        for word in [CANARY, "generate_sql", "products", "SELECT", "guest"] {
            let heard = tracks.iter().any(|track| track.windows(word.len()).any(|window| window == word.as_bytes()));
            assert!(!heard, "{name}: {word} went by in plain text");
        }
    }
    every_link_comes_back(links, &processes, &connection).await;
}

async fn every_link_comes_back(links: &Links, processes: &Processes, connection: &str) {
    for proxy in [&links.rabbit.1, &links.redis.1, &links.postgres.1] {
        proxy.cut();
    }
    let again = ask(processes, connection).await;
    assert_eq!(again.status(), "completed", "{:#?}", again.terminal());
}

/// What the doctor says with these settings, and whether all is well.
fn doctor(env: &BTreeMap<String, String>) -> (bool, Vec<Value>) {
    let output =
        std::process::Command::new(binary()).args(["doctor", "--json"]).env_clear().envs(env).output().unwrap();
    (output.status.success(), serde_json::from_slice(&output.stdout).unwrap())
}

fn message<'a>(findings: &'a [Value], name: &str) -> &'a str {
    findings.iter().find(|finding| finding["name"] == name).unwrap()["message"].as_str().unwrap()
}

async fn the_doctor_says_what_is_wrong(links: &Links, bare: &Bare) {
    let (well, findings) = doctor(&bare.env);
    assert!(well, "{findings:#?}");
    let (mut env, somebody) = (bare.env.clone(), Authority::new("Somebody else"));
    env.extend(owned(links.settings(&somebody.file())));
    let (well, findings) = doctor(&env);
    assert!(!well);
    for (name, server, setting) in [
        ("app store", "PostgreSQL at localhost:", "store.ca_file"),
        ("broker", "RabbitMQ at localhost:", "broker.ca_file"),
        ("events", "Redis at localhost:", "events.ca_file"),
    ] {
        let said = message(&findings, name);
        let is_clear = [server, "nobody that is trusted here", setting].iter().all(|part| said.contains(part));
        assert!(is_clear && !said.contains("guest"), "{said}");
    }
}

fn owned(pairs: Vec<(&str, String)>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

async fn until_it_says(process: &mut Process, text: &str) {
    let started = Instant::now();
    while !process.log().contains(text) {
        process.must_run();
        assert!(started.elapsed() < PATIENCE, "{text:?} does not come:\n{}", process.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Somebody who is not trusted is waited out as one who is not there.
async fn a_process_waits_for_a_server_that_it_can_trust(links: &Links, bare: &Bare) {
    let somebody = Authority::new("Somebody else");
    let identity = somebody.certify(&HERE, Validity::Now);
    let impostor = SecureRedis::start(&somebody, &identity, Clients::Anybody).await;
    let proxy = &links.redis.1;
    proxy.aim(format!("127.0.0.1:{}", impostor.port));
    proxy.cut();
    let mut sweep = bare.start(&binary(), "sweep", &[]);
    until_it_says(&mut sweep, "nobody that is trusted here").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    sweep.must_run();
    proxy.aim(format!("127.0.0.1:{}", links.redis.0.port));
    until_it_says(&mut sweep, "this sweeper leads").await;
    assert!(sweep.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_installation_over_tls() {
    let links = Links::start().await;
    an_answer_comes_and_no_listener_learns_it(&links).await;
    let mut bare = Bare::new().await;
    bare.env.extend(owned(links.settings(&links.authority.file())));
    the_doctor_says_what_is_wrong(&links, &bare).await;
    a_process_waits_for_a_server_that_it_can_trust(&links, &bare).await;
}
