//! The dead-letter desk on the command line.

mod args;
mod operator;
mod show;

pub use args::Dead;

use crate::client::Client;
use crate::commands::time;
use crate::{output, process};
use anyhow::{Context, Result, bail};
use app::SystemClock;
use args::{DeadCommand, Decide, Desk, Filter, List, Show};
use ports::Clock;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Looks at the desk, or decides about what lies there.
pub async fn run(config: Option<PathBuf>, dead: Dead) -> Result<ExitCode> {
    if desk_of(&dead.command).operator {
        return operator::run(&process::settings(config)?, dead.command).await;
    }
    let client = Client::new(&desk_of(&dead.command).server)?;
    match dead.command {
        DeadCommand::List(args) => list(&client, args).await,
        DeadCommand::Show(args) => show_one(&client, args).await,
        DeadCommand::Replay(args) => decide(&client, args, Action::Replay).await,
        DeadCommand::Drop(args) => decide(&client, args, Action::Drop).await,
    }
}

fn desk_of(command: &DeadCommand) -> &Desk {
    match command {
        DeadCommand::List(args) => &args.desk,
        DeadCommand::Show(args) => &args.desk,
        DeadCommand::Replay(args) | DeadCommand::Drop(args) => &args.desk,
    }
}

/// The filters of the command line, with times as the API takes them.
struct Wanted {
    kind: Option<String>,
    error: Option<String>,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl Wanted {
    fn of(filter: &Filter) -> Result<Self> {
        let now_ms = SystemClock::default().now_ms();
        let time = |text: &Option<String>| text.as_deref().map(|text| time::parse(text, now_ms)).transpose();
        let (since_ms, until_ms) = (time(&filter.since)?, time(&filter.until)?);
        Ok(Self { kind: filter.kind.clone(), error: filter.error.clone(), since_ms, until_ms })
    }

    fn json(&self) -> Value {
        json!({"kind": self.kind, "error": self.error, "since_ms": self.since_ms, "until_ms": self.until_ms})
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let times = [("since_ms", self.since_ms), ("until_ms", self.until_ms)];
        let texts = [("kind", &self.kind), ("error", &self.error)];
        let texts = texts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        texts.chain(times.into_iter().filter_map(|(name, value)| Some((name, value?.to_string())))).collect()
    }
}

async fn list(client: &Client, args: List) -> Result<ExitCode> {
    let mut query = Wanted::of(&args.filter)?.query();
    query.push(("limit", args.limit.to_string()));
    query.extend(args.state.name().map(|name| ("state", name.to_owned())));
    show::table(&client.get_with("/v1/dead", &query).await?, args.desk.json)
}

async fn show_one(client: &Client, args: Show) -> Result<ExitCode> {
    show::detail(&client.get(&format!("/v1/dead/{}", checked(&args.id)?)).await?, args.desk.json)
}

#[derive(Clone, Copy)]
enum Action {
    Replay,
    Drop,
}

impl Action {
    /// As the API's path names it.
    fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Drop => "drop",
        }
    }

    fn question(self) -> &'static str {
        match self {
            Self::Replay => "Replay",
            Self::Drop => "Drop",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Replay => "replayed",
            Self::Drop => "dropped",
        }
    }
}

async fn decide(client: &Client, args: Decide, action: Action) -> Result<ExitCode> {
    if args.all { decide_all(client, args, action).await } else { decide_each(client, args, action).await }
}

async fn decide_each(client: &Client, args: Decide, action: Action) -> Result<ExitCode> {
    let (mut done, mut failed) = (0, 0);
    for id in &args.ids {
        match client.post(&format!("/v1/dead/{}/{}", checked(id)?, action.name()), &json!({})).await {
            Ok(answer) => {
                tell(id, &answer["response_id"], args.desk.json);
                done += 1;
            }
            Err(error) => {
                output::error(&error.context(id.clone()));
                failed += 1;
            }
        }
    }
    show::summary(action.done(), done, failed, args.desk.json)
}

async fn decide_all(client: &Client, args: Decide, action: Action) -> Result<ExitCode> {
    let wanted = Wanted::of(&args.filter)?;
    let mut query = wanted.query();
    query.extend([("state", "open".to_owned()), ("limit", "1".to_owned())]);
    let found = client.get_with("/v1/dead", &query).await?;
    if !confirm(action.question(), found["total"].as_u64().unwrap_or_default(), args.yes)? {
        return Ok(ExitCode::FAILURE);
    }
    let (mut done, mut failed) = (0, 0);
    let mut body = wanted.json();
    loop {
        let decided = client.post(&format!("/v1/dead/{}", action.name()), &body).await?;
        for job in decided["done"].as_array().into_iter().flatten() {
            tell(job["id"].as_str().unwrap_or_default(), &job["response_id"], args.desk.json);
            done += 1;
        }
        for job in decided["failed"].as_array().into_iter().flatten() {
            let text = |name: &str| job[name].as_str().unwrap_or_default().to_owned();
            output::note(format!("{}: {}", text("id"), text("message")));
            failed += 1;
        }
        if decided["left"].as_u64().unwrap_or_default() == 0 {
            return show::summary(action.done(), done, failed, args.desk.json);
        }
        body["after"] = decided["last"].clone();
    }
}

fn tell(id: &str, response: &Value, as_json: bool) {
    if let (Some(response), false) = (response.as_str(), as_json) {
        output::line(format!("{id} goes on as {response}"));
    }
}

/// Asks a person, or takes `--yes` for it.
fn confirm(action: &str, count: u64, yes: bool) -> Result<bool> {
    if count == 0 || yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        bail!("{count} jobs fit: add --yes to {} them", action.to_lowercase());
    }
    output::note(format!("{action} {count} jobs? [y/N]"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("the answer cannot be read")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// An id goes into a path.
fn checked(id: &str) -> Result<&str> {
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        bail!("{id:?} is no id of a dead job: it looks like dead_0123…");
    }
    Ok(id)
}
