use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Where the servers for tests are.
#[derive(Clone, Debug)]
pub struct Servers {
    /// `amqp://…`
    pub rabbitmq: String,
    /// `redis://…`
    pub redis: String,
    /// `postgres://…/database`; the user may create databases.
    pub postgres: String,
    /// `mysql://…/database`; the user may create databases.
    pub mysql: String,
}

impl Default for Servers {
    fn default() -> Self {
        let from = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        Self {
            rabbitmq: from("ASKLINE_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/%2f"),
            redis: from("ASKLINE_TEST_REDIS_URL", "redis://127.0.0.1:6379/0"),
            postgres: from("ASKLINE_TEST_POSTGRES_URL", "postgres://root@127.0.0.1:5432/test"),
            mysql: from("ASKLINE_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/test"),
        }
    }
}

/// A name that no other test uses.
pub(crate) fn fresh_name() -> String {
    format!("asktest_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A database of its own, dropped at the end.
pub struct FreshDatabase {
    /// Its URL.
    pub url: String,
    server: String,
    name: String,
}

impl FreshDatabase {
    /// On PostgreSQL.
    pub async fn postgres() -> Self {
        Self::on(Servers::default().postgres).await
    }

    /// On MySQL or MariaDB.
    pub async fn mysql() -> Self {
        Self::on(Servers::default().mysql).await
    }

    async fn on(server: String) -> Self {
        let name = fresh_name();
        execute(&server, &format!("CREATE DATABASE {name}")).await.expect("a test database can be created");
        let (base, _) = server.rsplit_once('/').expect("a URL with a database");
        Self { url: format!("{base}/{name}"), server, name }
    }
}

impl Drop for FreshDatabase {
    fn drop(&mut self) {
        let force = if self.server.starts_with("postgres") { " WITH (FORCE)" } else { "" };
        let statement = format!("DROP DATABASE IF EXISTS {}{force}", self.name);
        let server = self.server.clone();
        // Its own thread and runtime: a drop may happen anywhere.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(execute(&server, &statement))
        });
        if let Ok(Err(error)) = dropping.join() {
            eprintln!("a test database was left behind: {error}");
        }
    }
}

async fn execute(server: &str, statement: &str) -> Result<(), sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(statement.to_owned()));
    if server.starts_with("postgres") {
        let mut connection = PgConnection::connect(server).await?;
        query.execute(&mut connection).await?;
    } else {
        let mut connection = MySqlConnection::connect(server).await?;
        sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
    }
    Ok(())
}

/// The executable, without pause points.
pub fn binary() -> PathBuf {
    built("ASKLINE_TEST_BIN", "debug/askline", &["build", "-p", "cli"])
}

/// The executable with pause points, from a target folder of its own.
pub fn faults_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ASKLINE_TEST_FAULTS_BIN") {
        return PathBuf::from(path);
    }
    let target = target_folder().with_file_name("target-faults");
    let folder = target.to_str().expect("a readable path");
    cargo(&["build", "-p", "cli", "--features", "faults", "--target-dir", folder]);
    target.join("debug/askline")
}

fn built(variable: &str, place: &str, arguments: &[&str]) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return PathBuf::from(path);
    }
    cargo(arguments);
    target_folder().join(place)
}

fn target_folder() -> PathBuf {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from(workspace), PathBuf::from)
}

fn cargo(arguments: &[&str]) {
    let built = Command::new("cargo").args(arguments).status().expect("cargo runs");
    assert!(built.success(), "cargo {} failed", arguments.join(" "));
}
