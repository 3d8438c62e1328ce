use crate::servers::{FreshDatabase, fresh_name};
use crate::{Client, world};
use app::Demo;
use ports::Ports;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::OwnedMutexGuard;

const PATIENCE: Duration = Duration::from_secs(60);

/// One process of the application.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the executable with nothing but these variables (and PATH, HOME).
    pub fn start(binary: &Path, name: &str, arguments: &[&str], env: &BTreeMap<String, String>, logs: &Path) -> Self {
        let log = logs.join(format!("{name}-{}.log", fresh_name()));
        let file = File::create(&log).expect("a log file");
        let keep = ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let child = Command::new(binary)
            .args(arguments)
            .env_clear()
            .envs(keep)
            .envs(env)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log file"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", binary.display()));
        Self { name: name.to_owned(), child, log }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be waited for");
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Sends a signal by its name (`STOP`, `CONT`, `INT`).
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(sent.success(), "{} takes the signal {name}", self.name);
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().expect("it can be waited for")
    }

    /// False when it has ended by itself.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end; `None` when it runs on for so long.
    pub fn wait_for(&mut self, patience: Duration) -> Option<std::process::ExitStatus> {
        let started = Instant::now();
        while started.elapsed() < patience {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// What it has written so far. A kill may have cut its last character in two.
    pub fn log(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_else(|error| panic!("the log of {}: {error}", self.name));
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Panics when it has ended by itself.
    pub fn must_run(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("{} ended with {status}:\n{}", self.name, self.log());
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() && std::env::var_os("ASKLINE_FAULTS").is_none() {
            eprintln!("--- log of {}\n{}", self.name, self.log());
        }
    }
}

/// The roles of a distributed installation, each a process of its own, with the sample shop.
pub struct Processes {
    /// The address and the login.
    pub demo: Demo,
    /// Everything outside, as the application sees it.
    pub ports: Ports,
    /// The processes by role: `api`, `sweep`, and the kinds of the workers.
    pub running: BTreeMap<String, Process>,
    binary: PathBuf,
    env: BTreeMap<String, String>,
    folder: TempDir,
    _database: FreshDatabase,
    _turn: OwnedMutexGuard<()>,
}

/// Worker processes: a name and the kinds that it does.
const WORKERS: &[(&str, &str)] = &[
    ("classify", "classify"),
    ("generate_sql", "generate_sql"),
    ("execute_sql", "execute_sql"),
    ("execute_change", "execute_change"),
    ("reply", "reply"),
    ("inspect", "import_file,test_connection,introspect"),
];

const SOURCE_ROLES: &[&str] = &["execute_sql", "execute_change", "inspect"];

impl Processes {
    /// Starts every role and waits until all are ready.
    pub async fn start(binary: &Path, pairs: &[(&str, String)]) -> Self {
        Self::start_with(binary, pairs, &[]).await
    }

    /// As `start`, with more variables for single roles: (role, name, value).
    pub async fn start_with(binary: &Path, pairs: &[(&str, String)], single: &[(&str, &str, String)]) -> Self {
        let turn = world::one_at_a_time().await;
        let (env, mut demo, ports, folder, database) = Self::prepare(pairs).await;
        let port = free_port();
        demo.url = format!("http://127.0.0.1:{port}");
        let mut processes = Self {
            demo,
            ports,
            running: BTreeMap::new(),
            binary: binary.to_owned(),
            env,
            folder,
            _database: database,
            _turn: turn,
        };
        processes.env.insert("ASKLINE_SERVER__LISTEN".into(), format!("127.0.0.1:{port}"));
        for role in processes.roles() {
            let more = single.iter().filter(|(of, _, _)| *of == role).map(|(_, name, value)| (*name, value.clone()));
            processes.start_role(&role, &more.collect::<Vec<_>>());
        }
        processes.until_ready().await;
        processes
    }

    /// Starts a role (again).
    pub fn start_role(&mut self, role: &str, more: &[(&str, String)]) {
        self.start_role_of(&self.binary.clone(), role, more);
    }

    /// As `start_role`, of another executable.
    pub fn start_role_of(&mut self, binary: &Path, role: &str, more: &[(&str, String)]) {
        let mut env = self.env.clone();
        if role != "api" {
            env.remove("ASKLINE_SECRETS__JWT_SECRET");
        }
        if !SOURCE_ROLES.contains(&role) {
            env.remove("ASKLINE_SECRETS__VAULT_PRIVATE_KEY");
        }
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let kinds = WORKERS.iter().find(|(name, _)| *name == role).map(|(_, kinds)| *kinds);
        let arguments = match kinds {
            Some(kinds) => vec!["worker", "--kinds", kinds],
            None => vec![role],
        };
        let process = Process::start(binary, role, &arguments, &env, self.folder.path());
        self.running.insert(role.to_owned(), process);
    }

    /// A client that is logged in.
    pub fn client(&self) -> Client {
        Client::new(&self.demo.url, &self.demo.token)
    }

    /// A setting that every process gets, by the name of its variable.
    pub fn setting(&self, variable: &str) -> &str {
        self.env.get(variable).unwrap_or_else(|| panic!("{variable} is not set"))
    }

    fn roles(&self) -> Vec<String> {
        ["api", "sweep"].into_iter().chain(WORKERS.iter().map(|(name, _)| *name)).map(str::to_owned).collect()
    }

    /// Waits until the API answers and every queue has a consumer.
    pub async fn until_ready(&mut self) {
        let started = Instant::now();
        loop {
            self.running.values_mut().for_each(Process::must_run);
            if self.is_ready().await {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "the processes are not ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn is_ready(&self) -> bool {
        for queue in ports::broker::all_queues() {
            match self.ports.broker.depth(&ports::broker::Destination::Work(queue)).await {
                Ok(depth) if depth.consumers > 0 => {}
                _ => return false,
            }
        }
        let ready = reqwest::get(format!("{}/ready", self.demo.url)).await;
        ready.is_ok_and(|answer| answer.status().is_success())
    }
}

/// The whole application as one embedded process.
pub struct Embedded {
    /// The process.
    pub process: Process,
    /// The address and the login.
    pub demo: Demo,
}

impl Embedded {
    /// Runs `askline demo` on a folder and waits until it answers.
    pub async fn start(binary: &Path, folder: &TempDir, port: u16, pairs: &[(&str, String)]) -> Self {
        let mut env = world::embedded_env(folder, pairs);
        env.remove("ASKLINE_MODE");
        let data = folder.path().display().to_string();
        let port = port.to_string();
        let arguments = ["demo", "--port", &port, "--data-dir", &data, "--json"];
        let mut process = Process::start(binary, "demo", &arguments, &env, folder.path());
        let started = Instant::now();
        loop {
            process.must_run();
            if let Some(demo) = process.log().lines().find_map(|line| serde_json::from_str::<Demo>(line).ok()) {
                return Self { process, demo };
            }
            assert!(started.elapsed() < PATIENCE, "the demo is not ready:\n{}", process.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A client that is logged in.
    pub fn client(&self) -> Client {
        Client::new(&self.demo.url, &self.demo.token)
    }
}

/// A port that nothing listens on now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
