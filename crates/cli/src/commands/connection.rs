use crate::args::{Connection, ConnectionCommand, PolicyCommand};
use crate::client::Client;
use crate::output;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// The databases of a business.
pub async fn run(args: Connection) -> Result<ExitCode> {
    match args.command {
        ConnectionCommand::List { server, json } => list(&Client::new(&server)?, json).await,
        ConnectionCommand::Add { name, database_url, file, write_url_env, server, json } => {
            let client = Client::new(&server)?;
            let made = match (file, database_url) {
                (Some(file), _) => upload(&client, &name, &file).await?,
                (None, url) => {
                    let url = url.filter(|url| url != "-").map_or_else(from_stdin, Ok)?;
                    let write_url = write_url_env.as_deref().map(from_env).transpose()?;
                    let body = json!({"name": name, "url": url, "write_url": write_url});
                    client.post("/v1/connections", &body).await?
                }
            };
            watch(&client, &made, json).await
        }
        ConnectionCommand::Bound { connection, rows, server } => {
            bound(&Client::new(&server)?, &connection, &rows).await
        }
        ConnectionCommand::AllowWrites { connection, write_url_env, server } => {
            let url = write_url_env.as_deref().map_or_else(from_stdin, from_env)?;
            writes(&Client::new(&server)?, &connection, Some(url)).await
        }
        ConnectionCommand::DenyWrites { connection, server } => writes(&Client::new(&server)?, &connection, None).await,
        ConnectionCommand::Policy { command } => policy(command).await,
        ConnectionCommand::Test { connection, server, json } => {
            let client = Client::new(&server)?;
            let id = find(&client, &connection).await?;
            let started = client.post(&format!("/v1/connections/{id}/test"), &json!({})).await?;
            watch(&client, &started, json).await
        }
    }
}

async fn upload(client: &Client, name: &str, file: &Path) -> Result<Value> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let file_name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    client.upload("/v1/connections/files", name, &file_name, &bytes).await
}

async fn bound(client: &Client, connection: &str, rows: &str) -> Result<ExitCode> {
    let rows: Option<u64> = match rows {
        "default" => None,
        number => Some(number.replace('_', "").parse().context("name a number of rows, or `default`")?),
    };
    let id = find(client, connection).await?;
    client.put(&format!("/v1/connections/{id}/bounds"), &json!({ "max_scanned_rows": rows })).await?;
    let said = rows.map_or("as the settings say".to_owned(), |rows| format!("at most {rows} rows"));
    output::line(format!("{connection}: {said}"));
    Ok(ExitCode::SUCCESS)
}

async fn writes(client: &Client, connection: &str, url: Option<String>) -> Result<ExitCode> {
    let id = find(client, connection).await?;
    client.put(&format!("/v1/connections/{id}/writes"), &json!({ "url": url })).await?;
    output::line(match url {
        Some(_) => format!("{connection}: changes can be asked for. Test it: askline connection test {connection}"),
        None => format!("{connection}: no changes"),
    });
    Ok(ExitCode::SUCCESS)
}

/// The id of a connection that is named by id or name.
pub async fn find(client: &Client, wanted: &str) -> Result<String> {
    let all = client.get("/v1/connections").await?;
    let all = all["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = all.iter().find(|connection| connection["id"] == wanted || connection["name"] == wanted);
    let id = found.and_then(|connection| connection["id"].as_str()).with_context(|| {
        let names: Vec<_> = all.iter().filter_map(|connection| connection["name"].as_str()).collect();
        format!("there is no connection {wanted:?}; there are: {}", names.join(", "))
    })?;
    Ok(id.to_owned())
}

/// What each role may see.
async fn policy(command: PolicyCommand) -> Result<ExitCode> {
    let stored = match command {
        PolicyCommand::Show { connection, server } => {
            let client = Client::new(&server)?;
            let id = find(&client, &connection).await?;
            client.get(&format!("/v1/connections/{id}/policy")).await?
        }
        PolicyCommand::Set { connection, file, server } => {
            let client = Client::new(&server)?;
            let id = find(&client, &connection).await?;
            client.put(&format!("/v1/connections/{id}/policy"), &document(&file)?).await?
        }
    };
    output::line(serde_json::to_string_pretty(&stored)?);
    Ok(ExitCode::SUCCESS)
}

fn document(file: &Path) -> Result<Value> {
    let read = match file.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    let text = read.with_context(|| format!("the policy {} cannot be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("the policy {} is no JSON", file.display()))
}

async fn list(client: &Client, json: bool) -> Result<ExitCode> {
    let all = client.get("/v1/connections").await?;
    if json {
        output::json(&all["data"])?;
        return Ok(ExitCode::SUCCESS);
    }
    for connection in all["data"].as_array().into_iter().flatten() {
        let field = |name: &str| connection[name].as_str().unwrap_or_default().to_owned();
        let status = match field("status").as_str() {
            "ready" => output::out("ready ", output::GREEN),
            "failed" => output::out("failed", output::RED),
            _ => "new   ".to_owned(),
        };
        output::line(format!(
            "{status}  {}  {}  {}  {}",
            field("id"),
            field("dialect"),
            field("name"),
            field("status_message")
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Follows a test to its end.
async fn watch(client: &Client, started: &Value, json: bool) -> Result<ExitCode> {
    let Some(response) = started["response_id"].as_str() else { bail!("the server did not start a test") };
    let last = client
        .follow(response, |event| {
            if json {
                return output::json(event);
            }
            show(event);
            Ok(())
        })
        .await?;
    let passed = last["type"] == "response.completed";
    if !json && !passed {
        let message = last["response"]["error"]["message"].as_str().unwrap_or("the test did not end");
        output::note(format!("{} {message}", output::out("failed:", output::RED)));
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(event: &Value) {
    match event["type"].as_str().unwrap_or_default() {
        "response.askline.step.completed" => {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            output::line(format!("{}: {}", text("step"), text("detail")));
        }
        "response.askline.notice" => output::note(event["message"].as_str().unwrap_or_default()),
        "response.completed" => {
            let said = event["response"]["output"][0]["content"][0]["text"].as_str().unwrap_or_default();
            output::line(output::out(said, output::GREEN));
        }
        _ => {}
    }
}

/// A URL with a password stays out of the list of processes.
fn from_env(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("the environment variable {name} holds no URL"))
}

fn from_stdin() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("the URL cannot be read from standard input")?;
    Ok(line.trim().to_owned())
}
