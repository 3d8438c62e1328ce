//! What ran, for a person or a program.

use super::args::List;
use crate::client::Client;
use crate::commands::time;
use crate::{output, process};
use anyhow::{Context, Result};
use app::{AuditDesk, SystemClock};
use contracts::{BusinessId, ConnectionId, TurnId, UserId};
use ports::Clock;
use ports::audit::AuditFilter;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// The API gives so many rows at a time.
const PAGE: u32 = 100;
/// The beginning of a statement says most.
const SHOWN_SQL: usize = 90;

/// Where pages come from.
enum Desk {
    Api(Client),
    Store(AuditDesk, BusinessId),
}

pub async fn run(config: Option<PathBuf>, args: List) -> Result<ExitCode> {
    let desk = match (&args.server.business, args.operator) {
        (Some(business), true) => {
            Desk::Store(AuditDesk::open(&process::settings(config)?).await?, BusinessId(business.clone()))
        }
        _ => Desk::Api(Client::new(&args.server)?),
    };
    let mut filter = filter(&args)?;
    let mut rows: Vec<Value> = Vec::new();
    let next = loop {
        let left = args.limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        if left == 0 {
            break filter.before;
        }
        let mut page = desk.page(&filter, left.min(PAGE)).await?;
        rows.append(page["data"].as_array_mut().context("the server answered without rows")?);
        filter.before = page["next"].as_u64();
        if filter.before.is_none() {
            break None;
        }
    };
    if args.json {
        output::json(&json!({"data": rows, "next": next}))?;
        return Ok(ExitCode::SUCCESS);
    }
    rows.iter().for_each(show);
    output::note(match (rows.len(), next) {
        (0, _) => "No rows.".to_owned(),
        (count, None) => format!("{count} rows."),
        (count, Some(_)) => format!("{count} rows, and there are older ones: see --limit and --until."),
    });
    Ok(ExitCode::SUCCESS)
}

fn filter(args: &List) -> Result<AuditFilter> {
    let now_ms = SystemClock::default().now_ms();
    let time = |text: &Option<String>| text.as_deref().map(|text| time::parse(text, now_ms)).transpose();
    Ok(AuditFilter {
        turn: args.turn.clone().map(TurnId),
        user: args.user.clone().map(UserId),
        connection: args.connection.clone().map(ConnectionId),
        since_ms: time(&args.since)?,
        until_ms: time(&args.until)?,
        before: None,
    })
}

impl Desk {
    async fn page(&self, filter: &AuditFilter, limit: u32) -> Result<Value> {
        match self {
            Self::Api(client) => client.get_with("/v1/audit", &query(filter, limit)).await,
            Self::Store(desk, business) => desk.list(business, filter, limit).await,
        }
    }
}

fn query(filter: &AuditFilter, limit: u32) -> Vec<(&'static str, String)> {
    let parts = [
        ("response_id", filter.turn.as_ref().map(ToString::to_string)),
        ("user_id", filter.user.as_ref().map(ToString::to_string)),
        ("connection_id", filter.connection.as_ref().map(ToString::to_string)),
        ("since_ms", filter.since_ms.map(|time| time.to_string())),
        ("until_ms", filter.until_ms.map(|time| time.to_string())),
        ("before", filter.before.map(|seq| seq.to_string())),
        ("limit", Some(limit.to_string())),
    ];
    parts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn show(row: &Value) {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    let at = time::show(row["at_ms"].as_i64().unwrap_or_default());
    let (seq, turn, user) = (&row["seq"], text("response_id"), text("user_id"));
    output::line(format!("{seq:>6}  {at}  {:13}  {user}  {turn}  {}", text("verdict"), told(row)));
}

/// The statement, or what came of it.
fn told(row: &Value) -> String {
    if row["phase"] == "outcome" {
        let rows = row["rows"].as_u64().map(|rows| format!("{rows} rows, ")).unwrap_or_default();
        return format!("{rows}{} ms", row["duration_ms"].as_u64().unwrap_or_default());
    }
    let sql = row["sql"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    sql.chars().take(SHOWN_SQL).collect()
}
