use super::{Copied, Tap, fresh, program, until};
use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testkit::{Process, free_port};

/// What names and joins a node.
#[derive(Clone)]
pub struct Node {
    pub port: u16,
    distribution: u16,
    /// The port mapper; nodes of one cluster share it.
    mapper: u16,
    folder: PathBuf,
    /// The folder of the cookie; nodes of one cluster share it.
    home: PathBuf,
}

/// A RabbitMQ node with its own name, cookie, port mapper and configuration.
pub struct Rabbit {
    pub node: Node,
    process: Process,
}

impl Node {
    fn alone(folder: &Path) -> Self {
        let folder = fresh(folder);
        Self { port: free_port(), distribution: free_port(), mapper: free_port(), home: folder.clone(), folder }
    }

    /// Another node for the cluster of this one.
    pub fn sibling(&self, folder: &Path) -> Self {
        Self { port: free_port(), distribution: free_port(), folder: fresh(folder), ..self.clone() }
    }

    pub fn name(&self) -> String {
        format!("faults-{}@localhost", self.port)
    }

    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    fn env(&self) -> BTreeMap<String, String> {
        let path = |name: &str| self.folder.join(name).display().to_string();
        BTreeMap::from(
            [
                ("HOME", self.home.display().to_string()),
                ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
                ("ERL_EPMD_PORT", self.mapper.to_string()),
                ("ERL_FLAGS", "-kernel inet_dist_use_interface {127,0,0,1}".to_owned()),
                ("RABBITMQ_ADVANCED_CONFIG_FILE", path("advanced.config")),
                ("RABBITMQ_CONF_ENV_FILE", path("env.conf")),
                ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
                ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
                ("RABBITMQ_PID_FILE", path("own-pid")),
                ("RABBITMQ_NODENAME", self.name()),
                ("RABBITMQ_DIST_PORT", self.distribution.to_string()),
                ("RABBITMQ_MNESIA_BASE", path("data")),
                ("RABBITMQ_LOG_BASE", path("log")),
                ("RABBITMQ_GENERATED_CONFIG_DIR", path("generated")),
                // The script becomes the server instead of watching over it.
                ("RUNNING_UNDER_SYSTEMD", "1".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        )
    }

    fn configure(&self) {
        for folder in ["data", "log", "generated"] {
            std::fs::create_dir_all(self.folder.join(folder)).expect("a folder for the broker");
        }
        let settings = format!(
            "listeners.tcp.local = 127.0.0.1:{}\nlog.file.level = warning\ndisk_free_limit.absolute = 50MB\n",
            self.port
        );
        // With tracing on, a tap can be bound at any time.
        let advanced = "[{rabbit, [{trace_vhosts, [<<\"/\">>]}]}].\n";
        for (file, text) in
            [("env.conf", ""), ("plugins", "[]."), ("rabbitmq.conf", &settings), ("advanced.config", advanced)]
        {
            std::fs::write(self.folder.join(file), text).expect("the broker's settings");
        }
    }

    fn spawn(&self) -> Process {
        let own = "/usr/lib/rabbitmq/bin/rabbitmq-server";
        Process::start(&program(&[own, "/usr/sbin/rabbitmq-server"]), "rabbitmq", &[], &self.env(), &self.folder)
    }
}

impl Rabbit {
    pub async fn start(folder: &Path) -> Self {
        Self::start_node(Node::alone(folder)).await
    }

    pub async fn start_node(node: Node) -> Self {
        node.configure();
        let mut rabbit = Self { process: node.spawn(), node };
        rabbit.answers().await;
        rabbit
    }

    pub async fn answers(&mut self) {
        let url = self.node.url();
        until("RabbitMQ answers", || connects(url.clone())).await;
    }

    pub fn stop(&mut self) {
        self.process.terminate();
    }

    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again with what it has stored.
    pub async fn again(&mut self) {
        self.process = self.node.spawn();
        self.answers().await;
    }

    /// It is stopped, and starts as a new one next time.
    pub fn forget(&mut self) {
        std::fs::remove_dir_all(self.node.folder.join("data")).expect("the broker's data");
        self.node.configure();
    }

    /// Runs `rabbitmqctl` on this node.
    pub async fn control(&self, arguments: &[&str]) -> Output {
        let tool = program(&["/usr/lib/rabbitmq/bin/rabbitmqctl", "/usr/sbin/rabbitmqctl"]);
        let mut command = tokio::process::Command::new(tool);
        command.args(["-q", "-n", &self.node.name()]).args(arguments).envs(self.node.env());
        command.output().await.expect("rabbitmqctl runs")
    }

    /// As `control`, and it must succeed.
    pub async fn must(&self, arguments: &[&str]) -> String {
        let output = self.control(arguments).await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "rabbitmqctl {arguments:?}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    /// Joins the cluster of another node.
    pub async fn join(&self, node: &Node) {
        self.must(&["stop_app"]).await;
        self.must(&["join_cluster", &node.name()]).await;
        self.must(&["start_app"]).await;
    }

    /// True when every queue of this prefix has so many replicas.
    pub async fn replicas_are(&self, count: usize, prefix: &str) -> bool {
        let listed = self.must(&["list_queues", "--formatter", "json", "name", "members"]).await;
        let queues: Vec<Value> = serde_json::from_str(&listed).unwrap_or_default();
        let of_prefix = |queue: &&Value| queue["name"].as_str().is_some_and(|name| name.starts_with(prefix));
        let mut ours = queues.iter().filter(of_prefix).peekable();
        ours.peek().is_some() && ours.all(|queue| queue["members"].as_array().is_some_and(|all| all.len() == count))
    }

    /// Messages that consumers of the queues of this prefix hold and have not settled. It starts a virtual machine.
    pub async fn unsettled(&self, prefix: &str) -> BTreeMap<String, u64> {
        let listed = self.must(&["list_queues", "--formatter", "json", "name", "messages_unacknowledged"]).await;
        let queues: Vec<Value> = serde_json::from_str(&listed).expect("a list of queues as JSON");
        let held = queues.iter().filter_map(|queue| {
            let name = queue["name"].as_str().filter(|name| name.starts_with(prefix))?;
            Some((name.to_owned(), queue["messages_unacknowledged"].as_u64()?))
        });
        held.filter(|(_, count)| *count > 0).collect()
    }

    /// How many messages are ready in each of these queues. One that does not exist is left out.
    pub async fn messages(&self, queues: &[String]) -> BTreeMap<String, u64> {
        let connection = connection(&self.node.url()).await;
        let mut channel = connection.create_channel().await.expect("a channel");
        let options = QueueDeclareOptions { passive: true, durable: true, ..Default::default() };
        let mut counts = BTreeMap::new();
        for name in queues {
            match channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await {
                Ok(queue) => drop(counts.insert(name.clone(), u64::from(queue.message_count()))),
                // The error has closed the channel.
                Err(_) => channel = connection.create_channel().await.expect("a channel"),
            }
        }
        drop(connection.close(200, "".into()).await);
        counts
    }

    /// Publishes messages as they are. A channel that closes before they are confirmed may lose some.
    pub async fn publish(&self, messages: &[Copied]) {
        let channel = channel(&self.node.url()).await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let mut sent = Vec::new();
        for message in messages {
            let (queue, properties) = (message.queue.as_str().into(), message.properties.clone());
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let publish = channel.basic_publish("".into(), queue, options, &message.body, properties);
            sent.push(publish.await.expect("it is sent"));
        }
        for confirm in sent {
            let confirmed = confirm.await.expect("a confirm");
            assert_eq!(confirmed, Confirmation::Ack(None), "a queue has taken it");
        }
        channel.close(200, "".into()).await.expect("the channel closes");
    }

    /// From now on every message that anybody publishes is copied into the tap.
    pub async fn tap(&self) -> Tap {
        let channel = channel(&self.node.url()).await;
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let queue = channel.queue_declare("".into(), options, FieldTable::default()).await.expect("a queue");
        let name = queue.name().clone();
        let bind = QueueBindOptions::default();
        let exchange = "amq.rabbitmq.trace".into();
        channel
            .queue_bind(name.clone(), exchange, "publish.#".into(), bind, FieldTable::default())
            .await
            .expect("a tap");
        Tap::on(channel, name.to_string())
    }

    /// Takes one message out of a queue, when there is one.
    pub async fn take(&self, queue: &str) -> Option<(BasicProperties, Vec<u8>)> {
        let channel = channel(&self.node.url()).await;
        let got = channel.basic_get(queue.into(), BasicGetOptions::default()).await.expect("a message")?;
        let (properties, body) = (got.delivery.properties.clone(), got.delivery.data.clone());
        got.delivery.acker.ack(BasicAckOptions::default()).await.expect("an ack");
        channel.close(200, "".into()).await.expect("the broker has read the ack");
        Some((properties, body))
    }
}

impl Drop for Rabbit {
    /// The port mapper outlives its node.
    fn drop(&mut self) {
        if self.process.is_running() {
            self.process.kill();
        }
        let mapper = self.node.mapper.to_string();
        drop(Command::new("epmd").args(["-port", &mapper, "-kill"]).output());
    }
}

async fn connection(url: &str) -> Connection {
    Connection::connect(url, ConnectionProperties::default()).await.expect("the broker takes us")
}

async fn channel(url: &str) -> lapin::Channel {
    connection(url).await.create_channel().await.expect("a channel")
}

async fn connects(url: String) -> bool {
    let connected = Connection::connect(&url, ConnectionProperties::default()).await;
    match connected {
        Ok(connection) => connection.close(200, "".into()).await.is_ok(),
        Err(_) => false,
    }
}
