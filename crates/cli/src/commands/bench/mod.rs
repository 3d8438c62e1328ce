//! Measures speed.

mod counters;
mod cpu;
mod database;
mod fixed;
mod load;
mod pipeline;
mod relay;
mod report;
mod tally;
mod trial;

use crate::args::{Bench, BenchCommand};
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs a measurement.
pub async fn run(config: Option<PathBuf>, args: Bench) -> Result<ExitCode> {
    match args.command {
        BenchCommand::Pipeline(pipeline) => pipeline::run(config, pipeline).await,
    }
}
