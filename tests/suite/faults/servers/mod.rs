//! Servers of the suite's own: child processes on own ports and folders, which it may stop, kill and fill.

mod postgres;
mod rabbit;
mod redis;
mod tap;

pub use postgres::{Postgres, is_root};
pub use rabbit::Rabbit;
pub use redis::Redis;
pub use tap::{Copied, Tap};

use super::disk::SmallDisk;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Nothing that a server does takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

/// What an installation runs on. The store of an embedded installation is a file; it needs only a source.
pub struct Servers {
    /// Queues; `None` for embedded installations.
    pub rabbit: Option<Rabbit>,
    /// More nodes of the broker, when it is a cluster.
    pub siblings: Vec<Rabbit>,
    /// Event logs; `None` for embedded installations.
    pub redis: Option<Redis>,
    /// Which were that, and are replicas now.
    demoted: Vec<Redis>,
    /// The app store; `None` for embedded installations.
    pub store: Option<Postgres>,
    /// The tenants' databases.
    pub source: Postgres,
    /// Where some of them have their data; unmounted when they have ended.
    pub disks: Vec<SmallDisk>,
}

impl Servers {
    /// Starts all that the mode needs, in a folder.
    pub async fn start(folder: &Path, distributed: bool) -> Self {
        let source = Postgres::start(&folder.join("source"), true).await;
        if !distributed {
            return Self {
                rabbit: None,
                siblings: Vec::new(),
                redis: None,
                demoted: Vec::new(),
                store: None,
                source,
                disks: Vec::new(),
            };
        }
        let [rabbit, store, redis] = ["rabbit", "store", "redis"].map(|name| folder.join(name));
        let (rabbit, store, redis) =
            tokio::join!(Rabbit::start(&rabbit), Postgres::start(&store, false), Redis::start(&redis));
        let (rabbit, redis, store) = (Some(rabbit), Some(redis), Some(store));
        Self { rabbit, siblings: Vec::new(), redis, demoted: Vec::new(), store, source, disks: Vec::new() }
    }

    /// Two more nodes join the broker.
    pub async fn grow(&mut self, folder: &Path) {
        let node = self.rabbit().node.clone();
        for name in ["rabbit-2", "rabbit-3"] {
            let sibling = Rabbit::start_node(node.sibling(&folder.join(name))).await;
            sibling.join(&node).await;
            self.siblings.push(sibling);
        }
    }

    /// A replica takes the place of Redis, which dies. Where it is now.
    pub async fn fail_over(&mut self, folder: &Path) -> u16 {
        let replica = self.redis().replica(folder).await;
        self.redis().kill();
        replica.command("REPLICAOF NO ONE").await;
        self.redis.insert(replica).port
    }

    /// A replica and Redis change places. Where it is now.
    pub async fn change_over(&mut self, folder: &Path) -> u16 {
        let replica = self.redis().replica(folder).await;
        replica.command("REPLICAOF NO ONE").await;
        self.redis().command(&format!("REPLICAOF 127.0.0.1 {}", replica.port)).await;
        self.demoted.extend(self.redis.replace(replica));
        self.redis().port
    }

    pub fn rabbit(&mut self) -> &mut Rabbit {
        self.rabbit.as_mut().expect("a distributed installation has a broker")
    }

    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("a distributed installation has a Redis")
    }

    pub fn store(&mut self) -> &mut Postgres {
        self.store.as_mut().expect("a distributed installation has a store")
    }
}

/// A folder made anew.
fn fresh(folder: &Path) -> PathBuf {
    drop(std::fs::remove_dir_all(folder));
    std::fs::create_dir_all(folder).expect("a folder for a server");
    folder.to_owned()
}

/// One check: a server that is starting may take a connection and then say nothing.
const LONGEST_CHECK: Duration = Duration::from_secs(5);

/// Waits until a check passes.
async fn until<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let started = Instant::now();
    while tokio::time::timeout(LONGEST_CHECK, check()).await != Ok(true) {
        assert!(started.elapsed() < PATIENCE, "{what} within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The first of these programs that exists.
fn program(candidates: &[&str]) -> PathBuf {
    let found = candidates.iter().map(PathBuf::from).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("none of {candidates:?} is installed: run ops/packages.sh"))
}
