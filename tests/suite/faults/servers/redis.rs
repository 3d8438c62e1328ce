use super::{fresh, program, until};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use testkit::{Process, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A Redis that keeps nothing: restarted, it is empty.
pub struct Redis {
    pub port: u16,
    folder: PathBuf,
    process: Process,
}

impl Redis {
    pub async fn start(folder: &Path) -> Self {
        let folder = fresh(folder);
        let port = free_port();
        let mut redis = Self { port, process: Self::spawn(&folder, port, &[]), folder };
        redis.answers().await;
        redis
    }

    /// A replica that has all that this one has.
    pub async fn replica(&self, folder: &Path) -> Self {
        let (folder, port) = (fresh(folder), free_port());
        let primary = format!("127.0.0.1 {}", self.port);
        let process = Self::spawn(&folder, port, &["--replicaof", &primary]);
        let mut replica = Self { port, process, folder };
        replica.answers().await;
        until("the replica has caught up", || async move {
            ask(port, "INFO replication").await.is_ok_and(|said| said.contains("master_link_status:up"))
        })
        .await;
        replica
    }

    fn spawn(folder: &Path, port: u16, more: &[&str]) -> Process {
        let (port, dir) = (port.to_string(), folder.display().to_string());
        let mut arguments =
            vec!["--port", &port, "--bind", "127.0.0.1", "--dir", &dir, "--save", "", "--appendonly", "no"];
        arguments.extend(more);
        let server = program(&["/usr/bin/redis-server", "/usr/local/bin/redis-server"]);
        Process::start(&server, "redis", &arguments, &BTreeMap::new(), folder)
    }

    async fn answers(&mut self) {
        let port = self.port;
        until("Redis answers", || async move { ask(port, "PING").await.is_ok_and(|said| said.starts_with("+PONG")) })
            .await;
    }

    pub fn stop(&mut self) {
        self.process.terminate();
    }

    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, empty.
    pub async fn again(&mut self) {
        self.process = Self::spawn(&self.folder, self.port, &[]);
        self.answers().await;
    }

    /// One command as text; gives the first line of the answer.
    pub async fn command(&self, command: &str) -> String {
        ask(self.port, command).await.unwrap_or_else(|error| panic!("Redis does not take {command}: {error}"))
    }
}

async fn ask(port: u16, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut buffer = vec![0; 64 * 1024];
    let length = stream.read(&mut buffer).await?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}
