use super::{Identity, as_user, folder, give, run, until};
use crate::{Process, free_port};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Whom the server runs as, where the tests run as root.
const USER: &str = "postgres";
/// May do everything, and needs no password.
const OWNER: &str = "owner";

/// A PostgreSQL that takes connections from the network over TLS only.
pub struct SecurePostgres {
    /// Where it listens, at 127.0.0.1.
    pub port: u16,
    _process: Process,
    _folder: TempDir,
}

impl SecurePostgres {
    /// Starts it, with an empty database `test`.
    pub async fn start(identity: &Identity) -> Self {
        let (port, folder) = (free_port(), folder());
        let data = initialise(folder.path(), identity);
        let server = programs().join("postgres").display().to_string();
        let (data, number) = (data.display().to_string(), port.to_string());
        let mut command = as_user(USER);
        command.extend([&server, "-D", &data, "-p", &number, "-h", "127.0.0.1", "-k", &data].map(str::to_owned));
        let (certificate, key) =
            (format!("ssl_cert_file={data}/server.pem"), format!("ssl_key_file={data}/server.key"));
        for setting in ["fsync=off", "ssl=on", &certificate, &key] {
            command.extend(["-c".to_owned(), setting.to_owned()]);
        }
        let arguments: Vec<&str> = command[1..].iter().map(String::as_str).collect();
        let mut process =
            Process::start(Path::new(&command[0]), "postgres", &arguments, &BTreeMap::new(), folder.path());
        let postgres = format!("postgres://{OWNER}@127.0.0.1:{port}/postgres?sslmode=require");
        until("PostgreSQL answers", async || {
            process.must_run();
            connect(&postgres).await.is_ok()
        })
        .await;
        let secure = Self { port, _process: process, _folder: folder };
        secure.execute("postgres", "CREATE DATABASE test").await;
        secure
    }

    /// The database `test`, by a name that the server's certificate should be for.
    pub fn url(&self, host: &str) -> String {
        format!("postgres://{OWNER}@{host}:{}/test", self.port)
    }

    /// Runs statements as the owner.
    pub async fn execute(&self, database: &str, statements: &str) {
        let url = format!("postgres://{OWNER}@127.0.0.1:{}/{database}?sslmode=require", self.port);
        let mut connection = connect(&url).await.expect("PostgreSQL takes connections");
        connection.execute(AssertSqlSafe(statements.to_owned())).await.expect("the statements run");
        connection.close().await.expect("the connection closes");
    }
}

async fn connect(url: &str) -> sqlx::Result<PgConnection> {
    url.parse::<PgConnectOptions>()?.disable_statement_logging().connect().await
}

fn programs() -> PathBuf {
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|folders| folders.flatten().map(|folder| folder.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    versions.pop().expect("PostgreSQL is installed: run ops/packages.sh")
}

fn initialise(folder: &Path, identity: &Identity) -> PathBuf {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    give(folder, USER);
    let mut command = as_user(USER);
    command.push(programs().join("initdb").display().to_string());
    run(Command::new(&command[0])
        .args(&command[1..])
        .args(["-A", "trust", "-U", OWNER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
        .arg(&data)
        .current_dir("/"));
    std::fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 trust\n")
        .expect("the access rules");
    identity.copy_into(&data);
    give(folder, USER);
    data
}
