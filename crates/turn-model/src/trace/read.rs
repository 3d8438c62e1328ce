use super::{Act, Step};
use serde::Deserialize;
use std::collections::BTreeMap;

const TARGET: &str = "askline::protocol";

/// What one process wrote to its log, as JSON lines.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// A name for the process. Each start of a process is one of its own.
    pub process: &'a str,
    /// The lines. Those that are not steps of the protocol are left out.
    pub text: &'a str,
}

/// A line that says that it is a step and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "line {line} of the log of {process} is no step of the protocol ({reason}): write logs and model of one version"
)]
pub struct ReadError {
    process: String,
    line: usize,
    reason: String,
}

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    #[serde(default)]
    turn: String,
    /// The task that works on a delivery; a process works on several at a time.
    #[serde(default)]
    task: String,
    #[serde(flatten)]
    act: Act,
}

/// The steps of each turn, by its id, in the order in which they were told. The processes' clocks must agree to
/// well under a millisecond, as those of one machine do.
pub fn traces(logs: &[Log<'_>]) -> Result<BTreeMap<String, Vec<Step>>, ReadError> {
    let mut lines = Vec::new();
    for log in logs {
        for (at, text) in log.text.lines().enumerate().filter(|(_, text)| text.contains(TARGET)) {
            let line = serde_json::from_str::<Line>(text).map_err(|error| ReadError {
                process: log.process.to_owned(),
                line: at + 1,
                reason: error.to_string(),
            })?;
            lines.push((log.process, line));
        }
    }
    lines.sort_by(|(_, one), (_, other)| one.timestamp.cmp(&other.timestamp));
    let mut turns: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for (process, line) in lines {
        let actor = format!("{process}#{}", line.task);
        turns.entry(turn_of(&line)).or_default().push(Step { actor, act: line.act });
    }
    Ok(turns)
}

/// A hop's id begins with its turn.
fn turn_of(line: &Line) -> String {
    if !line.turn.is_empty() {
        return line.turn.clone();
    }
    line.act.hop().split('/').next().unwrap_or_default().to_owned()
}
