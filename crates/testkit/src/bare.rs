use crate::servers::FreshDatabase;
use crate::{Process, world};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;
use tokio::sync::OwnedMutexGuard;

/// What a process of a distributed installation is told, on a database that nobody has touched yet.
pub struct Bare {
    /// The environment of every process; change it before you start one.
    pub env: BTreeMap<String, String>,
    folder: TempDir,
    _database: FreshDatabase,
    _turn: OwnedMutexGuard<()>,
}

impl Bare {
    /// On a fresh database.
    pub async fn new() -> Self {
        let turn = world::one_at_a_time().await;
        let folder = tempfile::tempdir().expect("a folder");
        let database = FreshDatabase::postgres().await;
        let mut env = world::distributed_env(&folder, &database);
        env.insert("ASKLINE_LLM__PROVIDERS".into(), "[{name='rules',kind='rules'}]".into());
        Self { env, folder, _database: database, _turn: turn }
    }

    /// Makes the tables.
    pub async fn migrate(&self) {
        app::migrate(&world::load(&self.env)).await.expect("the store migrates");
    }

    /// Starts a role that opens no sources: `api` or `sweep`.
    pub fn start(&self, binary: &Path, role: &str, more: &[(&str, String)]) -> Process {
        let mut env = self.env.clone();
        env.remove("ASKLINE_SECRETS__VAULT_PRIVATE_KEY");
        if role != "api" {
            env.remove("ASKLINE_SECRETS__JWT_SECRET");
        }
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Process::start(binary, role, &[role], &env, self.folder.path())
    }
}
