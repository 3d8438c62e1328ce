//! Changes of data that wait for a person's word, on the command line.

use super::ask;
use super::time;
use crate::args::Server;
use crate::client::Client;
use crate::output;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

/// See `Command::Approval`.
#[derive(Args)]
pub struct Approval {
    #[command(subcommand)]
    command: ApprovalCommand,
}

#[derive(Subcommand)]
enum ApprovalCommand {
    /// List changes, newest first.
    List(List),
    /// Show a change with its statement and the rows that it concerns.
    Show(One),
    /// Approve a change: it is made at once, in a new response.
    Approve(One),
    /// Decline a change.
    Decline(One),
}

#[derive(Args)]
struct List {
    /// What became of them: pending, approved, declined, expired, running, done, failed, unknown, or all.
    #[arg(long, default_value = "pending")]
    state: String,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    server: Server,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct One {
    /// The response that asked for it (resp_…), or the approval (apr_…).
    id: String,
    #[command(flatten)]
    server: Server,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Looks at changes, or decides about one.
pub async fn run(approval: Approval) -> Result<ExitCode> {
    match approval.command {
        ApprovalCommand::List(args) => list(args).await,
        ApprovalCommand::Show(args) => {
            let found = find(&Client::new(&args.server)?, &args.id).await?;
            show(&found, args.json)
        }
        ApprovalCommand::Approve(args) => decide(args, "approve").await,
        ApprovalCommand::Decline(args) => decide(args, "decline").await,
    }
}

async fn list(args: List) -> Result<ExitCode> {
    let mut query = vec![("limit", args.limit.to_string())];
    if args.state != "all" {
        query.push(("state", args.state));
    }
    let all = Client::new(&args.server)?.get_with("/v1/approvals", &query).await?;
    if args.json {
        output::json(&all["data"])?;
        return Ok(ExitCode::SUCCESS);
    }
    let approvals = all["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    for approval in approvals {
        let text = |name: &str| approval[name].as_str().unwrap_or_default().to_owned();
        let at = time::show(approval["created_ms"].as_i64().unwrap_or_default());
        let rows = approval["affected_rows"].as_u64().unwrap_or_default();
        let (id, state, kind, table) = (text("response_id"), text("state"), text("kind"), text("table"));
        output::line(format!("{id}  {at}  {state:8}  {kind} {rows} {table}  {}", text("question")));
    }
    if approvals.is_empty() {
        output::note("No changes.");
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(client: &Client, id: &str) -> Result<Value> {
    let id = checked(id)?;
    match id.starts_with("apr_") {
        true => client.get(&format!("/v1/approvals/{id}")).await,
        false => client.get(&format!("/v1/responses/{id}/approval")).await,
    }
}

fn show(approval: &Value, as_json: bool) -> Result<ExitCode> {
    if as_json {
        output::json(approval)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, value) in approval.as_object().into_iter().flatten().filter(|(name, _)| *name != "preview") {
        let shown = match value {
            Value::Null => continue,
            Value::Number(number) if name.ends_with("_ms") => time::show(number.as_i64().unwrap_or_default()),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        output::line(format!("{}: {shown}", name.trim_end_matches("_ms")));
    }
    output::line("");
    ask::rows(&preview(approval));
    Ok(ExitCode::SUCCESS)
}

/// The rows of a change as an event of rows has them.
fn preview(change: &Value) -> Value {
    let preview = &change["preview"];
    json!({"columns": preview["columns"], "rows": preview["rows"], "row_count": change["affected_rows"]})
}

/// What a question asks for, while it is asked.
pub fn show_request(event: &Value) {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    output::line(format!("{}\n", output::out(text("sql"), output::BOLD)));
    ask::rows(&preview(event));
    output::note(format!("To approve it: askline approval approve {}", text("response_id")));
}

async fn decide(args: One, word: &str) -> Result<ExitCode> {
    let client = Client::new(&args.server)?;
    let found = find(&client, &args.id).await?;
    let asking = checked(found["response_id"].as_str().unwrap_or_default())?;
    let decided = client.post(&format!("/v1/responses/{asking}/{word}"), &json!({})).await?;
    let Some(response) = decided["response_id"].as_str() else { bail!("the server did not say what follows") };
    let last = client.follow(response, |event| if args.json { output::json(event) } else { Ok(()) }).await?;
    let answered = last["type"] == "response.completed";
    if !args.json {
        say(&last["response"], answered);
    }
    Ok(if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn say(response: &Value, answered: bool) {
    let told = match answered {
        true => response["output"][0]["content"][0]["text"].as_str(),
        false => response["error"]["message"].as_str().or(response["incomplete_details"]["reason"].as_str()),
    };
    let told = told.unwrap_or("the server did not say what became of it");
    match answered {
        true => output::line(output::out(told, output::GREEN)),
        false => output::note(format!("{} {told}", output::out("not made:", output::RED))),
    }
}

/// An id goes into a path.
fn checked(id: &str) -> Result<&str> {
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        bail!("{id:?} is no id of a response: it looks like resp_0123…");
    }
    Ok(id)
}
