//! Reads the JSON logs of processes, one file for each, and says of every turn whether the model explains it:
//! `cargo run -p turn-model --example accept -- worker-1.log worker-2.log`

// An example speaks to a person.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;
use turn_model::{Log, accepts, traces};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let texts = files.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    let logs: Vec<_> = files.iter().zip(&texts).map(|(process, text)| Log { process, text }).collect();
    let mut code = ExitCode::SUCCESS;
    for (turn, trace) in traces(&logs)? {
        match accepts(&trace) {
            Ok(()) => println!("{turn}: {} steps, accepted", trace.len()),
            Err(rejected) => {
                println!("{turn}: {rejected}");
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
