//! Accuracy, measured.

mod compare;
mod databases;
mod direct;
mod load;
mod order;
mod pipeline;
mod replay;
mod report;
mod rules;

use crate::args::{Eval, EvalCommand};
use crate::output;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
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
    let outcome = match args.command {
        EvalCommand::Replay(args) => replay::run(config, args).await,
        EvalCommand::Rules(args) => rules::run(config, args).await,
    };
    match outcome {
        Err(error) if error.is::<Missing>() => {
            output::error(&error);
            Ok(ExitCode::from(NO_DATA))
        }
        outcome => outcome,
    }
}

/// On standard error, and on a terminal only.
fn progress(questions: usize) -> ProgressBar {
    let bar = ProgressBar::new(questions as u64);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
