use crate::keys::DataKeys;
use crate::llm;
use crate::{Role, Roles, SystemClock, UuidIds};
use adapter_embedded::{FileLog, Journal, LocalFlights, LocalLimiter, LocalSignals};
use adapter_rabbitmq::{Rabbit, RabbitConfig};
use adapter_redis::{RedisBus, RedisConfig};
use adapter_sources::{OwnDatabase, Reserved, SqlSources};
use adapter_store::{HpkeVault, Options as StoreOptions, Store};
use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use ports::broker::all_queues;
use ports::source::{Access, Error as SourceError, Source};
use ports::{AppStore, Broker, Clock, EventLog, Flights, Ids, Ledger, Limiter, Llm, Ports, Signals, Sources, Vault};
use settings::{Mode, Secret, Settings};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tls::Files;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(3);

/// Ports that a caller brings instead of the real ones.
#[derive(Clone, Default)]
pub struct Overrides {
    /// Instead of the providers of the settings.
    pub llm: Option<Arc<dyn Llm>>,
    /// Instead of customers' databases.
    pub sources: Option<Arc<dyn Sources>>,
    /// Instead of the machine's clock.
    pub clock: Option<Arc<dyn Clock>>,
    /// Instead of random identifiers.
    pub ids: Option<Arc<dyn Ids>>,
}

/// The ports of a process, and what must live as long as they do.
pub struct Composed {
    /// The ports.
    pub ports: Ports,
    /// Keeps other processes off an embedded data folder.
    pub(crate) _lock: Option<File>,
}

/// Durable things: what the mode decides.
struct Backbone {
    store: Arc<Store>,
    broker: Arc<dyn Broker>,
    events: Arc<dyn EventLog>,
    signals: Arc<dyn Signals>,
    limiter: Arc<dyn Limiter>,
    flights: Arc<dyn Flights>,
    lock: Option<File>,
}

/// Makes the ports for these roles. Fills in keys that an embedded installation keeps in its data folder.
pub async fn compose(settings: &mut Settings, roles: &Roles, overrides: Overrides) -> Result<Composed> {
    let system = Arc::new(SystemClock::default());
    let clock = overrides.clock.clone().unwrap_or_else(|| system.clone());
    let backbone = match settings.mode {
        Mode::Embedded => embedded(settings, clock.clone()).await?,
        Mode::Distributed => distributed(settings, clock.clone()).await?,
    };
    if settings.mode == Mode::Distributed {
        system.follow(&backbone.store).await;
    }
    if settings.mode == Mode::Distributed {
        check_secrets(settings, roles)?;
    }
    if settings.mode == Mode::Embedded && !settings.secrets.vault_previous_private_key.is_empty() {
        crate::rotate::finish(settings, &*backbone.store).await?;
    }
    backbone.broker.declare(&all_queues()).await.context("the queues cannot be declared at broker.url")?;
    let vault = Arc::new(vault(settings, roles)?);
    let ports = Ports {
        broker: backbone.broker,
        events: backbone.events,
        signals: backbone.signals,
        ledger: backbone.store.clone() as Arc<dyn Ledger>,
        store: backbone.store as Arc<dyn AppStore>,
        llm: llm_for(settings, roles, &overrides, &backbone.limiter, clock.clone())?,
        limiter: backbone.limiter,
        flights: backbone.flights,
        sources: sources_for(settings, roles, &overrides)?,
        vault: vault as Arc<dyn Vault>,
        ids: overrides.ids.unwrap_or_else(|| Arc::new(UuidIds)),
        clock,
    };
    Ok(Composed { ports, _lock: backbone.lock })
}

/// Brings the app store's tables up to date.
pub async fn migrate(settings: &Settings) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    Ok(Reach { settings, clock }.any_store().await?.migrate().await?)
}

const NO_JOURNAL: &str = "the queues of embedded mode cannot be read; if queue.sqlite is damaged put back a copy of it, \
     or move it away: the questions that wait in it then end with an error when their time is up";

