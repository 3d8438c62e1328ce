use crate::args::Ask;
use crate::client::Client;
use crate::commands::{approval, connection, demo};
use crate::{output, process};
use anyhow::{Context, Result};
use app::Shutdown;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

const SHOWN_ROWS: usize = 20;
const WIDEST_CELL: usize = 40;

/// Asks a question and shows the answer as it arrives. Exit code 1 when there is none.
pub async fn run(config: Option<PathBuf>, args: Ask) -> Result<ExitCode> {
    if args.demo {
        return alone(config, args).await;
    }
    ask(&Client::new(&args.server)?, &args).await
}

/// In this process, on the sample shop, in a folder that is gone afterwards unless one is named.
async fn alone(config: Option<PathBuf>, args: Ask) -> Result<ExitCode> {
    let mut settings = process::settings(config)?;
    settings.server.listen = "127.0.0.1:0".into();
    settings.telemetry.log = "error".into();
    let _telemetry = process::telemetry(&settings, "demo")?;
    let temporary = tempfile::tempdir().context("no temporary folder can be made")?;
    let folder = args.server.data_dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    let shutdown = Shutdown::default();
    let (demo, running) = demo::start(&mut settings, &folder, shutdown.clone()).await?;
    let answered = ask(&Client::of(&demo)?, &args).await;
    shutdown.drain.cancel();
    running.until_stopped().await;
    answered
}

async fn ask(client: &Client, args: &Ask) -> Result<ExitCode> {
    let mut body = json!({"model": "askline", "input": args.question});
    if let Some(name) = &args.connection {
        body["connection"] = json!(connection::find(client, name).await?);
    }
    if let Some(conversation) = &args.conversation {
        body["conversation"] = json!(conversation);
    }
    let mut screen = Screen { steps: std::io::stderr().is_terminal(), in_text: false };
    let last = client
        .ask(&body, |event| {
            if args.json {
                return output::json(event);
            }
            screen.show(event);
            Ok(())
        })
        .await?;
    let answered = last["type"] == "response.completed";
    if !args.json && !answered {
        output::note(format!("{} {}", output::paint("no answer:", output::RED, screen.steps), reason(&last)));
    }
    Ok(if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn reason(last: &Value) -> &str {
    let response = &last["response"];
    response["error"]["message"]
        .as_str()
        .or(response["incomplete_details"]["reason"].as_str())
        .unwrap_or("the server did not say why")
}

/// The answer on standard output; what leads to it on standard error.
struct Screen {
    steps: bool,
    in_text: bool,
}

impl Screen {
    fn show(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "response.askline.step.completed" if self.steps => self.step(event),
            "response.askline.notice" => self.aside(event["message"].as_str().unwrap_or_default()),
            "response.askline.sql.rejected" => {
                self.aside(&format!("rejected: {}", event["message"].as_str().unwrap_or_default()));
            }
            "response.askline.sql.generated" => {
                let sql = event["sql"].as_str().unwrap_or_default();
                output::line(format!("{}\n", output::out(sql.trim(), output::DIM)));
            }
            "response.askline.rows" => rows(event),
            "response.askline.approval.required" => approval::show_request(event),
            "response.output_text.delta" => {
                self.in_text = true;
                output::text(event["delta"].as_str().unwrap_or_default());
            }
            "response.askline.step.started" if event["attempt"].as_u64() > Some(1) => self.aside("starting again"),
            "response.completed" if self.in_text => output::line(""),
            _ => {}
        }
    }

    fn step(&self, event: &Value) {
        let step = event["step"].as_str().unwrap_or_default();
        let detail = event["detail"].as_str().unwrap_or_default();
        let ms = event["duration_ms"].as_u64().unwrap_or(0);
        self.aside(&format!("{step}: {detail} ({ms} ms)"));
    }

    fn aside(&self, text: &str) {
        output::note(output::paint(text, output::DIM, self.steps));
    }
}

/// A table with the first rows.
pub fn rows(event: &Value) {
    let names = event["columns"].as_array().into_iter().flatten();
    let header: Vec<String> = names.map(|column| cell(&column["name"])).collect();
    let all = event["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let body: Vec<Vec<String>> =
        all.iter().take(SHOWN_ROWS).map(|row| row.as_array().into_iter().flatten().map(cell).collect()).collect();
    let width = |column: usize| {
        let cells = body.iter().filter_map(|row| row.get(column)).chain(header.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    output::line(output::out(&line(&header, &widths), output::BOLD));
    body.iter().for_each(|row| output::line(line(row, &widths)));
    let count = event["row_count"].as_u64().unwrap_or(0);
    if count > body.len() as u64 {
        output::line(output::out(&format!("… {count} rows in all"), output::DIM));
    }
    output::line("");
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

/// A cell on one line: control characters would drive the terminal.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(WIDEST_CELL).collect()
}
