use crate::args::{Serve, Worker};
use crate::process;
use anyhow::{Result, anyhow};
use app::{Overrides, Roles, Shutdown};
use settings::{Mode, Settings};
use std::path::PathBuf;
use std::process::ExitCode;

/// Every role.
pub async fn everything(config: Option<PathBuf>, args: Serve) -> Result<ExitCode> {
    run(with_listen(process::settings(config)?, args), Roles::all()).await
}

/// The API alone.
pub async fn api(config: Option<PathBuf>, args: Serve) -> Result<ExitCode> {
    run(distributed_only(with_listen(process::settings(config)?, args), "api")?, Roles::api()).await
}

/// Workers of some kinds.
pub async fn workers(config: Option<PathBuf>, args: Worker) -> Result<ExitCode> {
    let roles = Roles::workers(&args.kinds).map_err(|message| anyhow!(message))?;
    run(distributed_only(process::settings(config)?, "worker")?, roles).await
}

/// The sweeper alone.
pub async fn sweep(config: Option<PathBuf>) -> Result<ExitCode> {
    run(distributed_only(process::settings(config)?, "sweep")?, Roles::sweep()).await
}

fn with_listen(mut settings: Settings, args: Serve) -> Settings {
    if let Some(listen) = args.listen {
        settings.server.listen = listen;
    }
    settings
}

/// In embedded mode all roles share one process, so a single one could never be asked.
fn distributed_only(settings: Settings, command: &str) -> Result<Settings> {
    match settings.mode {
        Mode::Distributed => Ok(settings),
        Mode::Embedded => Err(anyhow!(
            "`askline {command}` needs mode = \"distributed\" (ASKLINE_MODE=distributed) and RabbitMQ, Redis and \
             PostgreSQL; without servers run `askline serve`, which does everything in one process"
        )),
    }
}

async fn run(mut settings: Settings, roles: Roles) -> Result<ExitCode> {
    let _telemetry = process::telemetry(&settings, &roles.name())?;
    let shutdown = Shutdown::on_signals()?;
    let composed = app::compose_patiently(&mut settings, &roles, Overrides::default(), &shutdown).await?;
    let running = app::start(&settings, &roles, composed, shutdown).await?;
    match running.address {
        Some(address) => tracing::info!(%address, roles = roles.name(), "ready"),
        None => tracing::info!(roles = roles.name(), "ready"),
    }
    running.until_stopped().await;
    Ok(ExitCode::SUCCESS)
}
