use super::{Authority, Identity, folder, program};
use crate::{Process, free_port};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// They need not.
    Anybody,
    /// They must, of the same authority.
    Certified,
}

/// A Redis that speaks TLS only.
pub struct SecureRedis {
    /// Where it listens, at 127.0.0.1.
    pub port: u16,
    folder: TempDir,
    arguments: Vec<String>,
    process: Process,
}

impl SecureRedis {
    /// Starts it, empty.
    pub async fn start(authority: &Authority, identity: &Identity, clients: Clients) -> Self {
        let (port, folder) = (free_port(), folder());
        let path = |path: &PathBuf| path.display().to_string();
        let asks = if clients == Clients::Certified { "yes" } else { "no" };
        let arguments = [
            ("--port", "0".to_owned()),
            ("--tls-port", port.to_string()),
            ("--bind", "127.0.0.1".to_owned()),
            ("--tls-cert-file", path(&identity.certificate)),
            ("--tls-key-file", path(&identity.key)),
            ("--tls-ca-cert-file", path(&authority.file())),
            ("--tls-auth-clients", asks.to_owned()),
            ("--dir", folder.path().display().to_string()),
            ("--save", String::new()),
        ];
        let arguments = arguments.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect::<Vec<_>>();
        let process = Self::spawn(&folder, &arguments);
        let mut redis = Self { port, folder, arguments, process };
        redis.listens().await;
        redis
    }

    fn spawn(folder: &TempDir, arguments: &[String]) -> Process {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let server = program(&["/usr/bin/redis-server", "/usr/local/bin/redis-server"]);
        Process::start(&server, "redis", &arguments, &BTreeMap::new(), folder.path())
    }

    async fn listens(&mut self) {
        let Self { port, process, .. } = self;
        super::until("Redis listens", async || {
            process.must_run();
            TcpStream::connect(("127.0.0.1", *port)).await.is_ok()
        })
        .await;
    }

    /// Ends it, and starts it again, empty.
    pub async fn restart(&mut self) {
        self.process.terminate();
        self.process = Self::spawn(&self.folder, &self.arguments);
        self.listens().await;
    }

    /// By a name that its certificate should be for.
    pub fn url(&self, host: &str) -> String {
        format!("rediss://{host}:{}/0", self.port)
    }
}
