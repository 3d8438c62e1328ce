//! An installation for one measurement: a database, queues and keys of its own on real servers.

use super::database::Database;
use super::fixed;
use super::fleet::Fleet;
use anyhow::{Context, Result};
use app::{NewConnection, Roles, Running, Seat, ServerUrls, Shutdown};
use contracts::{BusinessId, ConnectionId, Dialect, Role, UserId};
use ports::broker::Queue;
use settings::{Settings, Source};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Whose turns are measured.
pub const BUSINESS: &str = "biz_bench";
/// Queues of the yardstick: as many as a turn passes.
const RELAY: [&str; 4] = ["relay_1", "relay_2", "relay_3", "relay_4"];
/// The settings of a measurement whatever the installation's own are. The load is one business's and asks one database,
/// and neither the fairness between businesses is measured nor how a slow database is spared.
const SETTINGS: [(&str, &str); 4] = [
    ("ASKLINE_MODE", "distributed"),
    ("ASKLINE_SERVER__LISTEN", "127.0.0.1:0"),
    ("ASKLINE_TURN__SINGLE_FLIGHT", "false"),
    ("ASKLINE_SOURCES__MAX_IN_FLIGHT", "100000"),
];

/// Names that nobody else uses, and the settings with them.
pub struct Trial {
    /// The settings in force.
    pub settings: Settings,
    /// The servers.
    pub urls: ServerUrls,
    /// The app store.
    pub database: Database,
    /// The settings as other processes get them, but for the secrets of single roles.
    config: Option<PathBuf>,
    environment: BTreeMap<String, String>,
}

/// How the installation is laid out.
#[derive(Clone, Copy, Debug)]
pub enum Layout {
    /// Every role in this process.
    OneProcess,
    /// The API, the sweeper and so many processes for each kind of job.
    Processes(usize),
}

/// The installation at work.
pub struct AtWork {
    /// `host:port` of the API.
    pub address: String,
    /// Who asks.
    pub token: String,
    place: Place,
}

enum Place {
    Here(Box<Running>, Shutdown),
    Elsewhere(Fleet),
}

impl Trial {
    /// Makes the database. Everything after this is undone by `remove`. `share` is how many turns of a business may be
    /// in flight; more than `waiting` never wait.
    pub async fn create(config: Option<PathBuf>, share: u32, waiting: u32) -> Result<Self> {
        let mut source = Source::from_process(config);
        let urls = server_urls(&source)?;
        // The installation's own keys are none of the trial's.
        source.env.retain(|name, _| !name.starts_with("ASKLINE_SECRETS__"));
        let name: String = format!("askline_bench_{}", app::random_secret()).chars().take(24).collect();
        let database = Database::create(&urls.store, &name).await?;
        let (public, private) = app::generate_vault_keys()?;
        let lane = format!("{{ share = {share}, window = {share}, max_waiting = {waiting}, deadline_s = 86400 }}");
        let own = [
            ("ASKLINE_ADMISSION__INTERACTIVE", lane),
            ("ASKLINE_BROKER__URL", urls.broker.clone()),
            ("ASKLINE_BROKER__PREFIX", name.clone()),
            ("ASKLINE_EVENTS__URL", urls.events.clone()),
            ("ASKLINE_EVENTS__PREFIX", name),
            ("ASKLINE_STORE__URL", database.url.clone()),
            ("ASKLINE_SECRETS__VAULT_PUBLIC_KEY", public),
            ("ASKLINE_SECRETS__VAULT_PRIVATE_KEY", private),
            ("ASKLINE_SECRETS__JWT_SECRET", app::random_secret()),
        ];
        let fixed = SETTINGS.map(|(name, value)| (name, value.to_owned()));
        source.env.extend(fixed.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value)));
        let settings = settings::load(&source)?;
        Ok(Self { settings, urls, database, config: source.file, environment: source.env })
    }

    /// With so many processes PostgreSQL has a few connections for each.
    pub fn shared_by(mut self, processes: usize) -> Self {
        if processes > 1 {
            self.environment.insert("ASKLINE_STORE__MAX_CONNECTIONS".to_owned(), "4".to_owned());
        }
        self
    }

    /// Makes the tables and fills them as a store in use is.
    pub async fn prepare(&self) -> Result<()> {
        app::migrate(&self.settings).await?;
        self.database.prefill().await
    }

    /// Starts every role.
    pub async fn start(&self, layout: Layout) -> Result<AtWork> {
        let mut settings = self.settings.clone();
        let roles = Roles::all();
        let composed = app::compose(&mut settings, &roles, fixed::overrides()).await?;
        composed.ports.broker.declare(&relay_queues()).await?;
        let seat = seat();
        seat.create(&composed.ports, &app::random_secret()).await?;
        connection().create(&composed.ports, &settings).await?;
        let token = seat.token(&composed.ports, &settings).await?;
        if let Layout::Processes(per_kind) = layout {
            drop(composed);
            let fleet = Fleet::start(self.config.as_deref(), &self.environment, per_kind).await?;
            return Ok(AtWork { address: fleet.address.clone(), token, place: Place::Elsewhere(fleet) });
        }
        let shutdown = Shutdown::default();
        let running = app::start(&settings, &roles, composed, shutdown.clone()).await?;
        let address = running.address.context("the API does not listen")?.to_string();
        Ok(AtWork { address, token, place: Place::Here(Box::new(running), shutdown) })
    }

    /// The names of the yardstick's queues, which are declared as those of the jobs are.
    pub fn relay_names(&self) -> Vec<String> {
        RELAY.iter().map(|kind| format!("{}.{kind}.interactive.v1", self.settings.broker.prefix)).collect()
    }

    /// Leaves nothing behind.
    pub async fn remove(&self) -> Result<()> {
        let removed = app::remove_prefixes(&self.settings, &relay_queues()).await;
        self.database.remove().await?;
        removed
    }
}

