//! What every long-running command does first.

use anyhow::Result;
use settings::{LogFormat, Settings, Source};
use std::path::PathBuf;

/// Reads the settings of this process.
pub fn settings(config: Option<PathBuf>) -> Result<Settings> {
    Ok(settings::load(&Source::from_process(config))?)
}

/// Starts logs, traces and metrics for a role.
pub fn telemetry(settings: &Settings, role: &str) -> Result<telemetry::Guard> {
    let logs = telemetry::Logs {
        filter: format!("{},async_openai=off,lapin=off", settings.telemetry.log),
        json: match settings.telemetry.format {
            LogFormat::Auto => None,
            LogFormat::Text => Some(false),
            LogFormat::Json => Some(true),
        },
        otlp_endpoint: settings.telemetry.otlp_endpoint.clone(),
        otlp_headers: settings.telemetry.otlp_headers.reveal().to_owned(),
        role: role.to_owned(),
    };
    Ok(telemetry::setup(&logs)?)
}

/// The folder of the demo's data: named, or in the user's data folder.
pub fn demo_folder(named: Option<PathBuf>) -> PathBuf {
    named.unwrap_or_else(|| data_home().join("askline").join("demo"))
}

fn data_home() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_DATA_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local").join("share")))
        .unwrap_or_else(std::env::temp_dir)
}
