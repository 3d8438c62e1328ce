//! What the processes say that they do is a run of the model: whole turns in both modes, and workers killed in the
//! middle. A trace that was tampered with is not.

use std::path::Path;
use std::time::{Duration, Instant};
use testkit::{Client, Embedded, Processes, binary, faults_binary, free_port};
use turn_model::{Act, Log, Rejected, Step, accepts, traces};

const QUESTIONS: &[&str] = &[
    "How many customers do we have?",
    "How many orders are there per status?",
    "Hello!",
    "Which customers will leave us next year, and why?",
];
const PATIENCE: Duration = Duration::from_secs(60);

fn telling() -> (&'static str, String) {
    ("ASKLINE_TELEMETRY__LOG", "info,askline::protocol=debug".to_owned())
}

/// The logs of processes, also of those that have ended: the name of each, and what it wrote.
type Logs = Vec<(String, String)>;

fn collect(processes: &Processes, logs: &mut Logs) {
    logs.extend(processes.running.values().map(|process| (process.id().to_string(), process.log())));
}

fn trace_of(logs: &Logs, turn: &str) -> Vec<Step> {
    let logs: Vec<_> = logs.iter().map(|(process, text)| Log { process, text }).collect();
    traces(&logs).unwrap().remove(turn).unwrap_or_else(|| panic!("{turn} is in no log"))
}

fn is_settled(act: &Act) -> bool {
    matches!(act, Act::Acked { .. } | Act::Buried { .. })
}

/// The last hop of a turn is acked after its terminal event: its trace is whole a moment after the client has it.
async fn whole_trace(turn: &str, mut logs: impl FnMut() -> Logs) -> Vec<Step> {
    let started = Instant::now();
    loop {
        let trace = trace_of(&logs(), turn);
        let end = trace.iter().find(|step| matches!(step.act, Act::Committed { ends: true, .. }));
        let is_whole = |end: &Step| trace.iter().any(|step| step.act.hop() == end.act.hop() && is_settled(&step.act));
        if end.is_some_and(is_whole) {
            return trace;
        }
        assert!(started.elapsed() < PATIENCE, "the trace of {turn} does not end: {trace:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn accepted(trace: &[Step]) {
    assert!(trace.len() >= 5, "more than a hop was told: {trace:#?}");
    accepts(trace).unwrap_or_else(|rejected| panic!("{rejected}\n{trace:#?}"));
}

async fn ask_all(mut client: Client) -> Vec<String> {
    let mut turns = Vec::new();
    for question in QUESTIONS {
        turns.push(client.ask(question).await.check().id().to_owned());
    }
    turns
}

#[tokio::test(flavor = "multi_thread")]
async fn the_turns_of_one_embedded_process_are_runs_of_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let running = Embedded::start(&binary(), &folder, free_port(), &[telling()]).await;
    for turn in ask_all(running.client()).await {
        accepted(&whole_trace(&turn, || vec![("embedded".to_owned(), running.process.log())]).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_turns_of_many_processes_are_runs_of_the_model() {
    let processes = Processes::start(&binary(), &[telling()]).await;
    let logs = || {
        let mut logs = Logs::new();
        collect(&processes, &mut logs);
        logs
    };
    let turns = ask_all(processes.client()).await;
    for turn in &turns {
        accepted(&whole_trace(turn, logs).await);
    }
    tampered_with(&whole_trace(&turns[0], logs).await);
}

fn place(trace: &[Step], is_it: impl Fn(&Act) -> bool) -> usize {
    trace.iter().position(|step| is_it(&step.act)).unwrap_or_else(|| panic!("no such step: {trace:#?}"))
}

fn refused(trace: &[Step], at: usize, reason: &str) {
    match accepts(trace).expect_err("the model does not allow it") {
        Rejected::Impossible { at: found, reason: why, .. } if found == at && why.contains(reason) => {}
        other => panic!("not at {at} because of {reason:?}: {other}"),
    }
}

/// What was accepted as it was is refused with a second commit, or with an ack before its publish.
fn tampered_with(trace: &[Step]) {
    let commit = place(trace, |act| matches!(act, Act::Committed { .. }));
    let mut twice = trace.to_vec();
    twice.insert(commit + 1, twice[commit].clone());
    refused(&twice, commit + 1, "an outcome already");

    let hop = trace[commit].act.hop();
    let publish = place(trace, |act| matches!(act, Act::Published { hop: of } if of == hop));
    let ack = place(trace, |act| matches!(act, Act::Acked { hop: of } if of == hop));
    let mut early = trace.to_vec();
    let ack = early.remove(ack);
    early.insert(publish, ack);
    refused(&early, publish, "not published");
}

/// A hop was claimed twice, or found done.
fn came_again(trace: &[Step]) -> bool {
    let claims = trace.iter().filter(|step| matches!(step.act, Act::Claimed { .. }));
    let mut hops: Vec<_> = claims.map(|step| step.act.hop()).collect();
    let all = hops.len();
    hops.dedup();
    hops.len() < all || trace.iter().any(|step| matches!(step.act, Act::Repeated { .. }))
}

/// A short lease, so that a dead worker's claim is soon over.
fn settings(pause: &str, reached: &Path) -> Vec<(&'static str, String)> {
    vec![
        telling(),
        ("ASKLINE_WORKERS__LEASE_MS", "1500".to_owned()),
        ("ASKLINE_WORKERS__RENEW_MS", "400".to_owned()),
        ("ASKLINE_PAUSE", format!("{pause}:{}", reached.display())),
    ]
}

async fn until_exists(file: &Path) {
    let started = Instant::now();
    while !file.exists() {
        assert!(started.elapsed() < PATIENCE, "{} was not reached", file.display());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_turn_of_a_killed_worker_is_a_run_of_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let mut processes = Processes::start(&faults_binary(), &[telling()]).await;
    let mut dead = Logs::new();
    for (role, point) in [("classify", "before_work"), ("generate_sql", "after_commit"), ("reply", "before_ack")] {
        let reached = folder.path().join(role);
        processes.running.remove(role).unwrap().terminate();
        processes.start_role(role, &settings(&format!("{role}:{point}"), &reached));
        processes.until_ready().await;
        let mut client = processes.client();
        let asking = tokio::spawn(async move { client.ask(QUESTIONS[0]).await });
        until_exists(&reached).await;
        let mut killed = processes.running.remove(role).unwrap();
        killed.kill();
        dead.push((killed.id().to_string(), killed.log()));
        processes.start_role(role, &settings("none:none", &reached));
        let transcript = asking.await.unwrap();
        let logs = || {
            let mut logs = dead.clone();
            collect(&processes, &mut logs);
            logs
        };
        let trace = whole_trace(transcript.check().id(), logs).await;
        accepted(&trace);
        assert!(came_again(&trace), "{role} {point}: it was killed: {trace:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_turn_of_a_killed_embedded_process_is_a_run_of_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let (port, reached) = (free_port(), folder.path().join("reached"));
    let mut first = Embedded::start(&faults_binary(), &folder, port, &settings("reply:before_work", &reached)).await;
    let mut client = first.client();
    let asking = tokio::spawn(async move { client.ask(QUESTIONS[0]).await });
    until_exists(&reached).await;
    first.process.kill();
    let second = Embedded::start(&faults_binary(), &folder, port, &[telling()]).await;
    let transcript = asking.await.unwrap();
    let logs = || vec![("first".to_owned(), first.process.log()), ("second".to_owned(), second.process.log())];
    accepted(&whole_trace(transcript.check().id(), logs).await);
}
