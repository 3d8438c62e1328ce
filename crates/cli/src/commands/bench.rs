use crate::args::Bench;
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

pub async fn run(_config: Option<PathBuf>, _args: Bench) -> Result<ExitCode> {
    anyhow::bail!("not built yet")
}
