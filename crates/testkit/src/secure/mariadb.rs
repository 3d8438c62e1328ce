use super::{Identity, folder, program, run, until};
use crate::{Process, free_port};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::collections::BTreeMap;
use std::process::Command;
use tempfile::TempDir;

/// A MariaDB that takes connections from the network over TLS only.
pub struct SecureMariaDb {
    /// Where it listens, at 127.0.0.1.
    pub port: u16,
    _process: Process,
    _folder: TempDir,
}

impl SecureMariaDb {
    /// Starts it, with an empty database `test`.
    pub async fn start(identity: &Identity) -> Self {
        let (port, folder) = (free_port(), folder());
        let data = folder.path().join("data").display().to_string();
        let identity = identity.copy_into(folder.path());
        let user = Command::new("id").arg("-un").output().expect("id runs").stdout;
        let user = String::from_utf8_lossy(&user).trim().to_owned();
        let install = program(&["/usr/bin/mariadb-install-db", "/usr/bin/mysql_install_db"]);
        run(Command::new(install)
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .args([format!("--user={user}"), format!("--datadir={data}")]));
        let arguments = [
            "--no-defaults".to_owned(),
            format!("--user={user}"),
            format!("--datadir={data}"),
            format!("--port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--socket={}", folder.path().join("sock").display()),
            format!("--pid-file={}", folder.path().join("own-pid").display()),
            format!("--ssl-cert={}", identity.certificate.display()),
            format!("--ssl-key={}", identity.key.display()),
            "--require-secure-transport=ON".to_owned(),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let server = program(&["/usr/sbin/mariadbd", "/usr/sbin/mysqld"]);
        let mut process = Process::start(&server, "mariadb", &arguments, &BTreeMap::new(), folder.path());
        let system = format!("mysql://root@127.0.0.1:{port}/mysql?ssl-mode=REQUIRED");
        until("MariaDB answers", async || {
            process.must_run();
            connect(&system).await.is_ok()
        })
        .await;
        let secure = Self { port, _process: process, _folder: folder };
        secure.execute("mysql", "CREATE DATABASE test").await;
        secure
    }

    /// The database `test`, by a name that the server's certificate should be for.
    pub fn url(&self, host: &str) -> String {
        format!("mysql://root@{host}:{}/test", self.port)
    }

    /// Runs a statement.
    pub async fn execute(&self, database: &str, statement: &str) {
        let url = format!("mysql://root@127.0.0.1:{}/{database}?ssl-mode=REQUIRED", self.port);
        let mut connection = connect(&url).await.expect("MariaDB takes connections");
        connection.execute(AssertSqlSafe(statement.to_owned())).await.expect("the statement runs");
        connection.close().await.expect("the connection closes");
    }
}

async fn connect(url: &str) -> sqlx::Result<MySqlConnection> {
    url.parse::<MySqlConnectOptions>()?.disable_statement_logging().connect().await
}
