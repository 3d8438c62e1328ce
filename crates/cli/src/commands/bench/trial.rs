//! An installation for one measurement: a database, queues and keys of its own on real servers.

use super::database::Database;
use super::fixed::{FixedLlm, FixedSources};
use anyhow::{Context, Result};
use app::{NewConnection, Overrides, Roles, Running, Seat, ServerUrls, Shutdown};
use contracts::{BusinessId, ConnectionId, Dialect, Role, UserId};
use ports::broker::Queue;
use settings::{Mode, Secret, Settings, Source};
use std::sync::Arc;

/// Whose turns are measured.
pub const BUSINESS: &str = "biz_bench";
/// Queues of the yardstick: as many as a turn passes.
const RELAY: [&str; 4] = ["relay_1", "relay_2", "relay_3", "relay_4"];

/// Names that nobody else uses, and the settings with them.
pub struct Trial {
    /// The settings in force.
    pub settings: Settings,
    /// The servers.
    pub urls: ServerUrls,
    /// The app store.
    pub database: Database,
}

/// The installation at work, every role in this process.
pub struct AtWork {
    /// `host:port` of the API.
    pub address: String,
    /// Who asks.
    pub token: String,
    running: Running,
    shutdown: Shutdown,
}

impl Trial {
    /// Makes the database. Everything after this is undone by `remove`.
    pub async fn create(mut settings: Settings) -> Result<Self> {
        use_test_servers(&mut settings)?;
        let name: String = format!("askline_bench_{}", app::random_secret()).chars().take(24).collect();
        let (public, private) = app::generate_vault_keys()?;
        settings.mode = Mode::Distributed;
        settings.server.listen = "127.0.0.1:0".to_owned();
        // The load is one business's, and not its fairness is measured.
        settings.admission.interactive.share = u32::MAX;
        settings.turn.single_flight = false;
        settings.broker.prefix = name.clone();
        settings.events.prefix = name.clone();
        settings.secrets.jwt_secret = Secret::new(app::random_secret());
        settings.secrets.vault_public_key = Secret::new(public);
        settings.secrets.vault_private_key = Secret::new(private);
        let urls = app::server_urls(&settings)?;
        let database = Database::create(&urls.store, &name).await?;
        settings.store.url = database.url.clone();
        Ok(Self { settings, urls, database })
    }

    /// Fills the store and starts every role.
    pub async fn start(&self) -> Result<AtWork> {
        app::migrate(&self.settings).await?;
        self.database.prefill().await?;
        let mut settings = self.settings.clone();
        let roles = Roles::all();
        let overrides =
            Overrides { llm: Some(Arc::new(FixedLlm)), sources: Some(Arc::new(FixedSources)), ..Overrides::default() };
        let composed = app::compose(&mut settings, &roles, overrides).await?;
        composed.ports.broker.declare(&relay_queues()).await?;
        let seat = seat();
        seat.create(&composed.ports, &app::random_secret()).await?;
        connection().create(&composed.ports, &settings).await?;
        let token = seat.token(&composed.ports, &settings).await?;
        let shutdown = Shutdown::default();
        let running = app::start(&settings, &roles, composed, shutdown.clone()).await?;
        let address = running.address.context("the API does not listen")?.to_string();
        Ok(AtWork { address, token, running, shutdown })
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
    /// Ends every role.
    pub async fn stop(self) {
        self.shutdown.drain.cancel();
        self.running.until_stopped().await;
    }
}

/// Where a server was not chosen, the one for tests is taken when the environment names it.
fn use_test_servers(settings: &mut Settings) -> Result<()> {
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
    Ok(())
}

fn relay_queues() -> Vec<Queue> {
    RELAY.iter().map(|kind| Queue::interactive(*kind)).collect()
}

fn seat() -> Seat {
    Seat {
        business: BusinessId::from(BUSINESS),
        business_name: "Measurement".into(),
        user: UserId::from("usr_bench"),
        email: "bench@askline.example".into(),
        role: Role::Manager,
    }
}

fn connection() -> NewConnection {
    NewConnection {
        id: ConnectionId::from("con_bench"),
        business: BusinessId::from(BUSINESS),
        name: "Shop".into(),
        dialect: Dialect::Postgres,
        url: "postgres://nobody@127.0.0.1/none".into(),
    }
}