impl AtWork {
    /// The processes of the installation, and whether the clients share one with it.
    pub fn pids(&self) -> (Vec<u32>, bool) {
        match &self.place {
            Place::Here(..) => (vec![std::process::id()], true),
            Place::Elsewhere(fleet) => (fleet.pids(), false),
        }
    }

    /// The most memory that a process of each role has used so far, in MiB.
    pub fn peak_mib(&self) -> BTreeMap<String, f64> {
        match &self.place {
            Place::Here(..) => {
                super::cpu::peak_mib(std::process::id()).map(|peak| ("all".to_owned(), peak)).into_iter().collect()
            }
            Place::Elsewhere(fleet) => fleet.peak_mib(),
        }
    }

    /// Ends every role.
    pub async fn stop(self) {
        match self.place {
            Place::Here(running, shutdown) => {
                shutdown.drain.cancel();
                running.until_stopped().await;
            }
            Place::Elsewhere(fleet) => fleet.stop().await,
        }
    }
}

/// Where a server was not chosen, the one for tests is taken when the environment names it.
fn server_urls(source: &Source) -> Result<ServerUrls> {
    let mut settings = settings::load(source)?;
    let defaults = settings::load(&Source::default())?;
    let choose = |chosen: &mut String, default: &str, variable: &str| {
        if chosen == default
            && let Ok(url) = std::env::var(variable)
        {
            *chosen = url;
        }
    };
    choose(&mut settings.store.url, &defaults.store.url, "ASKLINE_TEST_POSTGRES_URL");
    choose(&mut settings.broker.url, &defaults.broker.url, "ASKLINE_TEST_RABBITMQ_URL");
    choose(&mut settings.events.url, &defaults.events.url, "ASKLINE_TEST_REDIS_URL");
    app::server_urls(&settings)
}

fn relay_queues() -> Vec<Queue> {
    RELAY.iter().map(|kind| Queue::interactive(*kind)).collect()
}

/// Who asks.
pub fn seat() -> Seat {
    Seat {
        business: BusinessId::from(BUSINESS),
        business_name: "Measurement".into(),
        user: UserId::from("usr_bench"),
        email: "bench@askline.example".into(),
        role: Role::Manager,
    }
}

/// What is asked.
pub fn connection() -> NewConnection {
    NewConnection {
        id: ConnectionId::from("con_bench"),
        business: BusinessId::from(BUSINESS),
        name: "Shop".into(),
        dialect: Dialect::Postgres,
        url: "postgres://nobody@127.0.0.1/none".into(),
    }
}
