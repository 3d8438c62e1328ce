use super::{fresh, program, until};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::{Process, free_port};

/// May do everything.
const OWNER: &str = "owner";

/// A PostgreSQL. That of the tenants writes every statement to its log, which is how the suite knows what ran.
pub struct Postgres {
    pub port: u16,
    folder: PathBuf,
    data: PathBuf,
    process: Option<Process>,
    earlier: String,
    logs_statements: bool,
}

impl Postgres {
    pub async fn start(folder: &Path, logs_statements: bool) -> Self {
        let folder = fresh(folder);
        let port = free_port();
        let data = initialise(&folder);
        let mut postgres = Self { port, folder, data, process: None, earlier: String::new(), logs_statements };
        postgres.again().await;
        postgres
    }

    /// Starts it (again).
    pub async fn again(&mut self) {
        let (port, data) = (self.port.to_string(), self.data.display().to_string());
        let server = programs().join("postgres").display().to_string();
        let mut arguments = as_owner();
        arguments.extend([&server, "-D", &data, "-p", &port, "-h", "127.0.0.1", "-k", &data].map(str::to_owned));
        for setting in ["fsync=off", "max_connections=300", "log_line_prefix=%n %d ", "log_min_messages=warning"] {
            arguments.extend(["-c".to_owned(), setting.to_owned()]);
        }
        if self.logs_statements {
            arguments.extend(["-c", "log_statement=all"].map(str::to_owned));
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let process =
            Process::start(Path::new(arguments[0]), "postgres", &arguments[1..], &BTreeMap::new(), &self.folder);
        self.process = Some(process);
        let url = self.url("postgres");
        until("PostgreSQL answers", || connects(url.clone())).await;
    }

    /// Asks it to stop at once, clients or not.
    pub fn stop(&mut self) {
        self.end("INT");
    }

    pub fn kill(&mut self) {
        self.end("KILL");
    }

    fn end(&mut self, signal: &str) {
        if let Some(process) = self.ended(signal) {
            self.earlier.push_str(&process.log());
        }
    }

    fn ended(&mut self, signal: &str) -> Option<Process> {
        let mut process = self.process.take()?;
        if process.is_running() {
            process.signal(signal);
        }
        process.wait();
        Some(process)
    }

    /// As the owner.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{OWNER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs statements as the owner.
    pub async fn execute(&self, database: &str, statements: &str) {
        let mut connection = connect(&self.url(database)).await.expect("PostgreSQL takes connections");
        connection.execute(AssertSqlSafe(statements.to_owned())).await.expect("the statements run");
        connection.close().await.expect("the connection closes");
    }

    /// One number as the owner.
    pub async fn number(&self, database: &str, query: &str) -> i64 {
        let mut connection = connect(&self.url(database)).await.expect("PostgreSQL takes connections");
        let query = sqlx::query_scalar(AssertSqlSafe(query.to_owned()));
        query.fetch_one(&mut connection).await.expect("the query gives a number")
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        let now = self.process.as_ref().map(Process::log).unwrap_or_default();
        format!("{}{now}", self.earlier)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.ended("QUIT"));
    }
}

/// A connection that says nothing in the suite's own log.
pub async fn connect(url: &str) -> sqlx::Result<PgConnection> {
    url.parse::<PgConnectOptions>()?.disable_statement_logging().connect().await
}

async fn connects(url: String) -> bool {
    connect(&url).await.is_ok()
}

fn programs() -> PathBuf {
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|folders| folders.flatten().map(|folder| folder.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    versions.pop().expect("PostgreSQL is installed: run ops/packages.sh")
}

/// It refuses to run as root.
fn as_owner() -> Vec<String> {
    if !is_root() {
        return Vec::new();
    }
    let setpriv = program(&["/usr/bin/setpriv", "/bin/setpriv"]).display().to_string();
    vec![setpriv, "--reuid=postgres".into(), "--regid=postgres".into(), "--clear-groups".into()]
}

pub fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output().expect("id runs");
    user.stdout.starts_with(b"0")
}

/// Makes the data folder, where the tenants' reader must show a password.
fn initialise(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    if is_root() {
        let owned = Command::new("chown").args(["-R", "postgres:postgres"]).arg(folder).status().expect("chown runs");
        assert!(owned.success(), "{} can be given to postgres", folder.display());
    }
    let mut command = as_owner();
    command.push(programs().join("initdb").display().to_string());
    let made = Command::new(&command[0])
        .args(&command[1..])
        .args(["-A", "trust", "-U", OWNER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
        .arg(&data)
        .current_dir("/")
        .output()
        .expect("initdb runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let rules = data.join("pg_hba.conf");
    let trust = std::fs::read_to_string(&rules).expect("the access rules");
    let password = "host all reader 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(&rules, format!("{password}{trust}")).expect("the access rules");
    data
}
