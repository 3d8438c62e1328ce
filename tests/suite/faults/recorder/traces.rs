//! What the processes say that they did, held against the model of the protocol.

use std::collections::BTreeSet;
use turn_model::{Log, accepts, traces};

/// Why the model does not explain these turns; one line each.
pub(super) fn unexplained(logs: &[(String, String)], turns: &BTreeSet<&str>) -> Vec<String> {
    let logs: Vec<Log> = logs.iter().map(|(process, text)| Log { process, text: whole_lines(text) }).collect();
    let mut traces = match traces(&logs) {
        Ok(traces) => traces,
        Err(unreadable) => return vec![unreadable.to_string()],
    };
    traces.retain(|turn, _| turns.contains(turn.as_str()));
    let rejected = traces.iter().filter_map(|(turn, trace)| Some(format!("{turn}: {}", accepts(trace).err()?)));
    rejected.collect()
}

/// A process that was killed may have begun a line.
fn whole_lines(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..=end])
}
