//! One process of an installation that is measured: a role over real servers, with the stand-ins of the measurement for
//! language model and source.

use super::fixed;
use super::fleet;
use crate::args::BenchRole;
use crate::{output, process};
use anyhow::{Result, anyhow};
use app::{Roles, Shutdown};
use std::path::PathBuf;
use std::process::ExitCode;

/// Works until it is told to stop.
pub async fn run(config: Option<PathBuf>, args: BenchRole) -> Result<ExitCode> {
    let mut settings = process::settings(config)?;
    let roles = match args.role.as_str() {
        "api" => Roles::api(),
        "sweep" => Roles::sweep(),
        kind => Roles::workers(&[kind.to_owned()]).map_err(|message| anyhow!(message))?,
    };
    let _telemetry = process::telemetry(&settings, &roles.name())?;
    let shutdown = Shutdown::on_signals()?;
    let composed = app::compose(&mut settings, &roles, fixed::overrides()).await?;
    let running = app::start(&settings, &roles, composed, shutdown).await?;
    output::line(fleet::ready(running.address));
    running.until_stopped().await;
    Ok(ExitCode::SUCCESS)
}
