//! Accuracy, measured.

mod compare;
mod databases;
mod direct;
mod load;
mod order;
mod pipeline;
mod replay;
mod report;

use crate::args::{Eval, EvalCommand};
use crate::output;
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

/// There is nothing to measure with.
const NO_DATA: u8 = 2;

/// Data, a model or a server that the command needs and does not have. The sentence says which.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Missing(String);

/// Exit code 0 when the pipeline gives what it should, 1 when not, 2 when there is nothing to measure with.
pub async fn run(config: Option<PathBuf>, args: Eval) -> Result<ExitCode> {
    let EvalCommand::Replay(args) = args.command;
    match replay::run(config, args).await {
        Err(error) if error.is::<Missing>() => {
            output::error(&error);
            Ok(ExitCode::from(NO_DATA))
        }
        outcome => outcome,
    }
}
