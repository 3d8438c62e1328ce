use crate::servers::{FreshDatabase, Servers, fresh_name};
use crate::{Client, Processes};
use app::{Composed, Demo, Overrides, Roles, Running, Shutdown};
use ports::Ports;
use settings::{Settings, Source};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The application with the sample shop, in this process.
pub struct World {
    /// The address and the login.
    pub demo: Demo,
    /// Everything outside, as the application sees it.
    pub ports: Ports,
    /// The settings in force.
    pub settings: Settings,
    /// The folder of its data.
    pub folder: TempDir,
    /// A folder for customers' databases, which may not lie in that of its data.
    pub databases: TempDir,
    /// Stops it.
    pub shutdown: Shutdown,
    env: BTreeMap<String, String>,
    running: Running,
    database: Option<FreshDatabase>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl World {
    /// Embedded, with the built-in rules, or with what the pairs set (`ASKLINE_…`).
    pub async fn embedded(pairs: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::start(embedded_env(&folder, pairs), Overrides::default(), folder, None, None).await
    }

    /// Embedded, with ports of the test's own.
    pub async fn embedded_with(pairs: &[(&str, String)], overrides: Overrides) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::start(embedded_env(&folder, pairs), overrides, folder, None, None).await
    }

    /// Every role in this process, over RabbitMQ, Redis and PostgreSQL.
    pub async fn distributed(pairs: &[(&str, String)]) -> Self {
        Self::distributed_with(pairs, Overrides::default()).await
    }

    /// As `distributed`, with ports of the test's own.
    pub async fn distributed_with(pairs: &[(&str, String)], overrides: Overrides) -> Self {
        let turn = one_at_a_time().await;
        let folder = tempfile::tempdir().expect("a folder");
        let database = FreshDatabase::postgres().await;
        let mut env = distributed_env(&folder, &database);
        env.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let settings = load(&env);
        app::migrate(&settings).await.expect("the store migrates");
        Self::start(env, overrides, folder, Some(database), Some(turn)).await
    }

    /// An embedded installation with the sample shop in which nobody works, and the folder of its data.
    pub async fn at_rest() -> (Composed, TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = load(&embedded_env(&folder, &[]));
        settings.llm.providers = rules();
        let composed = app::compose(&mut settings, &Roles::all(), Overrides::default()).await.expect("composed");
        app::prepare_demo(&composed.ports, &settings).await.expect("the sample shop is there");
        (composed, folder)
    }

    async fn start(
        env: BTreeMap<String, String>,
        overrides: Overrides,
        folder: TempDir,
        database: Option<FreshDatabase>,
        turn: Option<OwnedMutexGuard<()>>,
    ) -> Self {
        let mut settings = load(&env);
        if settings.llm.providers.is_empty() && overrides.llm.is_none() {
            settings.llm.providers = rules();
        }
        let roles = Roles::all();
        let composed = app::compose(&mut settings, &roles, overrides).await.expect("the application is composed");
        let ports = composed.ports.clone();
        let mut demo = app::prepare_demo(&ports, &settings).await.expect("the sample shop is there");
        let shutdown = Shutdown::default();
        let running = app::start(&settings, &roles, composed, shutdown.clone()).await.expect("it starts");
        demo.url = format!("http://{}", running.address.expect("an address"));
        let databases = tempfile::tempdir().expect("a folder");
        Self { demo, ports, settings, folder, databases, shutdown, env, running, database, turn }
    }

    /// A client that is logged in.
    pub fn client(&self) -> Client {
        Client::new(&self.demo.url, &self.demo.token)
    }

    /// Ends, and starts anew on what was stored. Its language model is the settings' own.
    pub async fn restart(self) -> Self {
        let Self { demo, ports, settings, folder, databases, shutdown, env, running, database, turn } = self;
        drop((demo, ports, settings));
        shutdown.drain.cancel();
        running.until_stopped().await;
        Self { databases, ..Self::start(env, Overrides::default(), folder, database, turn).await }
    }

