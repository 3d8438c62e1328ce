//! Servers of a test's own that speak TLS, and the authorities that sign for them.

mod authority;
mod mariadb;
mod postgres;
mod rabbit;
mod redis;

pub use authority::{Authority, Identity, Validity};
pub use mariadb::SecureMariaDb;
pub use postgres::SecurePostgres;
pub use rabbit::SecureRabbit;
pub use redis::{Clients, SecureRedis};

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// RabbitMQ on two busy cores.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder that a server of another user can reach into.
fn folder() -> TempDir {
    let open = std::fs::Permissions::from_mode(0o755);
    tempfile::Builder::new().prefix("askline-tls-").permissions(open).tempdir().expect("a folder")
}

/// The first of these programs that exists.
fn program(candidates: &[&str]) -> PathBuf {
    let found = candidates.iter().map(PathBuf::from).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("none of {candidates:?} is installed: run ops/packages.sh"))
}

/// Waits until a check passes.
async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !check().await {
        assert!(started.elapsed() < PATIENCE, "{what} within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().expect("id runs").stdout.starts_with(b"0")
}

/// A server that refuses to run as root runs as a user of its own, whom its folder then belongs to.
fn give(folder: &Path, user: &str) {
    if is_root() {
        run(Command::new("chown").args(["-R", &format!("{user}:{user}")]).arg(folder));
    }
}

fn as_user(user: &str) -> Vec<String> {
    if !is_root() {
        return Vec::new();
    }
    let setpriv = program(&["/usr/bin/setpriv", "/bin/setpriv"]).display().to_string();
    vec![setpriv, format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into()]
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// PostgreSQL takes no key that others can read.
fn keep_closed(key: &Path) {
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).expect("a closed file");
}