async fn embedded(settings: &mut Settings, clock: Arc<dyn Clock>) -> Result<Backbone> {
    let folder = settings.embedded.data_dir.clone();
    std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let lock = lock(&folder)?;
    DataKeys::load_or_make(&folder)?.fill(&mut settings.secrets);
    let url = sqlite_url(&folder.join("store.sqlite"));
    let store = open_store(&url, settings.store.max_connections, settings, clock.clone()).await?;
    store.migrate().await.context("the store cannot be brought up to date")?;
    // Whoever held a claim was an earlier process on this folder, and the lock says that it has ended.
    store.void_claims().await.context("old claims cannot be voided")?;
    let length = usize::try_from(settings.broker.max_queue_length)?;
    let retention = Duration::from_secs(settings.events.retention_s);
    let flights = Arc::new(LocalFlights::new(clock.clone()));
    Ok(Backbone {
        store: Arc::new(store),
        broker: Arc::new(Journal::open(&folder.join("queue.sqlite"), clock.clone(), length).await.context(NO_JOURNAL)?),
        events: Arc::new(FileLog::open(&folder.join("events.sqlite"), clock, retention).await?),
        signals: Arc::new(LocalSignals::default()),
        limiter: Arc::new(LocalLimiter::default()),
        flights,
        lock: Some(lock),
    })
}

async fn distributed(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Backbone> {
    let reach = Reach { settings, clock };
    let store = Arc::new(reach.open_store().await?);
    store.check_tables().await.context("the app store cannot be used yet")?;
    let broker = Arc::new(reach.open_broker().await?);
    let bus = Arc::new(reach.open_bus().await?);
    Ok(Backbone {
        store,
        broker,
        events: bus.clone(),
        signals: bus.clone(),
        limiter: bus.clone(),
        flights: bus,
        lock: None,
    })
}

/// Reaches the servers of distributed mode, one by one.
pub(crate) struct Reach<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Reach<'_> {
    async fn open_store(&self) -> Result<Store> {
        let store = &self.settings.store;
        let url = with_password(&store.url, &self.settings.secrets.store_password, "store.url")?;
        open_store(&url, store.max_connections, self.settings, self.clock.clone()).await
    }

    /// The app store of either mode.
    pub(crate) async fn any_store(&self) -> Result<Store> {
        match self.settings.mode {
            Mode::Distributed => self.open_store().await,
            Mode::Embedded => {
                let folder = &self.settings.embedded.data_dir;
                std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
                open_store(&sqlite_url(&folder.join("store.sqlite")), 1, self.settings, self.clock.clone()).await
            }
        }
    }

    /// The app store where there is one already: looking makes none.
    pub(crate) async fn existing_store(&self) -> Result<Store> {
        let file = self.settings.embedded.data_dir.join("store.sqlite");
        if self.settings.mode == Mode::Embedded && !file.exists() {
            bail!("{} is not there yet", file.display());
        }
        self.any_store().await
    }

    pub(crate) async fn open_broker(&self) -> Result<Rabbit> {
        let broker = &self.settings.broker;
        let config = RabbitConfig {
            url: with_password(&broker.url, &self.settings.secrets.broker_password, "broker.url")?,
            nodes: broker.nodes.clone(),
            prefix: broker.prefix.clone(),
            max_queue_length: broker.max_queue_length,
            tls: tls_files(&broker.ca_file, &broker.client_cert_file, &broker.client_key_file),
        };
        let connected = match broker.unused_queues_expire_s {
            0 => Rabbit::connect(config).await,
            seconds => Rabbit::connect_for_a_while(config, Duration::from_secs(seconds)).await,
        };
        connected.context("RabbitMQ cannot be used: check broker.url and that the server runs")
    }

    pub(crate) async fn open_bus(&self) -> Result<RedisBus> {
        let events = &self.settings.events;
        let config = RedisConfig {
            url: with_password(&events.url, &self.settings.secrets.events_password, "events.url")?,
            nodes: events.nodes.clone(),
            prefix: events.prefix.clone(),
            retention: Duration::from_secs(events.retention_s),
            tls: tls_files(&events.ca_file, &events.client_cert_file, &events.client_key_file),
        };
        let connected = RedisBus::connect(config).await;
        connected.context("Redis cannot be used: check events.url and that the server runs")
    }

    /// Whether the app store answers.
    pub(crate) async fn store(&self) -> Result<String> {
        self.open_store().await?.ping().await?;
        Ok("PostgreSQL answers".into())
    }

    /// Whether RabbitMQ answers.
    pub(crate) async fn broker(&self) -> Result<String> {
        self.open_broker().await?.ping(PATIENCE).await.context("check broker.url and that the server runs")?;
        Ok("RabbitMQ answers".into())
    }

    /// Whether Redis answers.
    pub(crate) async fn events(&self) -> Result<String> {
        EventLog::ping(&self.open_bus().await?).await.context("check events.url and that the server runs")?;
        Ok("Redis answers".into())
    }

    /// Whether the roles have their keys, and no others.
    pub(crate) fn keys(&self, roles: &Roles) -> Result<String> {
        check_secrets(self.settings, roles)?;
        vault(self.settings, roles)?;
        if roles.has(&Role::Api) && self.settings.secrets.jwt_secret.is_empty() {
            bail!("set ASKLINE_SECRETS__JWT_SECRET (`askline keys` makes one)");
        }
        Ok("set".into())
    }

    /// Whether the data folder of embedded mode can be written and is not in use.
    pub(crate) fn data_folder(&self) -> Result<String> {
        let folder = &self.settings.embedded.data_dir;
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        lock(folder)?;
        Ok(format!("{} can be written", folder.display()))
    }
}

