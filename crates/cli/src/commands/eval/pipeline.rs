//! The whole application in this process, which answers with recorded SQL.

use super::compare::Table;
use super::databases::Databases;
use super::direct;
use crate::client::Client;
use crate::process;
use anyhow::{Context, Result};
use app::{NewConnection, Overrides, Roles, Running, Seat, Shutdown};
use contracts::event::{Response, Status};
use contracts::{BusinessId, ConnectionId, ResultSet, Role, UserId};
use ports::Ports;
use serde_json::{Value, json};
use settings::{Mode, Provider, ProviderKind, Settings};
use std::path::{Path, PathBuf};

/// The code of a turn whose provider had no statement.
const NO_ANSWER: &str = "not_understood";

/// What became of a question.
pub enum Outcome {
    Rows(Table),
    /// The guard did not let the statement run.
    Refused(String),
    /// The provider had no statement.
    Unanswered,
    Failed(String),
}

/// The application at work.
pub struct Pipeline {
    client: Client,
    running: Running,
    shutdown: Shutdown,
    _telemetry: telemetry::Guard,
}

impl Pipeline {
    /// Starts it in a folder, with a connection for each database.
    pub async fn start(
        config: Option<PathBuf>,
        folder: &Path,
        provider: Provider,
        databases: &Databases,
    ) -> Result<Self> {
        let mut settings = process::settings(config)?;
        prepare(&mut settings, folder, provider);
        let telemetry = process::telemetry(&settings, "eval")?;
        let roles = Roles::all();
        let composed = app::compose(&mut settings, &roles, Overrides::default()).await?;
        let seat = seat();
        seat.create(&composed.ports, &app::random_secret()).await?;
        connect(&composed.ports, &settings, &seat, databases).await?;
        let token = seat.token(&composed.ports, &settings).await?;
        let shutdown = Shutdown::default();
        let running = app::start(&settings, &roles, composed, shutdown.clone()).await?;
        let address = running.address.context("the API does not listen")?;
        let client = Client::at(format!("http://{address}"), token)?;
        Ok(Self { client, running, shutdown, _telemetry: telemetry })
    }

    /// Asks as any client does, and fetches the rows of the answer.
    pub async fn ask(&self, database: &str, question: &str) -> Result<Outcome> {
        let body = json!({"model": "askline", "input": question, "connection": database});
        let response: Response = serde_json::from_value(self.client.post("/v1/responses", &body).await?)?;
        if response.status != Status::Completed {
            return Ok(failure(response));
        }
        let Some(result) = response.metadata.get("result_id") else {
            return Ok(Outcome::Unanswered);
        };
        let stored = self.client.get(&format!("/v1/results/{result}")).await?;
        rows(stored)
    }

    /// Drains and ends.
    pub async fn stop(self) {
        self.shutdown.drain.cancel();
        self.running.until_stopped().await;
    }
}

/// Repair, fallback and caps are off: what is measured is the first statement of this provider.
fn prepare(settings: &mut Settings, folder: &Path, provider: Provider) {
    settings.mode = Mode::Embedded;
    settings.embedded.data_dir = folder.to_owned();
    settings.server.listen = "127.0.0.1:0".into();
    settings.telemetry.log = "error".into();
    settings.turn.correction_rounds = 0;
    settings.turn.deadline_s = 600;
    settings.turn.single_flight = false;
    settings.admission.interactive.share = u32::MAX;
    settings.sources.max_rows = 10_000_000;
    settings.sources.max_bytes = 1 << 30;
    settings.sources.statement_timeout_ms = u64::try_from(direct::LONGEST.as_millis()).unwrap_or(u64::MAX);
    settings.sources.sqlite_root = PathBuf::new();
    settings.llm.providers = vec![provider];
}

/// A provider without a server.
pub fn provider(kind: ProviderKind, name: &str) -> Provider {
    Provider {
        name: name.into(),
        kind,
        base_url: String::new(),
        model: String::new(),
        api_key_env: String::new(),
        first_byte_timeout_s: 0,
        stall_timeout_s: 0,
        attempts: 1,
        max_in_flight: 0,
        json_schema: false,
        path: PathBuf::new(),
        suite: String::new(),
    }
}

fn seat() -> Seat {
    Seat {
        business: BusinessId::from("biz_eval"),
        business_name: "Evaluation".into(),
        user: UserId::from("usr_eval"),
        email: "eval@askline.example".into(),
        role: Role::Manager,
    }
}

async fn connect(ports: &Ports, settings: &Settings, seat: &Seat, databases: &Databases) -> Result<()> {
    for (number, (name, access)) in databases.iter().enumerate() {
        let connection = NewConnection {
            id: ConnectionId(format!("con_{number}")),
            business: seat.business.clone(),
            name: name.clone(),
            dialect: access.dialect,
            url: access.url.clone(),
        };
        connection.create(ports, settings).await?;
    }
    Ok(())
}

fn failure(response: Response) -> Outcome {
    match (response.error, response.incomplete_details) {
        (Some(error), _) if error.code == "statement_refused" => Outcome::Refused(error.message),
        (Some(error), _) if error.code == NO_ANSWER => Outcome::Unanswered,
        (Some(error), _) => Outcome::Failed(format!("{}: {}", error.code, error.message)),
        (None, Some(details)) => Outcome::Failed(details.reason),
        (None, None) => Outcome::Failed("it ended without a reason".into()),
    }
}

fn rows(stored: Value) -> Result<Outcome> {
    let result: ResultSet = serde_json::from_value(stored)?;
    if result.truncated {
        return Ok(Outcome::Failed("the rows were cut".into()));
    }
    let decimals = result.columns.iter().map(|column| direct::is_decimal(&column.data_type)).collect();
    Ok(Outcome::Rows(Table { decimals, rows: result.rows }))
}
