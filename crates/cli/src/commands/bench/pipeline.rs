//! Whole turns through RabbitMQ, Redis and PostgreSQL, beside a raw relay. Only the language model and the source are
//! replaced.

use super::counters::Counters;
use super::cpu::{Cpu, Meter};
use super::load::{Load, Outcome};
use super::peers::{self, Like, Peer};
use super::relay::Relay;
use super::report::{Report, Spread};
use super::trial::{AtWork, BUSINESS, Layout, Trial};
use crate::args::BenchPipeline;
use crate::process;
use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const RELAY_TIME: Duration = Duration::from_secs(3);
/// Turns of a business in flight.
const NOBODY_WAITS: u32 = 1_000_000;
const RELAY_WARM_UP: Duration = Duration::from_secs(1);

/// Measures, prints, and leaves nothing behind. Exit code 1 when anything was lost, doubled or not answered.
pub async fn run(config: Option<PathBuf>, args: BenchPipeline) -> Result<ExitCode> {
    let mut settings = process::settings(config.clone())?;
    if std::io::stderr().is_terminal() && settings.telemetry.log == "info" {
        settings.telemetry.log = "warn".into();
    }
    let _telemetry = process::telemetry(&settings, "bench")?;
    check(&args)?;
    let programs = args.peers.as_deref().map(peers::programs).transpose()?.unwrap_or_default();
    for program in &programs {
        peers::install(program).await?;
    }
    let trial = Trial::create(config, NOBODY_WAITS, NOBODY_WAITS).await?.shared_by(args.processes.unwrap_or(1));
    let measured = tokio::select! {
        measured = measure(&trial, &args, &programs) => measured,
        stopped = app::until_signal() => match stopped {
            Ok(()) => Err(anyhow::anyhow!("stopped before the measurement was done")),
            Err(error) => Err(error.into()),
        },
    };
    let removed = trial.remove().await;
    let report = measured?;
    removed?;
    report.print(args.json)?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(args: &BenchPipeline) -> Result<()> {
    if args.turns < args.rounds || args.rounds == 0 || args.concurrency == 0 || args.single == 0 {
        bail!("--rounds, --concurrency and --single want at least 1, and --turns at least as many as --rounds");
    }
    Ok(())
}

async fn measure(trial: &Trial, args: &BenchPipeline, programs: &[PathBuf]) -> Result<Report> {
    trial.prepare().await?;
    let at_work = trial.start(args.processes.map_or(Layout::OneProcess, Layout::Processes)).await?;
    let progress = bar(args.warmup + args.turns + args.single);
    let bench = Bench { trial, args, programs, at_work: &at_work, progress };
    let report = bench.run().await;
    bench.progress.finish_and_clear();
    at_work.stop().await;
    report
}

/// How far the questions are. Hidden by itself where standard error is no terminal.
pub fn bar(questions: usize) -> ProgressBar {
    let bar = ProgressBar::new(questions as u64);
    match ProgressStyle::with_template("{msg:14} {wide_bar} {pos}/{len}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

struct Bench<'a> {
    trial: &'a Trial,
    args: &'a BenchPipeline,
    programs: &'a [PathBuf],
    at_work: &'a AtWork,
    progress: ProgressBar,
}

/// What the rounds under load came to.
#[derive(Default)]
struct Rounds {
    relays: Vec<f64>,
    outcomes: Vec<Outcome>,
    cpu: Option<Cpu>,
}

impl Bench<'_> {
    async fn run(&self) -> Result<Report> {
        let (pids, with_clients) = self.at_work.pids();
        let meter = Meter::new(&self.trial.urls, pids);
        let warm = self.load("warming up", self.args.warmup, self.args.concurrency).await?;
        let message_bytes = self.trial.database.job_bytes(BUSINESS).await?;
        let relay = self.relay(message_bytes);
        relay.run(RELAY_WARM_UP).await?;
        let before = Counters::read();
        let rounds = self.rounds(&relay, &meter, with_clients).await?;
        let after = Counters::read();
        let single = self.load("one at a time", self.args.single, 1).await?;
        let peak_mib = self.at_work.peak_mib();
        let peers = self.peers(message_bytes).await?;
        let recorded = self.trial.database.recorded(BUSINESS).await?;

        let mut report = Report::new(self.args, rounds.relays, message_bytes.round());
        report.add_load(&rounds.outcomes);
        report.single = Spread::of(std::slice::from_ref(&single));
        for outcome in [&warm, &single].into_iter().chain(&rounds.outcomes) {
            report.add_faults(outcome);
        }
        report.check_records(recorded);
        report.set_cpu(rounds.cpu.unwrap_or_default());
        report.store_batch = means(&before, &after, telemetry::names::STORE_BATCH, "write", 1.0);
        report.hop_ms = means(&before, &after, telemetry::names::PROCESS_DURATION, "kind", 1_000.0);
        report.peak_mib = peak_mib;
        report.add_peers(peers);
        report.notes.extend(meter.notes);
        Ok(report)
    }

    /// Relay and pipeline in turns, so that what else the machine does falls on both.
    async fn rounds(&self, relay: &Relay, meter: &Meter, with_clients: bool) -> Result<Rounds> {
        let mut rounds = Rounds::default();
        for round in 0..self.args.rounds {
            rounds.relays.push(self.measure_relay(relay).await?);
            let turns = self.args.turns / self.args.rounds + usize::from(round < self.args.turns % self.args.rounds);
            let before = meter.read();
            let outcome = self.load("under load", turns, self.args.concurrency).await?;
            let mut spent = meter.read().since(before);
            spent.client = Some(outcome.client_cpu);
            if with_clients {
                spent.askline = spent.askline.map(|all| all - outcome.client_cpu);
            }
            rounds.cpu = Some(rounds.cpu.map_or(spent, |sum| sum.plus(spent)));
            rounds.outcomes.push(outcome);
        }
        rounds.relays.push(self.measure_relay(relay).await?);
        Ok(rounds)
    }

    /// Our processes stand still meanwhile.
    async fn peers(&self, bytes: f64) -> Result<Vec<Peer>> {
        let prefix = &self.trial.settings.broker.prefix;
        let steps = self.trial.relay_names().len();
        let like = Like { urls: &self.trial.urls, prefix, bytes, steps, concurrency: self.args.concurrency };
        let mut peers = Vec::new();
        for program in self.programs {
            self.progress.set_message("a peer");
            peers.push(peers::measure(program, &like).await?);
        }
        Ok(peers)
    }

    async fn measure_relay(&self, relay: &Relay) -> Result<f64> {
        self.progress.set_message("raw relay");
        relay.run(RELAY_TIME).await
    }

    fn relay(&self, message_bytes: f64) -> Relay {
        Relay {
            url: self.trial.urls.broker.clone(),
            queues: self.trial.relay_names(),
            bytes: message_bytes.round() as usize,
            concurrency: self.args.concurrency,
            prefetch: self.trial.settings.workers.prefetch,
        }
    }

    async fn load(&self, name: &'static str, turns: usize, concurrency: usize) -> Result<Outcome> {
        self.progress.set_message(name);
        let (address, token) = (self.at_work.address.clone(), self.at_work.token.clone());
        Load { address, token, turns, concurrency }.run(&self.progress).await
    }
}

fn means(before: &Counters, after: &Counters, histogram: &str, label: &str, unit: f64) -> BTreeMap<String, f64> {
    let means = after.since(before, histogram, label);
    means.into_iter().map(|(value, mean)| (value, super::report::rounded(mean.mean * unit))).collect()
}