    /// Drains and ends.
    pub async fn stop(self) {
        self.shutdown.drain.cancel();
        self.running.until_stopped().await;
    }
}

/// The real ports, but for the language model.
pub fn overrides_with_llm(llm: Arc<dyn ports::Llm>) -> Overrides {
    Overrides { llm: Some(llm), ..Overrides::default() }
}

impl Processes {
    /// The environment of distributed processes on a database of their own, with the sample shop in it.
    pub(crate) async fn prepare(
        pairs: &[(&str, String)],
    ) -> (BTreeMap<String, String>, Demo, Ports, TempDir, FreshDatabase) {
        let folder = tempfile::tempdir().expect("a folder");
        let database = FreshDatabase::postgres().await;
        let mut env = distributed_env(&folder, &database);
        env.insert("ASKLINE_LLM__PROVIDERS".into(), "[{name='rules',kind='rules'}]".into());
        env.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let mut settings = load(&env);
        app::migrate(&settings).await.expect("the store migrates");
        let composed = app::compose(&mut settings, &Roles::all(), Overrides::default()).await.expect("composed");
        let demo = app::prepare_demo(&composed.ports, &settings).await.expect("the sample shop is there");
        (env, demo, composed.ports.clone(), folder, database)
    }
}

pub(crate) fn load(env: &BTreeMap<String, String>) -> Settings {
    settings::load(&Source { file: None, env: env.clone() }).expect("the settings are valid")
}

fn rules() -> Vec<settings::Provider> {
    let mut env = BTreeMap::new();
    env.insert("ASKLINE_LLM__PROVIDERS".to_owned(), "[{name='rules',kind='rules'}]".to_owned());
    load(&env).llm.providers
}

/// Distributed installations of the tests share their queues, since a broker makes few queues a second. A job of an
/// earlier one belongs to a turn that the store of this one does not know, and is dropped.
pub(crate) async fn one_at_a_time() -> OwnedMutexGuard<()> {
    static TURN: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);
    TURN.clone().lock_owned().await
}

pub(crate) fn embedded_env(folder: &TempDir, pairs: &[(&str, String)]) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([
        ("ASKLINE_MODE".to_owned(), "embedded".to_owned()),
        ("ASKLINE_EMBEDDED__DATA_DIR".to_owned(), folder.path().display().to_string()),
        ("ASKLINE_SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
    ]);
    env.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    env
}

pub(crate) fn distributed_env(folder: &TempDir, database: &FreshDatabase) -> BTreeMap<String, String> {
    let servers = Servers::default();
    let prefix = fresh_name();
    let (public, private) = app::generate_vault_keys().expect("keys");
    BTreeMap::from(
        [
            ("ASKLINE_MODE", "distributed".to_owned()),
            ("ASKLINE_EMBEDDED__DATA_DIR", folder.path().display().to_string()),
            ("ASKLINE_SERVER__LISTEN", "127.0.0.1:0".to_owned()),
            ("ASKLINE_STORE__URL", database.url.clone()),
            ("ASKLINE_STORE__MAX_CONNECTIONS", "4".to_owned()),
            ("ASKLINE_BROKER__URL", servers.rabbitmq),
            ("ASKLINE_BROKER__PREFIX", format!("asktest_{}", std::process::id())),
            // All installations share them: longer than all tests take.
            ("ASKLINE_BROKER__UNUSED_QUEUES_EXPIRE_S", "7200".to_owned()),
            ("ASKLINE_EVENTS__URL", servers.redis),
            ("ASKLINE_EVENTS__PREFIX", prefix),
            ("ASKLINE_SECRETS__JWT_SECRET", app::random_secret()),
            ("ASKLINE_SECRETS__VAULT_PUBLIC_KEY", public),
            ("ASKLINE_SECRETS__VAULT_PRIVATE_KEY", private),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}
