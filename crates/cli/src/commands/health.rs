use crate::args::Health;
use crate::output;
use anyhow::Result;
use std::process::ExitCode;
use std::time::Duration;

/// Asks a process whether it is well: for health checks of containers.
pub async fn run(args: Health) -> Result<ExitCode> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build()?;
    let answer = client.get(&args.url).send().await?;
    let status = answer.status();
    output::line(answer.text().await?);
    Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
