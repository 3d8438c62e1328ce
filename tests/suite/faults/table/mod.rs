//! The faults of the security document, each as data: what is asked, what happens, what must come of it.

mod input;
mod models;
mod network;
mod servers;
mod sources;
mod workers;

use super::case::Row;

/// Every row, those that are not run with their reason.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(workers::rows());
    rows.extend(servers::rows());
    rows.extend(sources::rows());
    rows.extend(input::rows());
    rows.extend(models::rows());
    rows.extend(network::rows());
    rows.extend(missing());
    rows.sort_by_key(|row| (!row.id.starts_with('F'), row.id));
    rows
}

fn missing() -> Vec<Row> {
    vec![
        Row::missing("F04", "kill -9 of the indexer", "there is no indexer"),
        Row::missing("F36", "a client goes and comes back", "in the tests of the API (socket, relay)"),
        Row::missing("F37", "a slow client", "in the tests of the API (socket_limits)"),
        Row::missing("F38", "5,000 clients come back at once", "not on this suite's two cores"),
        Row::missing("F42", "the index is down", "there is no index"),
        Row::missing("F43", "a backfill is killed", "there is no backfill"),
        Row::new("F49", "any process, at random", "everywhere", Vec::new()),
        Row::new("KILLS", "the embedded process, at random", "everywhere", Vec::new()),
    ]
}

#[test]
fn every_row_is_run_or_says_why_not() {
    let rows = rows();
    for number in 1..=49 {
        let id = format!("F{number:02}");
        let row = rows.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("{id} is not in the table"));
        let runs = !row.cases.is_empty() || id == "F49";
        assert!(runs != row.missing.is_some(), "{id} is either run or says why not");
    }
}
