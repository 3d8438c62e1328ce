//! An installation under test: the real executable, one process per role (or one for all), a proxy before every server
//! that a process uses, two tenants, two language models.

use super::client::Access;
use super::disk::SmallDisk;
use super::llm::Llm;
use super::recorder::AppDatabase;
use super::servers::Servers;
use super::setup::{self, LLM_KEY};
use super::tenants::{self, Tenant};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use testkit::proxy::Proxy;
use testkit::{Process, free_port};

const PATIENCE: Duration = Duration::from_secs(120);

/// One process for all, or one per role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Embedded,
    Distributed,
}

/// What a process depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    Broker,
    Events,
    Store,
}

pub const LINKS: &[Link] = &[Link::Broker, Link::Events, Link::Store];

/// Roles and their arguments.
const ROLES: &[(&str, &[&str])] = &[
    ("api-1", &["api"]),
    ("api-2", &["api"]),
    ("classify", &["worker", "--kinds", "classify"]),
    ("generate_sql", &["worker", "--kinds", "generate_sql"]),
    ("execute_sql", &["worker", "--kinds", "execute_sql"]),
    ("reply", &["worker", "--kinds", "reply"]),
    ("inspect", &["worker", "--kinds", "import_file,test_connection,introspect,execute_change"]),
    ("sweep", &["sweep"]),
];
const SOURCE_ROLES: &[&str] = &["execute_sql", "inspect"];
const LLM_ROLES: &[&str] = &["classify", "generate_sql", "reply"];

/// What a process does that does the steps of a question together.
const TOGETHER: [&str; 3] = ["worker", "--kinds", "generate_sql,execute_sql,reply"];

/// The role of an embedded installation.
pub const ALL: &str = "serve";

/// The executables.
#[derive(Clone)]
pub struct Programs {
    /// As it is shipped.
    pub release: PathBuf,
    /// With pause points.
    pub faults: PathBuf,
}

pub struct Installation {
    pub mode: Mode,
    pub running: BTreeMap<String, Process>,
    pub tenants: Vec<Tenant>,
    /// The first is asked first; the second when it does not answer.
    pub llms: [Llm; 2],
    /// One per role and server.
    pub links: BTreeMap<(String, Link), Proxy>,
    /// One per tenant, before its database.
    pub sources: Vec<Proxy>,
    pub database: AppDatabase,
    pub secrets: BTreeSet<String>,
    pub folder: PathBuf,
    /// The name before every queue.
    pub prefix: String,
    programs: Programs,
    env: BTreeMap<String, String>,
    ports: BTreeMap<String, u16>,
    /// The role whose process does several steps.
    together: Option<&'static str>,
    /// What processes wrote that have ended, by name and id.
    ended: Vec<(String, String)>,
    /// Where the one process has its data, when that is small. Unmounted when the process has ended.
    pub disk: Option<SmallDisk>,
}

impl Installation {
    /// Starts everything and adds the tenants. `pairs` are settings of this run.
    pub async fn start(
        mode: Mode,
        programs: &Programs,
        servers: &mut Servers,
        folder: &Path,
        pairs: &[(&str, String)],
    ) -> Self {
        std::fs::create_dir_all(folder).expect("a folder for the installation");
        let llms = [Llm::start().await, Llm::start().await];
        let prefix = folder.file_name().and_then(|name| name.to_str()).expect("a readable name").to_owned();
        let mut env = setup::settings(mode, &llms, folder, &prefix);
        env.extend(setup::other_nodes(servers));
        let secrets = setup::keys(&programs.release, &mut env);
        env.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let database = setup::database(mode, servers, folder, &prefix, &mut env).await;
        let mut installation = Self {
            mode,
            running: BTreeMap::new(),
            tenants: Vec::new(),
            llms,
            links: BTreeMap::new(),
            sources: tenants::proxies(servers.source.port).await,
            database,
            secrets,
            folder: folder.to_owned(),
            prefix,
            programs: programs.clone(),
            env,
            ports: BTreeMap::new(),
            together: None,
            ended: Vec::new(),
            disk: None,
        };
        installation.link(servers).await;
        tenants::migrate(&installation.programs.release, &installation.env).await;
        for role in installation.roles() {
            installation.start_role(&role, &[]);
        }
        installation.until_ready().await;
        installation.tenants = tenants::add(&installation, servers).await;
        installation
    }

    /// Every role.
    pub fn roles(&self) -> Vec<String> {
        match self.mode {
            Mode::Embedded => vec![ALL.to_owned()],
            Mode::Distributed => ROLES.iter().map(|(role, _)| (*role).to_owned()).collect(),
        }
    }

    /// The files of the one process.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Its queues.
    pub fn journal(&self) -> AppDatabase {
        AppDatabase::new(format!("sqlite:{}", self.data().join("queue.sqlite").display()))
    }

    /// It is written anew when the process starts.
    pub fn forget_journal(&self) {
        for file in ["queue.sqlite", "queue.sqlite-wal", "queue.sqlite-shm"] {
            match std::fs::remove_file(self.data().join(file)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{file}: {error}"),
                _ => {}
            }
        }
    }

    async fn link(&mut self, servers: &mut Servers) {
        for role in self.roles() {
            if role == ALL || role.starts_with("api") {
                self.ports.insert(role.clone(), free_port());
            }
            if self.mode == Mode::Embedded {
                continue;
            }
            for link in LINKS {
                let port = match link {
                    Link::Broker => servers.rabbit().node.port,
                    Link::Events => servers.redis().port,
                    Link::Store => servers.store().port,
                };
                let proxy = Proxy::before(format!("127.0.0.1:{port}")).await;
                self.links.insert((role.clone(), *link), proxy);
            }
        }
    }

