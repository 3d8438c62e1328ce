//! What a person sees of the desk.

use crate::commands::time;
use crate::output;
use anyhow::Result;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The first line of an error says most.
const SHOWN_ERROR: usize = 90;

/// A list of dead jobs.
pub fn table(list: &Value, as_json: bool) -> Result<ExitCode> {
    if as_json {
        output::json(list)?;
        return Ok(ExitCode::SUCCESS);
    }
    let jobs = list["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    for job in jobs {
        let text = |name: &str| job[name].as_str().unwrap_or_default().to_owned();
        let error: String = text("error").lines().next().unwrap_or_default().chars().take(SHOWN_ERROR).collect();
        let at = time::show(job["at_ms"].as_i64().unwrap_or_default());
        output::line(format!("{}  {at}  {:8}  {}  {}  {error}", text("id"), text("state"), text("kind"), text("code")));
    }
    let total = list["total"].as_u64().unwrap_or_default();
    output::note(match total {
        0 => "No dead jobs.".to_owned(),
        total if total > jobs.len() as u64 => format!("{} of {total} dead jobs.", jobs.len()),
        1 => "1 dead job.".to_owned(),
        total => format!("{total} dead jobs."),
    });
    Ok(ExitCode::SUCCESS)
}

/// One dead job.
pub fn detail(job: &Value, as_json: bool) -> Result<ExitCode> {
    if as_json {
        output::json(job)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, value) in job.as_object().into_iter().flatten() {
        let shown = match value {
            Value::Null => continue,
            Value::Number(number) if name.ends_with("_ms") => time::show(number.as_i64().unwrap_or_default()),
            Value::String(text) => text.clone(),
            other => serde_json::to_string_pretty(other)?,
        };
        output::line(format!("{}: {shown}", name.trim_end_matches("_ms")));
    }
    Ok(ExitCode::SUCCESS)
}

/// What was done.
pub fn summary(done_word: &str, done: u64, failed: u64, as_json: bool) -> Result<ExitCode> {
    if as_json {
        output::json(&json!({ done_word: done, "failed": failed }))?;
    } else {
        output::line(format!("{done} {done_word}, {failed} failed."));
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
