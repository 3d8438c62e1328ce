//! A stage in another language (examples/python-stage) takes the place of a worker, over nothing but AMQP.

use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use testkit::{Process, Processes, binary};

const COUNT: &str = "How many customers do we have?";
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything but the classifier, and the stage in its place, not started yet.
struct Bench {
    processes: Processes,
    broker: Channel,
    prefix: String,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let mut processes = Processes::start(&binary(), &[("ASKLINE_WORKERS__SWEEP_MS", "100".to_owned())]).await;
        drop(processes.running.remove("classify"));
        let url = processes.setting("ASKLINE_BROKER__URL");
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let broker = connection.create_channel().await.unwrap();
        let prefix = processes.setting("ASKLINE_BROKER__PREFIX").to_owned();
        Self { processes, broker, prefix, folder: tempfile::tempdir().unwrap() }
    }

    fn stage(&self) -> Process {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/python-stage/stage.py");
        let url = self.processes.setting("ASKLINE_BROKER__URL").to_owned();
        let env = BTreeMap::from([("ASKLINE_BROKER__URL".to_owned(), url)]);
        let arguments = [script.to_str().unwrap(), "--prefix", &self.prefix];
        Process::start(&python(), "stage", &arguments, &env, self.folder.path())
    }

    fn queue(&self, suffix: &str) -> String {
        format!("{}.classify.interactive.v1{suffix}", self.prefix)
    }

    async fn ready(&self, queue: &str) -> u32 {
        let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        self.broker.queue_declare(queue.into(), look, FieldTable::default()).await.unwrap().message_count()
    }

    async fn until_ready(&self, queue: &str, count: u32) {
        let started = Instant::now();
        while self.ready(queue).await != count {
            assert!(started.elapsed() < PATIENCE, "{queue} does not come to {count} messages");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn put(&self, queue: &str, properties: BasicProperties, body: &[u8]) {
        let options = BasicPublishOptions::default();
        self.broker.basic_publish("".into(), queue.into(), options, body, properties).await.unwrap().await.unwrap();
    }
}

/// The Python that has what the stage asks for; `make test` makes it.
fn python() -> PathBuf {
    let named = std::env::var_os("ASKLINE_TEST_STAGE_PYTHON");
    PathBuf::from(named.expect("ASKLINE_TEST_STAGE_PYTHON names a Python with examples/python-stage/requirements.txt"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_in_python_takes_part_in_a_turn() {
    let bench = Bench::new().await;
    let mut stage = bench.stage();
    let mut client = bench.processes.client();
    let transcript = client.ask(COUNT).await;
    assert_eq!(transcript.check().status(), "completed", "{}", stage.log());
    assert!(transcript.text().contains("28"), "{}", transcript.text());
    let steps: Vec<_> = transcript.of("response.askline.step.completed").map(|step| step["step"].clone()).collect();
    assert_eq!(steps, ["generate_sql", "execute_sql", "reply"], "the stage tells the client nothing");
    assert_eq!(client.ask("Hello!").await.check().status(), "completed");
    assert!(stage.terminate().success(), "{}", stage.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stage_delivers_twice_is_done_once() {
    let bench = Bench::new().await;
    let mut client = bench.processes.client();
    client.create(json!({"input": COUNT})).await;
    let queue = bench.queue("");
    bench.until_ready(&queue, 1).await;
    let got = bench.broker.basic_get(queue.clone().into(), BasicGetOptions::default()).await.unwrap().unwrap();
    for _ in 0..2 {
        bench.put(&queue, got.delivery.properties.clone(), &got.delivery.data).await;
    }
    got.delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
    let stage = bench.stage();
    let transcript = client.listen_on(Vec::new()).await;
    assert_eq!(transcript.check().status(), "completed", "{}", stage.log());
    bench.until_ready(&queue, 0).await;
    let (business, turn) = ("biz_demo".into(), transcript.id().into());
    let rows = bench.processes.ports.store.audit_of(&business, &turn).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.verdict == "execute").count(), 1, "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_a_stage_cannot_read_goes_to_the_desk_and_the_stage_goes_on() {
    let bench = Bench::new().await;
    let mut stage = bench.stage();
    let bad = [&b"no envelope"[..], br#"{"v": 9}"#, &[0xff, 0xfe]];
    for body in bad {
        bench.put(&bench.queue(""), BasicProperties::default().with_delivery_mode(2), body).await;
    }
    let transcript = bench.processes.client().ask(COUNT).await;
    assert_eq!(transcript.check().status(), "completed", "{}", stage.log());
    stage.must_run();
    let filter = ports::dead::DeadFilter { kind: Some("classify".to_owned()), ..Default::default() };
    let started = Instant::now();
    while bench.processes.ports.store.count_dead(&ports::dead::Scope::Operator, &filter).await.unwrap() < 3 {
        assert!(started.elapsed() < PATIENCE, "three messages at the desk: {}", stage.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
