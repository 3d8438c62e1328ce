//! Measures speed.

mod counters;
mod cpu;
mod database;
mod embedded;
mod fixed;
mod fleet;
mod load;
mod peers;
mod pipeline;
mod relay;
mod report;
mod role;
mod tally;
mod trial;
mod waiting;

use crate::args::{Bench, BenchCommand};
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs a measurement.
pub async fn run(config: Option<PathBuf>, args: Bench) -> Result<ExitCode> {
    match args.command {
        BenchCommand::Pipeline(pipeline) => pipeline::run(config, pipeline).await,
        BenchCommand::Waiting(waiting) => waiting::run(config, waiting).await,
        BenchCommand::Embedded(embedded) => embedded::run(config, embedded).await,
        BenchCommand::Role(role) => role::run(config, role).await,
    }
}
