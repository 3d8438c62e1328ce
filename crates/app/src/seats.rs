//! A business, a user in it and its databases, made in the store without the API: for installations that start with
//! something in them.

use anyhow::{Context, Result, bail};
use contracts::{BusinessId, ConnectionId, Dialect, Role, UserId};
use ports::Ports;
use ports::source::{Access, DiscoveryLimits, GoOn};
use ports::store::{Business, Connection, ConnectionStatus, User};
use settings::Settings;
use std::time::Duration;

/// A user with a place in a business.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The business.
    pub business: BusinessId,
    /// Its name.
    pub business_name: String,
    /// The user.
    pub user: UserId,
    /// Its login, lower case.
    pub email: String,
    /// What the user may do.
    pub role: Role,
}

impl Seat {
    /// Stores business, user and membership, where they are not there yet.
    pub async fn create(&self, ports: &Ports, password: &str) -> Result<()> {
        let created_ms = ports.clock.now_ms();
        let business = Business { id: self.business.clone(), name: self.business_name.clone(), created_ms };
        ports.store.create_business(&business).await?;
        if ports.store.user_by_email(&self.email).await?.is_none() {
            let password_hash = api::passwords::hash(password).await?;
            let user = User { id: self.user.clone(), email: self.email.clone(), password_hash, created_ms };
            ports.store.create_user(&user).await?;
        }
        ports.store.set_membership(&self.user, &self.business, self.role).await?;
        Ok(())
    }

    /// A token for the API.
    pub async fn token(&self, ports: &Ports, settings: &Settings) -> Result<String> {
        let tokens = api::Tokens::new(&settings.secrets.jwt_secret, settings.server.token_ttl_s)?;
        let memberships = ports.store.memberships(&self.user).await?;
        Ok(tokens.issue(&self.user, &self.email, &memberships, ports.clock.now_ms())?.token)
    }
}

/// A database to ask.
#[derive(Clone)]
pub struct NewConnection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose it is.
    pub business: BusinessId,
    /// Unique in the business.
    pub name: String,
    /// Its dialect.
    pub dialect: Dialect,
    /// Its URL.
    pub url: String,
}

impl NewConnection {
    /// Stores the connection, reads its tables and makes it ready.
    pub async fn create(self, ports: &Ports, settings: &Settings) -> Result<()> {
        let connection = Connection {
            sealed_url: ports.vault.seal(&self.business, &self.id, &self.url).await?,
            sealed_write_url: None,
            id: self.id,
            business: self.business,
            name: self.name,
            dialect: self.dialect,
            status: ConnectionStatus::New,
            status_message: String::new(),
            max_scanned_rows: None,
            schema_ms: None,
            created_ms: ports.clock.now_ms(),
        };
        ports.store.create_connection(&connection).await?;
        let discovered = discover(ports, settings, &connection, self.url).await;
        discovered.with_context(|| format!("{} cannot be read", connection.name))
    }
}

async fn discover(ports: &Ports, settings: &Settings, connection: &Connection, url: String) -> Result<()> {
    let limits = DiscoveryLimits {
        max_tables: settings.sources.max_tables,
        samples: settings.sources.samples,
        sampled_rows: settings.sources.sampled_rows,
        timeout: Duration::from_millis(settings.sources.statement_timeout_ms),
    };
    let source = ports.sources.open(&Access { dialect: connection.dialect, url }).await?;
    let schema = source.discover(limits, GoOn::always()).await?;
    if schema.tables.is_empty() {
        bail!("the database has no tables");
    }
    let message = format!("{} tables.", schema.tables.len());
    ports.store.save_schema(&connection.business, &connection.id, &schema).await?;
    let ready = ConnectionStatus::Ready;
    ports.store.set_connection_status(&connection.business, &connection.id, ready, &message).await?;
    Ok(())
}
