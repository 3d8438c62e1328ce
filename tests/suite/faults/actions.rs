//! Steps that take more than a signal to a process or a word to a proxy.

use super::case::{Server, Step};
use super::http;
use super::installation::Link;
use super::servers::{Copied, is_root};
use super::stage::Stage;
use contracts::job::KINDS;
use lapin::BasicProperties;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::Process;

const PATIENCE: Duration = Duration::from_secs(60);
const SMALL_DISK: &str = "size=400m";
const TEN_MEGABYTES: usize = 10 << 20;

impl Stage<'_> {
    pub async fn act(&mut self, step: &Step) {
        match step {
            Step::FlushEvents => drop(self.servers.redis().command("FLUSHALL").await),
            Step::Alarm(raised) => {
                let mark = if *raised { "0" } else { "0.4" };
                self.servers.rabbit().must(&["set_vm_memory_high_watermark", mark]).await;
            }
            Step::ConsumerTimeout(timeout) => {
                let set = format!(
                    "application:set_env(rabbit, consumer_timeout, {}), \
                     application:set_env(rabbit, channel_tick_interval, 1000).",
                    timeout.as_millis()
                );
                self.servers.rabbit().must(&["eval", &set]).await;
            }
            Step::Tap => self.tap = Some(self.servers.rabbit().tap().await),
            Step::Republish => self.republish(step).await,
            Step::AddFields(kind) => self.add_fields(kind, step).await,
            Step::PublishBad => self.publish_bad().await,
            Step::AllRun => {
                let all = self.installation.running.values_mut().all(Process::is_running);
                self.must(all, step);
            }
            Step::ThreeReplicas => {
                let prefix = format!("{}.", self.installation.prefix);
                let three = self.servers.rabbit().replicas_are(3, &prefix).await;
                self.must(three, step);
            }
            Step::KillLeader => {
                self.servers.rabbit().kill();
                self.aim(Link::Broker, self.servers.siblings[0].node.port);
            }
            Step::FailOver => {
                let folder = self.installation.folder.with_extension("replica");
                let port = self.servers.fail_over(&folder).await;
                self.aim(Link::Events, port);
            }
            Step::SmallDisk(server) => self.small_disk(*server).await,
            Step::Fill(server) => self.fill(*server),
            Step::Free(server) => drop(std::fs::remove_file(self.filler(*server))),
            _ => self.act_on_databases(step).await,
        }
    }

    async fn act_on_databases(&mut self, step: &Step) {
        let prefix = self.installation.prefix.clone();
        let source = &self.servers.source;
        match step {
            Step::EndBackends => {
                let ours = "FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'";
                let ended = source.number("postgres", &format!("SELECT count(pg_terminate_backend(pid)) {ours}")).await;
                self.must(ended > 0, step);
            }
            Step::ReaderPassword(password) => {
                source.execute("postgres", &format!("ALTER ROLE reader PASSWORD '{password}'")).await;
                let idle = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'reader'";
                source.number("postgres", idle).await;
            }
            Step::NothingRuns => {
                let ours = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'";
                let started = Instant::now();
                while source.number("postgres", ours).await > 0 && started.elapsed() < PATIENCE {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                let rest = source.number("postgres", ours).await;
                self.must(rest == 0, step);
            }
            Step::Untouched => {
                let customers = source.number("tenant_a", "SELECT count(*) FROM customers").await;
                self.must(customers == 28, step);
            }
            Step::AuditFails(fails) => {
                let store = self.servers.store();
                for statement in audit_trigger(*fails) {
                    store.execute(&prefix, statement).await;
                }
            }
            _ => self.act_on_the_api(step).await,
        }
    }

    async fn act_on_the_api(&mut self, step: &Step) {
        let access = self.installation.access(0);
        let done = match step {
            Step::RefusesSoon(limit) => http::refuses_soon(&access, *limit).await,
            Step::NotReady => http::is_not_ready(&access).await,
            Step::BadInput => http::bad_input_is_answered(&access).await,
            Step::SameKey => http::one_key_is_one_question(&access, &self.load.run).await,
            _ => Err("nobody knows this step".to_owned()),
        };
        if let Err(why) = done {
            self.failures.push(format!("{step:?}: {why}"));
        }
    }

    /// Everybody's connections of a kind end, and go to another server from now on.
    fn aim(&self, link: Link, port: u16) {
        for (_, proxy) in self.installation.links.iter().filter(|((_, of), _)| *of == link) {
            proxy.aim(format!("127.0.0.1:{port}"));
            proxy.cut();
        }
    }

    async fn republish(&mut self, step: &Step) {
        if let Some(tap) = &self.tap {
            let copies = tap.drain().await;
            self.copies.extend(copies.into_iter().filter(|copy| copy.queue.ends_with(".v1")));
        }
        self.must(!self.copies.is_empty(), step);
        self.servers.rabbit().publish(&self.copies).await;
    }

    fn queue(&self, kind: &str) -> String {
        format!("{}.{kind}.interactive.v1", self.installation.prefix)
    }

    async fn add_fields(&mut self, kind: &str, step: &Step) {
        let queue = self.queue(kind);
        let started = Instant::now();
        let mut newer = Vec::new();
        while newer.len() < self.questions && started.elapsed() < PATIENCE {
            match self.servers.rabbit().take(&queue).await {
                Some((properties, body)) => {
                    newer.push(Copied { queue: queue.clone(), properties, body: of_a_later_release(&body) });
                }
                None => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
        self.must(newer.len() >= self.questions, step);
        self.servers.rabbit().publish(&newer).await;
    }

    async fn publish_bad(&mut self) {
        let mut messages = Vec::new();
        for kind in KINDS {
            for body in bad_bodies() {
                let properties = BasicProperties::default().with_delivery_mode(2);
                messages.push(Copied { queue: self.queue(kind), properties, body });
            }
        }
        self.servers.rabbit().publish(&messages).await;
    }

    fn disk(&self, server: Server) -> PathBuf {
        let folder = self.installation.folder.parent().expect("the suite's folder");
        folder.join(if server == Server::Broker { "rabbit/data" } else { "store/data" })
    }

    fn filler(&self, server: Server) -> PathBuf {
        self.disk(server).join("filler")
    }

    /// Moves the data of a server onto a file system of its own that is small.
    async fn small_disk(&mut self, server: Server) {
        assert!(is_root(), "a small file system takes root");
        let disk = self.disk(server);
        let aside = disk.with_extension("aside");
        match server {
            Server::Broker => tokio::task::block_in_place(|| self.servers.rabbit().stop()),
            _ => self.servers.store().stop(),
        }
        let text = |path: &PathBuf| path.display().to_string();
        run(&["mv", &text(&disk), &text(&aside)]);
        run(&["mkdir", &text(&disk)]);
        run(&["mount", "-t", "tmpfs", "-o", SMALL_DISK, "tmpfs", &text(&disk)]);
        run(&["cp", "-a", &format!("{}/.", text(&aside)), &text(&disk)]);
        run(&["rm", "-rf", &text(&aside)]);
        match server {
            Server::Broker => self.servers.rabbit().again().await,
            _ => self.servers.store().again().await,
        }
    }

    /// Writes until nothing more fits. A broker keeps what its alarm needs to be raised in time; without that much its
    /// queues end themselves, and no broker that serves is as full.
    fn fill(&self, server: Server) {
        let of = format!("of={}", self.filler(server).display());
        let mut arguments = vec!["if=/dev/zero".to_owned(), of, "bs=1M".to_owned()];
        if matches!(server, Server::Broker) {
            arguments.push(format!("count={}", free_mib(&self.disk(server)).saturating_sub(BELOW_THE_ALARM_MIB)));
        }
        drop(Command::new("dd").args(arguments).output());
    }
}

/// Less than the broker's `disk_free_limit`.
const BELOW_THE_ALARM_MIB: u64 = 30;

fn free_mib(folder: &Path) -> u64 {
    let told = Command::new("df").args(["-m", "--output=avail"]).arg(folder).output().expect("df runs");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    told.lines().last().and_then(|line| line.trim().parse().ok()).expect("df tells a number")
}

fn run(command: &[&str]) {
    let done = Command::new(command[0]).args(&command[1..]).status().expect("the command runs");
    assert!(done.success(), "{command:?} failed");
}

fn audit_trigger(fails: bool) -> Vec<&'static str> {
    if !fails {
        return vec!["DROP TRIGGER audit_is_down ON audit", "DROP FUNCTION audit_is_down"];
    }
    vec![
        "CREATE FUNCTION audit_is_down() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'the audit store is down' USING ERRCODE = '58030'; END $$",
        "CREATE TRIGGER audit_is_down BEFORE INSERT ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_down()",
    ]
}

fn of_a_later_release(body: &[u8]) -> Vec<u8> {
    let mut envelope: Value = serde_json::from_slice(body).expect("a job is JSON");
    let unknown = json!({"of": ["a", "later", "release"]});
    envelope["later"] = unknown.clone();
    envelope["meta"]["later"] = unknown.clone();
    envelope["job"]["later"] = unknown;
    serde_json::to_vec(&envelope).expect("JSON")
}

/// Invalid UTF-8, invalid JSON, a later version, missing fields, deep JSON, ten megabytes.
fn bad_bodies() -> Vec<Vec<u8>> {
    let later = json!({"v": 99, "kind": "classify", "hop": "resp_bad/classify.0", "job": {"question": "?"},
        "meta": {"turn": "resp_bad", "business": "biz", "user": "usr", "deadline_ms": 1}});
    vec![
        b"{\"v\":1,\"kind\":\"\xff\xfe\"}".to_vec(),
        b"{\"v\":1,".to_vec(),
        later.to_string().into_bytes(),
        b"{\"v\":1}".to_vec(),
        ["[".repeat(10_000), "]".repeat(10_000)].concat().into_bytes(),
        vec![b'x'; TEN_MEGABYTES],
    ]
}

/// How many bad bodies `PublishBad` publishes.
pub fn bad_bodies_in_all() -> usize {
    KINDS.len() * bad_bodies().len()
}
