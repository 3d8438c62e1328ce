use super::{Authority, Identity, folder, program, until};
use crate::{Process, free_port};
use std::collections::BTreeMap;
use std::process::Command;
use tempfile::TempDir;

/// A RabbitMQ that speaks TLS at one port, and plain text at another.
pub struct SecureRabbit {
    /// Where it listens, at 127.0.0.1.
    pub port: u16,
    /// Where it listens without TLS.
    pub plain_port: u16,
    mapper: u16,
    process: Process,
    _folder: TempDir,
}

impl SecureRabbit {
    /// Starts it, which takes some seconds. A certificate that a client shows must be of the same authority.
    pub async fn start(authority: &Authority, identity: &Identity) -> Self {
        let [port, plain_port, distribution, mapper] = [(); 4].map(|()| free_port());
        let folder = folder();
        configure(&folder, [port, plain_port], authority, identity);
        let own = "/usr/lib/rabbitmq/bin/rabbitmq-server";
        let env = env(&folder, port, distribution, mapper);
        let server = program(&[own, "/usr/sbin/rabbitmq-server"]);
        let mut process = Process::start(&server, "rabbitmq", &[], &env, folder.path());
        // It listens long before it lets anybody in.
        until("RabbitMQ has started", async || {
            process.must_run();
            process.log().contains("Starting broker... completed")
        })
        .await;
        Self { port, plain_port, mapper, process, _folder: folder }
    }

    /// By a name that its certificate should be for.
    pub fn url(&self, host: &str) -> String {
        format!("amqps://guest:guest@{host}:{}/%2f", self.port)
    }
}

impl Drop for SecureRabbit {
    /// The port mapper outlives its node.
    fn drop(&mut self) {
        if self.process.is_running() {
            self.process.kill();
        }
        drop(Command::new("epmd").args(["-port", &self.mapper.to_string(), "-kill"]).output());
    }
}

fn configure(folder: &TempDir, [port, plain_port]: [u16; 2], authority: &Authority, identity: &Identity) {
    let settings = format!(
        "listeners.tcp.local = 127.0.0.1:{plain_port}\nlisteners.ssl.local = 127.0.0.1:{port}\nssl_options.cacertfile = {}\n\
         ssl_options.certfile = {}\nssl_options.keyfile = {}\nssl_options.verify = verify_peer\n\
         ssl_options.fail_if_no_peer_cert = false\nlog.file.level = warning\ndisk_free_limit.absolute = 50MB\n",
        authority.file().display(),
        identity.certificate.display(),
        identity.key.display()
    );
    for sub in ["data", "log", "generated"] {
        std::fs::create_dir_all(folder.path().join(sub)).expect("a folder for the broker");
    }
    for (file, text) in
        [("env.conf", ""), ("plugins", "[]."), ("rabbitmq.conf", &settings), ("advanced.config", "[].\n")]
    {
        std::fs::write(folder.path().join(file), text).expect("the broker's settings");
    }
}

fn env(folder: &TempDir, port: u16, distribution: u16, mapper: u16) -> BTreeMap<String, String> {
    let path = |name: &str| folder.path().join(name).display().to_string();
    BTreeMap::from(
        [
            ("HOME", folder.path().display().to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("ERL_EPMD_PORT", mapper.to_string()),
            ("ERL_FLAGS", "-kernel inet_dist_use_interface {127,0,0,1}".to_owned()),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", path("advanced.config")),
            ("RABBITMQ_CONF_ENV_FILE", path("env.conf")),
            ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
            ("RABBITMQ_PID_FILE", path("own-pid")),
            ("RABBITMQ_NODENAME", format!("tls-{port}@localhost")),
            ("RABBITMQ_DIST_PORT", distribution.to_string()),
            ("RABBITMQ_MNESIA_BASE", path("data")),
            ("RABBITMQ_LOG_BASE", path("log")),
            ("RABBITMQ_GENERATED_CONFIG_DIR", path("generated")),
            // The script becomes the server instead of watching over it.
            ("RUNNING_UNDER_SYSTEMD", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}
