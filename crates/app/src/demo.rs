//! A shop to try things on: a business, a user, a sample database.

use crate::keys::random_secret;
use crate::seats::{NewConnection, Seat};
use anyhow::{Context, Result};
use contracts::{BusinessId, ConnectionId, Dialect, Role, UserId};
use ports::Ports;
use serde::{Deserialize, Serialize};
use settings::{Mode, Provider, ProviderKind, Settings};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
        max_in_flight: 0,
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
    let seat = seat();
    seat.create(ports, &password).await?;
    create_connection(ports, settings, folder).await?;
    let token = seat.token(ports, settings).await?;
    Ok(Demo { url: String::new(), email: EMAIL.into(), password, token })
}

/// The one file of the data folder that is a source. Its rows are no secret of anybody.
pub(crate) fn sample_file(folder: &Path) -> PathBuf {
    folder.join("sample-shop.sqlite")
}

fn seat() -> Seat {
    Seat {
        business: BusinessId::from(BUSINESS),
        business_name: "Sample shop".into(),
        user: UserId::from(USER),
        email: EMAIL.into(),
        role: Role::Manager,
    }
}

async fn create_connection(ports: &Ports, settings: &Settings, folder: &Path) -> Result<()> {
    let (business, id) = (BusinessId::from(BUSINESS), ConnectionId::from(CONNECTION));
    if ports.store.schema(&business, &id).await?.is_some() {
        return Ok(());
    }
    let file = sample_file(folder);
    if !file.exists() {
        adapter_sources::sample::create_sqlite(&file).await.context("the sample database cannot be made")?;
    }
    let url = format!("sqlite:{}", file.canonicalize()?.display());
    let connection = NewConnection { id, business, name: "Sample shop".into(), dialect: Dialect::Sqlite, url };
    let made = connection.create(ports, settings).await;
    made.context("remove the demo's data folder and start again")
}
