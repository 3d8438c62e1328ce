//! The audit on the command line.

mod args;
mod list;
mod verify;

pub use args::Audit;

use crate::{output, process};
use anyhow::Result;
use app::AuditDesk;
use args::{AuditCommand, Head};
use contracts::BusinessId;
use settings::Settings;
use std::path::PathBuf;
use std::process::ExitCode;

/// Lists the audit, prints its ends, or checks it.
pub async fn run(config: Option<PathBuf>, audit: Audit) -> Result<ExitCode> {
    match audit.command {
        AuditCommand::List(args) => list::run(config, args).await,
        AuditCommand::Head(args) => heads(&process::settings(config)?, args).await,
        AuditCommand::Verify(args) => Ok(verify::run(config, args).await),
    }
}

async fn heads(settings: &Settings, args: Head) -> Result<ExitCode> {
    let desk = AuditDesk::open(settings).await?;
    let business = args.business.map(BusinessId);
    let heads = desk.heads(business.as_ref()).await?;
    if args.json {
        output::json(&heads)?;
        return Ok(ExitCode::SUCCESS);
    }
    for head in &heads {
        output::line(format!("{} {} {}", head.business, head.seq, head.hash));
    }
    if heads.is_empty() {
        output::note("No chain has begun: nothing has run yet.");
    }
    Ok(ExitCode::SUCCESS)
}