    /// The role that does jobs of a kind (or is named so).
    pub fn role_of(&self, kind: &str) -> String {
        match self.mode {
            Mode::Embedded => ALL.to_owned(),
            Mode::Distributed => kind.to_owned(),
        }
    }

    /// Starts a role (again), with more variables; with those of a pause point, the executable that has them.
    pub fn start_role(&mut self, role: &str, more: &[(&str, String)]) {
        self.start_as(role, role, more);
    }

    /// As `start_role`, as a process of another name: a second one of that role.
    pub fn start_as(&mut self, name: &str, role: &str, more: &[(&str, String)]) {
        let arguments = match self.mode {
            Mode::Embedded => vec!["serve"],
            Mode::Distributed if self.does_all(role) => TOGETHER.to_vec(),
            Mode::Distributed => ROLES.iter().find(|(of, _)| *of == role).expect("a role").1.to_vec(),
        };
        let mut env = self.env_of(role);
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let pauses =
            more.iter().any(|(name, _)| name.starts_with("ASKLINE_PAUSE") || name.starts_with("ASKLINE_POISON"));
        let binary = if pauses { &self.programs.faults } else { &self.programs.release };
        let process = Process::start(binary, name, &arguments, &env, &self.folder);
        self.forget(name);
        self.running.insert(name.to_owned(), process);
    }

    /// Starts a role again as a process that does the steps after classifying, too, and goes on from one to the next.
    pub fn start_together(&mut self, role: &'static str) {
        self.together = Some(role);
        self.start_role(role, &[]);
    }

    fn does_all(&self, role: &str) -> bool {
        role == ALL || self.together == Some(role)
    }

    /// Ends a process and keeps what it logged.
    fn forget(&mut self, name: &str) {
        if let Some(mut old) = self.running.remove(name) {
            if old.is_running() {
                old.kill();
            }
            self.ended.push((format!("{name}-{}", old.id()), old.log()));
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self, name: &str) {
        self.running.get_mut(name).unwrap_or_else(|| panic!("{name} runs")).kill();
    }

    fn env_of(&self, role: &str) -> BTreeMap<String, String> {
        let mut env = self.env.clone();
        if role != ALL && !role.starts_with("api") {
            env.remove("ASKLINE_SECRETS__JWT_SECRET");
        }
        if !self.does_all(role) && !SOURCE_ROLES.contains(&role) {
            env.remove("ASKLINE_SECRETS__VAULT_PRIVATE_KEY");
        }
        if !self.does_all(role) && !LLM_ROLES.contains(&role) {
            env.remove(LLM_KEY);
        }
        if let Some(port) = self.ports.get(role) {
            env.insert("ASKLINE_SERVER__LISTEN".into(), format!("127.0.0.1:{port}"));
        }
        for ((_, link), proxy) in self.links.iter().filter(|((of, _), _)| of == role) {
            let (name, scheme, path) = match link {
                Link::Broker => ("ASKLINE_BROKER__URL", "amqp://guest:guest@", "%2f".to_owned()),
                Link::Events => ("ASKLINE_EVENTS__URL", "redis://", "0".to_owned()),
                Link::Store => ("ASKLINE_STORE__URL", "postgres://owner@", self.prefix.clone()),
            };
            env.insert(name.into(), format!("{scheme}127.0.0.1:{}/{path}", proxy.port));
        }
        env
    }

    /// The program, and what it needs to run once.
    pub fn program(&self) -> (&Path, &BTreeMap<String, String>) {
        (&self.programs.release, &self.env)
    }

    /// The addresses of the API's nodes.
    pub fn urls(&self) -> Vec<String> {
        self.ports.values().map(|port| format!("http://127.0.0.1:{port}")).collect()
    }

    pub fn access(&self, tenant: usize) -> Access {
        Access { urls: self.urls(), token: self.tenants[tenant].token.clone(), tenant }
    }

    /// Waits until every node of the API is ready.
    pub async fn until_ready(&mut self) {
        let started = Instant::now();
        for url in self.urls() {
            while !reqwest::get(format!("{url}/ready")).await.is_ok_and(|answer| answer.status().is_success()) {
                self.running.values_mut().for_each(Process::must_run);
                assert!(started.elapsed() < PATIENCE, "{url} is not ready:\n{}", self.logs());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Starts what does not run, and ends what is not a role.
    pub fn restore(&mut self) {
        let roles = self.roles();
        let surplus: Vec<String> = self.running.keys().filter(|name| !roles.contains(name)).cloned().collect();
        for name in surplus {
            self.forget(&name);
        }
        for role in roles {
            if !self.running.get_mut(&role).is_some_and(Process::is_running) {
                self.start_role(&role, &[]);
            }
        }
    }

    /// What each of its processes has logged, those that have ended too.
    pub fn logs_by_process(&self) -> Vec<(String, String)> {
        let running = self.running.iter().map(|(name, process)| (format!("{name}-{}", process.id()), process.log()));
        self.ended.iter().cloned().chain(running).collect()
    }

    /// Everything that its processes have logged.
    pub fn logs(&self) -> String {
        self.logs_by_process().into_iter().map(|(_, log)| log).collect()
    }

    /// Resident memory of each process, in MB.
    pub fn memory_mb(&mut self) -> BTreeMap<String, u64> {
        let resident = |process: &Process| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
        };
        self.running.iter().filter_map(|(name, process)| Some((name.clone(), resident(process)?))).collect()
    }
}
