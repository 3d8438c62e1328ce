//! Steps that take more than a signal to a process or a word to a proxy.

use super::case::{Server, Step};
use super::disk::{self, SmallDisk};
use super::http;
use super::installation::{ALL, Link, Mode};
use super::servers::Copied;
use super::stage::{Stage, stop};
use super::tenants;
use contracts::job::KINDS;
use lapin::BasicProperties;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use testkit::Process;
use testkit::proxy::Proxy;

const PATIENCE: Duration = Duration::from_secs(60);
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
            Step::KillLeader => self.servers.rabbit().kill(),
            Step::FailOver => {
                let port = self.servers.fail_over(&self.replica_folder()).await;
                self.aim_events(port).for_each(Proxy::cut);
            }
            Step::ChangeOver => {
                let port = self.servers.change_over(&self.replica_folder()).await;
                self.aim_events(port).for_each(drop);
            }
            Step::EventsFull(full) => {
                let most = if *full { "CONFIG SET maxmemory 1" } else { "CONFIG SET maxmemory 0" };
                self.servers.redis().command(most).await;
            }
            Step::SmallDisk(server) => self.small_disk(*server).await,
            Step::Fill(server) => self.fill(*server),
            Step::Free(server) => disk::free(&self.disk(*server)),
            Step::LaterReleaseWrites => self.later_release_writes().await,
            Step::LaterReleaseWrote(kind) => self.later_release_wrote(kind, step).await,
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
            Step::ReadOnly(on) if self.installation.mode == Mode::Embedded => {
                self.installation.database.hold_the_only_writer(*on).await;
            }
            Step::ReadOnly(on) => {
                let setting = if *on { "SET default_transaction_read_only = on" } else { "RESET ALL" };
                let store = self.servers.store();
                store.execute("postgres", &format!("ALTER DATABASE {prefix} {setting}")).await;
                let ours = format!("FROM pg_stat_activity WHERE datname = '{prefix}'");
                store.number("postgres", &format!("SELECT count(pg_terminate_backend(pid)) {ours}")).await;
            }
            Step::Access(tenant, true) => tenants::let_in(self.installation, *tenant),
            Step::Access(tenant, false) => tenants::shut_out(self.installation, *tenant),
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

    fn replica_folder(&self) -> PathBuf {
        self.installation.folder.with_extension(format!("replica-{}", self.load.run))
    }

    /// New connections to Redis go to another server. The proxies, for those that stand.
    fn aim_events(&self, port: u16) -> impl Iterator<Item = &Proxy> {
        let links = self.installation.links.iter().filter(|((_, of), _)| *of == Link::Events);
        links.map(move |(_, proxy)| {
            proxy.aim(format!("127.0.0.1:{port}"));
            proxy
        })
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

    /// Every job that the journal of the one process takes gets the fields, as if a later release wrote it.
    async fn later_release_writes(&self) {
        let later = UNKNOWN.to_string();
        let set =
            ["$.later", "$.meta.later", "$.job.later"].map(|path| format!("'{path}', json('{later}')")).join(", ");
        let newer = format!("CAST(json_set(CAST(body AS TEXT), {set}) AS BLOB)");
        let update = format!("UPDATE messages SET body = {newer} WHERE id = NEW.id");
        let trigger = format!("CREATE TRIGGER later_release AFTER INSERT ON messages BEGIN {update}; END");
        self.installation.journal().execute(&trigger).await;
    }

    /// Some jobs of a kind lie there with the fields; what is written from now on has none.
    async fn later_release_wrote(&mut self, kind: &str, step: &Step) {
        let journal = self.installation.journal();
        let newer = journal.count(&format!("messages WHERE kind = '{kind}' AND instr(body, 'later') > 0")).await;
        journal.execute("DROP TRIGGER later_release").await;
        self.must(newer > 0, step);
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

    /// Where a server keeps its data. The store and the queues of the one process are files of its own.
    fn disk(&self, server: Server) -> PathBuf {
        if self.installation.mode == Mode::Embedded {
            return self.installation.data();
        }
        let folder = self.installation.folder.parent().expect("the suite's folder");
        folder.join(if server == Server::Broker { "rabbit/data" } else { "store/data" })
    }

    /// Moves the data of a server onto a file system of its own that is small. The server rests meanwhile.
    async fn small_disk(&mut self, server: Server) {
        let disk = self.disk(server);
        if self.installation.mode == Mode::Embedded {
            let stopped = stop(self.installation, ALL).await;
            self.must(stopped, &Step::SmallDisk(server));
            self.installation.disk = Some(SmallDisk::at(disk));
            self.installation.start_role(ALL, &[]);
            return self.installation.until_ready().await;
        }
        match server {
            Server::Broker => tokio::task::block_in_place(|| self.servers.rabbit().stop()),
            _ => self.servers.store().stop(),
        }
        self.servers.disks.push(SmallDisk::at(disk));
        match server {
            Server::Broker => self.servers.rabbit().again().await,
            _ => self.servers.store().again().await,
        }
    }

    /// A broker keeps what its alarm needs to be raised in time; without that much its queues end themselves, and no
    /// broker that serves is as full.
    fn fill(&self, server: Server) {
        let kept = if server == Server::Broker { BELOW_THE_ALARM_MIB } else { 0 };
        disk::fill(&self.disk(server), kept);
    }
}

/// Less than the broker's `disk_free_limit`.
const BELOW_THE_ALARM_MIB: u64 = 30;

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

/// What this release does not know.
static UNKNOWN: LazyLock<Value> = LazyLock::new(|| json!({"of": ["a", "later", "release"]}));

fn of_a_later_release(body: &[u8]) -> Vec<u8> {
    let mut envelope: Value = serde_json::from_slice(body).expect("a job is JSON");
    let unknown = UNKNOWN.clone();
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