async fn open_store(url: &str, connections: u32, settings: &Settings, clock: Arc<dyn Clock>) -> Result<Store> {
    let options = StoreOptions {
        max_connections: connections,
        ca_file: named(&settings.store.ca_file),
        key_lifetime: Duration::from_secs(settings.admission.idempotency_s),
        schemas: settings.store.schemas,
        ..StoreOptions::new(clock)
    };
    let opened = Store::open(url, options).await;
    opened.context("the app store cannot be used: check store.url (embedded: embedded.data_dir)")
}

/// The path that a setting names.
fn named(setting: &Path) -> Option<PathBuf> {
    (!setting.as_os_str().is_empty()).then(|| setting.to_owned())
}

fn tls_files(authorities: &Path, client_certificate: &Path, client_key: &Path) -> Files {
    let [authorities, client_certificate, client_key] =
        [authorities, client_certificate, client_key].map(Path::to_path_buf);
    Files { authorities, client_certificate, client_key }
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

pub(crate) fn lock(folder: &Path) -> Result<File> {
    let file = File::create(folder.join("lock")).with_context(|| format!("{} cannot be written", folder.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another Askline runs on {}: stop it, or name another folder with --data-dir", folder.display())
        }
        Err(TryLockError::Error(error)) => Err(error).context("the data folder cannot be locked"),
    }
}

/// A role gets the keys that it needs and no others.
fn check_secrets(settings: &Settings, roles: &Roles) -> Result<()> {
    let secrets = &settings.secrets;
    let name = roles.name();
    let opens = !secrets.vault_private_key.is_empty() || !secrets.vault_previous_private_key.is_empty();
    if !roles.needs_sources() && opens {
        bail!("{name} opens no databases: do not give it ASKLINE_SECRETS__VAULT_PRIVATE_KEY");
    }
    let given = |provider: &&settings::Provider| std::env::var_os(&provider.api_key_env).is_some();
    if !roles.needs_llm()
        && let Some(provider) = settings.llm.providers.iter().find(given)
    {
        bail!("{name} calls no language model: do not give it {}", provider.api_key_env);
    }
    if !roles.has(&Role::Api) && !secrets.jwt_secret.is_empty() {
        bail!("{name} signs no tokens: do not give it ASKLINE_SECRETS__JWT_SECRET");
    }
    if roles.needs_sources() && secrets.vault_private_key.is_empty() {
        bail!("{name} opens databases: set ASKLINE_SECRETS__VAULT_PRIVATE_KEY (`askline keys` makes a pair)");
    }
    Ok(())
}

/// The driver would show these to customers' databases too.
fn no_certificates_by_environment() -> Result<()> {
    for name in ["PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT"] {
        if std::env::var_os(name).is_some() {
            bail!(
                "{name} would count for customers' databases too: take it out of the environment, and name the file in \
                 store.url (sslcert, sslkey) or store.ca_file"
            );
        }
    }
    Ok(())
}

pub(crate) fn vault(settings: &Settings, roles: &Roles) -> Result<HpkeVault> {
    let secrets = &settings.secrets;
    if secrets.vault_public_key.is_empty() {
        bail!("set ASKLINE_SECRETS__VAULT_PUBLIC_KEY (`askline keys` makes a pair)");
    }
    let private = roles.needs_sources().then(|| secrets.vault_private_key.reveal());
    let private = private.filter(|key| !key.is_empty());
    let vault = HpkeVault::new(secrets.vault_public_key.reveal(), private);
    let previous = if roles.needs_sources() { secrets.vault_previous_private_key.reveal() } else { "" };
    let vault = vault.and_then(|vault| vault.with_previous(previous)).context("the vault's keys cannot be used")?;
    Ok(vault.keeping(settings.sources.max_open))
}

fn llm_for(
    settings: &Settings,
    roles: &Roles,
    overrides: &Overrides,
    limiter: &Arc<dyn Limiter>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Llm>> {
    match &overrides.llm {
        Some(llm) => Ok(llm.clone()),
        None if roles.needs_llm() => llm::chain(&settings.llm, limiter, clock),
        None => Ok(Arc::new(adapter_llm::Unconfigured::new("this process calls no language model"))),
    }
}

fn sources_for(settings: &Settings, roles: &Roles, overrides: &Overrides) -> Result<Arc<dyn Sources>> {
    if let Some(sources) = &overrides.sources {
        return Ok(sources.clone());
    }
    if !roles.needs_sources() {
        return Ok(Arc::new(NoSources));
    }
    no_certificates_by_environment()?;
    let files = Files { authorities: settings.sources.ca_file.clone(), ..Files::default() };
    let authorities = files.read().context("sources.ca_file cannot be used")?.authorities;
    Ok(Arc::new(SqlSources::new(adapter_sources::Limits {
        max_connections: settings.sources.max_connections,
        max_open: settings.sources.max_open,
        sqlite_root: named(&settings.sources.sqlite_root),
        authorities: authorities.map(Arc::from),
        files: match settings.sources.files_dir.as_os_str().is_empty() {
            true => settings.embedded.data_dir.join("files"),
            false => settings.sources.files_dir.clone(),
        },
        reserved: Reserved {
            folders: vec![settings.embedded.data_dir.clone()],
            except: vec![crate::demo::sample_file(&settings.embedded.data_dir)],
            store: OwnDatabase::of_url(&settings.store.url).filter(|_| settings.mode == Mode::Distributed),
        },
    })))
}

/// For roles that open no databases.
struct NoSources;

#[async_trait]
impl Sources for NoSources {
    async fn open(&self, _: &Access) -> Result<Arc<dyn Source>, SourceError> {
        Err(SourceError::Settings("this process opens no databases".into()))
    }
}

/// The URL with a password that the environment gave.
pub(crate) fn with_password(url: &str, password: &Secret, setting: &str) -> Result<String> {
    if password.is_empty() {
        return Ok(url.to_owned());
    }
    let mut parsed = Url::parse(url).with_context(|| format!("{setting} is no URL"))?;
    if parsed.set_password(Some(password.reveal())).is_err() {
        bail!("{setting} cannot carry a password");
    }
    Ok(parsed.into())
}
