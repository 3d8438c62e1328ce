//! The fault suite: real servers, real processes, one fault at a time among many questions, and a recorder that
//! decides from what was seen alone whether the promises held. See docs/faults.md.

mod actions;
mod arguments;
mod case;
mod client;
mod evidence;
mod expectations;
mod http;
mod installation;
mod llm;
mod load;
mod question;
mod random;
mod recorder;
mod report;
mod runner;
mod servers;
mod setup;
mod stage;
mod table;
mod tenants;

use arguments::Arguments;
use case::{BOTH, Case, Row};
use installation::{Mode, Programs};
use report::Result;
use runner::{Runner, artifacts};
use std::time::Instant;
use testkit::{binary, faults_binary};

/// Runs only when it is asked for (`ops/test-faults.sh` does), since it takes long and a machine for itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fault_suite() {
    let Ok(asked) = std::env::var("ASKLINE_FAULTS") else {
        eprintln!("skipped: make test-faults runs the fault suite");
        return;
    };
    let arguments = Arguments::read(&asked).unwrap_or_else(|wrong| panic!("ASKLINE_FAULTS: {wrong}"));
    let started = Instant::now();
    let rows = table::rows();
    let results = match arguments.short {
        true => side_by_side(&arguments, &rows).await,
        false => one_after_the_other(&arguments, &rows).await,
    };
    conclude(&results, &rows, started);
}

/// The table of each mode and the random run, each on servers of its own: most of the time is spent waiting.
async fn side_by_side(arguments: &Arguments, rows: &[Row]) -> Vec<Result> {
    let (table, random, embedded) = tokio::join!(
        async { in_table(&mut runner(arguments), Mode::Distributed, rows).await },
        async { at_random(&mut runner(arguments), Mode::Distributed, rows).await },
        all_in(Mode::Embedded, arguments, rows),
    );
    table.into_iter().chain(random).chain(embedded).collect()
}

/// So that the figures are those of one installation that has the machine for itself.
async fn one_after_the_other(arguments: &Arguments, rows: &[Row]) -> Vec<Result> {
    let mut results = all_in(Mode::Distributed, arguments, rows).await;
    results.extend(all_in(Mode::Embedded, arguments, rows).await);
    results
}

async fn all_in(mode: Mode, arguments: &Arguments, rows: &[Row]) -> Vec<Result> {
    let mut runner = runner(arguments);
    let mut results = in_table(&mut runner, mode, rows).await;
    results.extend(at_random(&mut runner, mode, rows).await);
    results
}

fn runner(arguments: &Arguments) -> Runner {
    Runner::new(arguments.clone(), Programs { release: binary(), faults: faults_binary() })
}

async fn in_table(runner: &mut Runner, mode: Mode, rows: &[Row]) -> Vec<Result> {
    let mut results = Vec::new();
    for row in rows {
        if runner.arguments.wants(row.id) {
            runner.row(row, mode, &mut results).await;
        }
    }
    results
}

async fn at_random(runner: &mut Runner, mode: Mode, rows: &[Row]) -> Option<Result> {
    let begun = evidence::now_ms();
    let (id, findings) = match mode {
        Mode::Distributed if runner.arguments.wants("F49") => ("F49", random::processes(runner).await),
        Mode::Embedded if runner.arguments.wants("KILLS") => ("KILLS", random::embedded(runner).await),
        _ => return None,
    };
    let row = rows.iter().find(|row| row.id == id).expect("its row");
    let case = Case::new(format!("seed {}", runner.arguments.seed), BOTH, Vec::new());
    let result = Result::new(row, &case, mode, findings, evidence::now_ms() - begun);
    eprintln!("{}", result.line());
    println!("{}", serde_json::to_string(&result).expect("JSON"));
    Some(result)
}

fn conclude(results: &[Result], rows: &[Row], started: Instant) {
    let table = report::table(results, rows);
    println!("{table}");
    let file = artifacts().join("faults.json");
    let json = serde_json::to_string_pretty(results).expect("JSON");
    std::fs::write(&file, json).expect("the report can be written");
    std::fs::write(file.with_extension("md"), &table).expect("the table can be written");
    println!("{} runs in {:?}; the whole report: {}", results.len(), started.elapsed(), file.display());
    let failed: Vec<String> = results.iter().filter(|result| !result.passed()).map(Result::name).collect();
    assert!(failed.is_empty(), "these runs failed: {failed:#?}");
}
