//! How soon work ends that was cancelled or is out of time: for the client, in the database, at the language model.
//! Every case runs in both modes, and prints what it measured.

use crate::mode::Mode;
use serde_json::{Value, json};
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use std::time::{Duration, Instant};
use testkit::llm_server::Script;
use testkit::{Client, FreshDatabase, ScriptedLlm, Transcript, World};

in_both_modes!(
    a_cancel_stops_a_statement_in_postgresql,
    a_cancel_stops_a_statement_in_mariadb,
    a_cancel_stops_an_answer_in_the_middle,
    a_deadline_stops_a_statement_in_postgresql,
    a_deadline_stops_a_statement_in_mariadb,
    a_deadline_stops_an_answer_in_the_middle,
);

const SLOW: &str = "SELECT n FROM slow_customers";
/// Nothing here would end by itself before this.
const LONG: Duration = Duration::from_secs(600);
const DEADLINE: Duration = Duration::from_secs(5);
/// What has not stopped by then does not: the leases, by which a worker would hear of a lost signal too, are not renewed
/// before.
const PATIENCE: Duration = Duration::from_secs(30);
const RENEW: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Postgres,
    Mariadb,
}

/// What makes it stop.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Cancel,
    Deadline,
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Deadline => "deadline",
        }
    }

    /// A question ends at its deadline, or long after the case.
    fn settings(self, llm: &ScriptedLlm) -> Vec<(&'static str, String)> {
        let patient = "first_byte_timeout_s=600,stall_timeout_s=600";
        let provider = llm.provider("scripted").replace("first_byte_timeout_s=2,stall_timeout_s=2", patient);
        let deadline = if self == Self::Deadline { DEADLINE } else { LONG };
        vec![
            ("ASKLINE_LLM__PROVIDERS", format!("[{provider}]")),
            ("ASKLINE_TURN__DEADLINE_S", deadline.as_secs().to_string()),
            ("ASKLINE_SOURCES__STATEMENT_TIMEOUT_MS", LONG.as_millis().to_string()),
            ("ASKLINE_WORKERS__RENEW_MS", RENEW.as_millis().to_string()),
            ("ASKLINE_WORKERS__LEASE_MS", LONG.as_millis().to_string()),
        ]
    }
}

/// A database with a view that takes ten minutes.
struct Slow {
    kind: Kind,
    database: FreshDatabase,
}

impl Slow {
    async fn new(kind: Kind) -> Self {
        let database = match kind {
            Kind::Postgres => FreshDatabase::postgres().await,
            Kind::Mariadb => FreshDatabase::mysql().await,
        };
        let slow = Self { kind, database };
        slow.run("CREATE TABLE customers (id INTEGER PRIMARY KEY)").await;
        slow.run("INSERT INTO customers VALUES (1)").await;
        slow.run("CREATE VIEW slow_customers AS SELECT id AS n FROM customers").await;
        slow
    }

    /// Only now: whoever reads the schema looks into the view too.
    async fn slow_down(&self) {
        self.run(match self.kind {
            Kind::Postgres => {
                "CREATE OR REPLACE VIEW slow_customers AS SELECT id AS n FROM customers, pg_catalog.pg_sleep(600)"
            }
            Kind::Mariadb => {
                "CREATE OR REPLACE VIEW slow_customers AS SELECT id AS n FROM customers WHERE SLEEP(600) = 0"
            }
        })
        .await;
    }

    async fn run(&self, sql: &'static str) {
        let url = &self.database.url;
        let done = match self.kind {
            Kind::Postgres => PgConnection::connect(url).await.unwrap().execute(sql).await.map(|_| ()),
            Kind::Mariadb => MySqlConnection::connect(url).await.unwrap().execute(sql).await.map(|_| ()),
        };
        done.unwrap();
    }

    /// Waits until so many statements on the view run; gives when it was so.
    async fn until_running(&self, count: i64) -> Instant {
        let name = self.database.url.rsplit_once('/').unwrap().1;
        match self.kind {
            Kind::Postgres => {
                let mut connection = PgConnection::connect(&self.database.url).await.unwrap();
                let sql = format!(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND state = 'active' \
                     AND query LIKE '%slow_customers%' AND pid <> pg_backend_pid()"
                );
                until(count, async || connection.fetch_one(AssertSqlSafe(sql.clone())).await.unwrap().get(0)).await
            }
            Kind::Mariadb => {
                let mut connection = MySqlConnection::connect(&self.database.url).await.unwrap();
                let sql = format!(
                    "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{name}' \
                     AND info LIKE '%slow_customers%' AND id <> CONNECTION_ID()"
                );
                until(count, async || connection.fetch_one(AssertSqlSafe(sql.clone())).await.unwrap().get(0)).await
            }
        }
    }

    /// Connects it. Gives the connection's id.
    async fn connect(&self, world: &World) -> String {
        let request = reqwest::Client::new().post(format!("{}/v1/connections", world.demo.url));
        let body = json!({"name": "Slow", "url": self.database.url});
        let made = request.bearer_auth(&world.demo.token).json(&body).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        let read = world.client().follow(made["response_id"].as_str().unwrap_or_else(|| panic!("{made}"))).await;
        assert_eq!(read.status(), "completed", "{:#?}", read.terminal());
        made["connection"]["id"].as_str().unwrap().to_owned()
    }
}

