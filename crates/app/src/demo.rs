//! A shop to try things on: a business, a user, a sample database.

use crate::keys::random_secret;
use anyhow::{Context, Result, bail};
use contracts::{BusinessId, ConnectionId, Dialect, Role, UserId};
use ports::Ports;
use ports::source::{Access, DiscoveryLimits};
use ports::store::{Business, Connection, ConnectionStatus, Membership, User};
use serde::{Deserialize, Serialize};
use settings::{Mode, Provider, ProviderKind, Settings};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

const EMAIL: &str = "demo@askline.example";
const BUSINESS: &str = "biz_demo";
const USER: &str = "usr_demo";
const CONNECTION: &str = "con_sample_shop";
const NOTE: &str = "demo.json";

/// What a person needs to use the demo. Lies in its data folder, readable by its owner only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Demo {
    /// The address of the page and the API.
    pub url: String,
    /// The login.
    pub email: String,
    /// Its password.
    pub password: String,
    /// A token for the API.
    pub token: String,
}

impl Demo {
    /// Reads the note that a demo left in its data folder; `None` when there is none.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let file = folder.join(NOTE);
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                Ok(Some(serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
        }
    }

    /// Writes the note.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let file = folder.join(NOTE);
        let mut options = OpenOptions::new();
        let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(&file)?;
        opened.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        Ok(())
    }
}

/// Settings of a demo: embedded, in this folder, with the built-in rules where no provider is configured.
pub fn demo_settings(settings: &mut Settings, folder: &Path) {
    settings.mode = Mode::Embedded;
    settings.embedded.data_dir = folder.to_owned();
    if settings.llm.providers.is_empty() {
        settings.llm.providers.push(rules());
    }
}

fn rules() -> Provider {
    Provider {
        name: "rules".into(),
        kind: ProviderKind::Rules,
        base_url: String::new(),
        model: String::new(),
        api_key_env: String::new(),
        first_byte_timeout_s: 0,
        stall_timeout_s: 0,
        attempts: 1,
        json_schema: false,
        path: Default::default(),
        suite: String::new(),
    }
}

/// Makes what the demo needs, where it is not there yet. Everything but the address is filled in.
pub async fn prepare_demo(ports: &Ports, settings: &Settings) -> Result<Demo> {
    let folder = &settings.embedded.data_dir;
    let password = match Demo::read(folder)? {
        Some(demo) => demo.password,
        None => random_secret().chars().take(16).collect(),
    };
    create_user(ports, &password).await?;
    create_connection(ports, settings, folder).await?;
    let tokens = api::Tokens::new(&settings.secrets.jwt_secret, settings.server.token_ttl_s)?;
    let memberships = ports.store.memberships(&UserId::from(USER)).await?;
    let token = issue(&tokens, &memberships, ports.clock.now_ms())?;
    Ok(Demo { url: String::new(), email: EMAIL.into(), password, token })
}

fn issue(tokens: &api::Tokens, memberships: &[Membership], now_ms: i64) -> Result<String> {
    let issued = tokens.issue(&UserId::from(USER), EMAIL, memberships, now_ms)?;
    Ok(issued.token)
}

async fn create_user(ports: &Ports, password: &str) -> Result<()> {
    let (business, user) = (BusinessId::from(BUSINESS), UserId::from(USER));
    let created_ms = ports.clock.now_ms();
    ports.store.create_business(&Business { id: business.clone(), name: "Sample shop".into(), created_ms }).await?;
    if ports.store.user_by_email(EMAIL).await?.is_none() {
        let password_hash = api::passwords::hash(password).await?;
        ports.store.create_user(&User { id: user.clone(), email: EMAIL.into(), password_hash, created_ms }).await?;
    }
    ports.store.set_membership(&user, &business, Role::Manager).await?;
    Ok(())
}

async fn create_connection(ports: &Ports, settings: &Settings, folder: &Path) -> Result<()> {
    let (business, id) = (BusinessId::from(BUSINESS), ConnectionId::from(CONNECTION));
    if ports.store.schema(&business, &id).await?.is_some() {
        return Ok(());
    }
    let file = folder.join("sample-shop.sqlite");
    if !file.exists() {
        adapter_sources::sample::create_sqlite(&file).await.context("the sample database cannot be made")?;
    }
    let file = file.canonicalize()?;
    let url = format!("sqlite:{}", file.display());
    let connection = Connection {
        sealed_url: ports.vault.seal(&business, &id, &url).await?,
        id: id.clone(),
        business: business.clone(),
        name: "Sample shop".into(),
        dialect: Dialect::Sqlite,
        status: ConnectionStatus::New,
        status_message: String::new(),
        created_ms: ports.clock.now_ms(),
    };
    ports.store.create_connection(&connection).await?;
    discover(ports, settings, &connection, url).await
}

async fn discover(ports: &Ports, settings: &Settings, connection: &Connection, url: String) -> Result<()> {
    let limits = DiscoveryLimits {
        max_tables: settings.sources.max_tables,
        samples: settings.sources.samples,
        sampled_rows: settings.sources.sampled_rows,
        timeout: Duration::from_millis(settings.sources.statement_timeout_ms),
    };
    let source = ports.sources.open(&Access { dialect: connection.dialect, url }).await?;
    let schema = source.discover(limits).await?;
    if schema.tables.is_empty() {
        bail!("the sample database has no tables: remove the demo's data folder and start again");
    }
    let message = format!("{} tables.", schema.tables.len());
    ports.store.save_schema(&connection.business, &connection.id, &schema).await?;
    let ready = ConnectionStatus::Ready;
    ports.store.set_connection_status(&connection.business, &connection.id, ready, &message).await?;
    Ok(())
}
