//! The fault suite: real servers, real processes, one fault at a time among many questions, and a recorder that
//! decides from what was seen alone whether the promises held. See docs/faults.md.

mod actions;
mod arguments;
mod case;
mod client;
mod disk;
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
use std::thread::JoinHandle;
use std::time::Instant;
use testkit::{binary, faults_binary};
use tokio::runtime::Builder;

/// Runs only when it is asked for (`ops/test-faults.sh` does), since it takes long and a machine for itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fault_suite() {
    let Ok(asked) = std::env::var("ASKLINE_FAULTS") else {
        eprintln!("skipped: make test-faults runs the fault suite");
        return;
    };
    let arguments = Arguments::read(&asked).unwrap_or_else(|wrong| panic!("ASKLINE_FAULTS: {wrong}"));
    let started = Instant::now();
    let results = match arguments.short {
        true => side_by_side(&arguments),
        false => one_after_the_other(&arguments).await,
    };
    conclude(&results, &table::rows(), started);
}

/// The table of each mode and the random run, each on a runtime and servers of its own: most of the time is spent
/// waiting, and what blocks one must not hold up the others.
fn side_by_side(arguments: &Arguments) -> Vec<Result> {
    let [table, random, embedded] = [(); 3].map(|()| arguments.clone());
    let parts = [
        apart(move || in_table(table, Mode::Distributed)),
        apart(move || at_random_alone(random, Mode::Distributed)),
        apart(move || all_in(embedded, Mode::Embedded)),
    ];
    let join = |part: JoinHandle<Vec<Result>>| part.join().expect("a part of the suite does not panic");
    tokio::task::block_in_place(|| parts.into_iter().flat_map(join).collect())
}

fn apart<F: Future<Output = Vec<Result>>>(part: impl FnOnce() -> F + Send + 'static) -> JoinHandle<Vec<Result>> {
    std::thread::spawn(move || {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(part())
    })
}

/// So that the figures are those of one installation that has the machine for itself.
async fn one_after_the_other(arguments: &Arguments) -> Vec<Result> {
    let mut results = Vec::new();
    for mode in arguments.modes() {
        results.extend(all_in(arguments.clone(), mode).await);
    }
    results
}

async fn all_in(arguments: Arguments, mode: Mode) -> Vec<Result> {
    let mut runner = runner(arguments);
    let mut results = table_of(&mut runner, mode).await;
    results.extend(at_random(&mut runner, mode).await);
    results
}

async fn in_table(arguments: Arguments, mode: Mode) -> Vec<Result> {
    table_of(&mut runner(arguments), mode).await
}

async fn at_random_alone(arguments: Arguments, mode: Mode) -> Vec<Result> {
    at_random(&mut runner(arguments), mode).await.into_iter().collect()
}

fn runner(arguments: Arguments) -> Runner {
    Runner::new(arguments, Programs { release: binary(), faults: faults_binary() })
}

async fn table_of(runner: &mut Runner, mode: Mode) -> Vec<Result> {
    let mut results = Vec::new();
    for row in table::rows() {
        if runner.arguments.wants(row.id) {
            runner.row(&row, mode, &mut results).await;
        }
    }
    results
}

async fn at_random(runner: &mut Runner, mode: Mode) -> Option<Result> {
    let begun = evidence::now_ms();
    let (id, findings) = match mode {
        Mode::Distributed if runner.arguments.wants("F49") => ("F49", random::processes(runner).await),
        Mode::Embedded if runner.arguments.wants("KILLS") => ("KILLS", random::embedded(runner).await),
        _ => return None,
    };
    let rows = table::rows();
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
    let failed: Vec<String> = results.iter().filter(|result| !result.passed()).map(Result::line).collect();
    assert!(failed.is_empty(), "these runs failed:\n{}", failed.join("\n"));
}