async fn until(count: i64, mut running: impl AsyncFnMut() -> i64) -> Instant {
    let started = Instant::now();
    while running().await != count {
        assert!(started.elapsed() < PATIENCE, "there are not {count} statements");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Instant::now()
}

/// A question of which something was heard.
struct Asked {
    client: Client,
    heard: Vec<Value>,
    at: Instant,
}

impl Asked {
    async fn until(world: &World, fields: Value, enough: impl Fn(&Value) -> bool) -> Self {
        let (mut client, at) = (world.client(), Instant::now());
        client.create(fields).await;
        let heard = client.listen_until(enough).await;
        Self { client, heard: heard.into_iter().filter(|event| event["response_id"].is_string()).collect(), at }
    }

    /// Cancels, or does nothing. Gives the moment from which it should stop.
    async fn stop(&mut self, by: By) -> Instant {
        if by == By::Deadline {
            return self.at + DEADLINE;
        }
        let id = self.heard[0]["response_id"].clone();
        let stopped = Instant::now();
        self.client.send(json!({"type": "response.cancel", "response_id": id})).await;
        stopped
    }

    async fn end(&mut self) -> (Transcript, Instant) {
        let transcript = self.client.listen_on(std::mem::take(&mut self.heard)).await;
        (transcript, Instant::now())
    }
}

fn ended_by(transcript: &Transcript, by: By) {
    assert_eq!(transcript.check().status(), "incomplete", "{:#?}", transcript.terminal());
    assert_eq!(transcript.terminal()["response"]["incomplete_details"]["reason"], by.as_str());
}

/// Prints how long after `from` each thing stopped. What stops a question by its time may be early by its milliseconds.
fn tell(mode: Mode, by: By, what: &str, from: Instant, stopped: &[(&str, Instant)]) {
    let mut line = json!({"figure": "time_to_stop", "mode": mode.as_str(), "by": by.as_str(), "what": what});
    for (name, at) in stopped {
        let took = at.saturating_duration_since(from);
        line[*name] = json!((took.as_secs_f64() * 10_000.0).round() / 10.0);
        assert!(took < PATIENCE, "{name}: {took:?}");
    }
    println!("{line}");
}

async fn a_statement_stops(mode: Mode, kind: Kind, by: By) {
    let slow = Slow::new(kind).await;
    let llm = ScriptedLlm::answering(SLOW, "There is one.").await;
    let world = mode.world(&by.settings(&llm)).await;
    let connection = slow.connect(&world).await;
    slow.slow_down().await;
    let fields = json!({"input": "Who is slow?", "connection": connection});
    let is_run = |event: &Value| event["type"] == "response.askline.step.started" && event["step"] == "execute_sql";
    let mut asked = Asked::until(&world, fields, is_run).await;
    slow.until_running(1).await;
    let from = asked.stop(by).await;
    let ((transcript, told), gone) = tokio::join!(asked.end(), slow.until_running(0));
    ended_by(&transcript, by);
    let what = if kind == Kind::Postgres { "a statement in PostgreSQL" } else { "a statement in MariaDB" };
    tell(mode, by, what, from, &[("client_ms", told), ("statement_ms", gone)]);
    is_on_record(&world, &transcript).await;
    assert_eq!(llm.server.received().len(), 2, "nobody asked for more once it was stopped");
    world.stop().await;
}

/// The statement ran once, and the audit says that it came to no rows.
async fn is_on_record(world: &World, transcript: &Transcript) {
    let rows = world.ports.store.audit_of(&"biz_demo".into(), &transcript.id().into()).await.unwrap();
    assert_eq!(rows.len(), 2, "an intent and an outcome: {rows:?}");
    assert_eq!(rows[1].rows, None, "{:?}", rows[1]);
}

async fn an_answer_stops(mode: Mode, by: By) {
    let llm = ScriptedLlm::with(|purpose, _| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"chat"}"#]),
        _ => Script::answer(&["and "; 6_000]).paced(Duration::from_millis(100)),
    })
    .await;
    let world = mode.world(&by.settings(&llm)).await;
    let is_text = |event: &Value| event["type"] == "response.output_text.delta";
    let mut asked = Asked::until(&world, json!({"input": "Talk to me"}), is_text).await;
    let from = asked.stop(by).await;
    let closed = async {
        assert!(llm.server.was_broken_off(1).await, "the call is broken off");
        Instant::now()
    };
    let ((transcript, told), closed) = tokio::join!(asked.end(), closed);
    ended_by(&transcript, by);
    assert!(transcript.streamed().len() < 4 * 1_000, "most of the answer was never said");
    tell(mode, by, "an answer in the middle", from, &[("client_ms", told), ("model_ms", closed)]);
    assert_eq!(llm.server.received().len(), 2, "nobody asked again");
    world.stop().await;
}

async fn a_cancel_stops_a_statement_in_postgresql(mode: Mode) {
    a_statement_stops(mode, Kind::Postgres, By::Cancel).await;
}

async fn a_cancel_stops_a_statement_in_mariadb(mode: Mode) {
    a_statement_stops(mode, Kind::Mariadb, By::Cancel).await;
}

async fn a_cancel_stops_an_answer_in_the_middle(mode: Mode) {
    an_answer_stops(mode, By::Cancel).await;
}

async fn a_deadline_stops_a_statement_in_postgresql(mode: Mode) {
    a_statement_stops(mode, Kind::Postgres, By::Deadline).await;
}

async fn a_deadline_stops_a_statement_in_mariadb(mode: Mode) {
    a_statement_stops(mode, Kind::Mariadb, By::Deadline).await;
}

async fn a_deadline_stops_an_answer_in_the_middle(mode: Mode) {
    an_answer_stops(mode, By::Deadline).await;
}
