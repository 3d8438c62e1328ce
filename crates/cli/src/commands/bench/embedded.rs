//! Whole turns in embedded mode: one process, SQLite, no server. Only the language model and the source are replaced.

use super::cpu;
use super::fixed;
use super::load::{Faults, Load};
use super::pipeline::bar;
use super::report::{Spread, rounded};
use super::trial::{connection, seat};
use crate::args::BenchEmbedded;
use crate::{output, process};
use anyhow::{Context, Result, bail};
use app::{Roles, Shutdown};
use indicatif::ProgressBar;
use serde::Serialize;
use settings::{Mode, Secret, Settings};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What was measured. Field names are for programs and stay.
#[derive(Debug, Serialize)]
struct Report {
    turns: usize,
    concurrency: usize,
    turns_per_s: f64,
    /// One at a time.
    #[serde(flatten)]
    single: Spread,
    load: Spread,
    #[serde(flatten)]
    faults: Faults,
    cpu_s_per_1000_turns: Option<f64>,
    /// With the clients.
    peak_mib: Option<f64>,
}

/// Measures, prints, and leaves nothing behind. Exit code 1 when anything was lost, doubled or not answered.
pub async fn run(config: Option<PathBuf>, args: BenchEmbedded) -> Result<ExitCode> {
    if args.turns == 0 || args.concurrency == 0 || args.single == 0 {
        bail!("--turns, --concurrency and --single want at least 1");
    }
    let mut settings = process::settings(config)?;
    settings.telemetry.log = "warn".into();
    let _telemetry = process::telemetry(&settings, "bench")?;
    let folder = match &args.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let folder = folder.context("no folder for the measurement can be made")?;
    let report = tokio::select! {
        report = measure(settings, &args, folder.path()) => report?,
        stopped = app::until_signal() => {
            stopped?;
            bail!("stopped before the measurement was done");
        }
    };
    report.print(args.json)?;
    Ok(if report.faults.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(mut settings: Settings, args: &BenchEmbedded, folder: &Path) -> Result<Report> {
    settings.mode = Mode::Embedded;
    settings.server.listen = "127.0.0.1:0".to_owned();
    settings.embedded.data_dir = folder.to_owned();
    settings.admission.interactive.share = u32::MAX;
    settings.turn.single_flight = false;
    settings.sources.max_in_flight = u32::MAX;
    settings.secrets.jwt_secret = Secret::new(app::random_secret());
    let roles = Roles::all();
    let composed = app::compose(&mut settings, &roles, fixed::overrides()).await?;
    let seat = seat();
    seat.create(&composed.ports, &app::random_secret()).await?;
    connection().create(&composed.ports, &settings).await?;
    let token = seat.token(&composed.ports, &settings).await?;
    let shutdown = Shutdown::default();
    let running = app::start(&settings, &roles, composed, shutdown.clone()).await?;
    let address = running.address.context("the API does not listen")?.to_string();
    let bar = bar(args.warmup + args.turns + args.single);
    let load = |turns, concurrency| Load { address: address.clone(), token: token.clone(), turns, concurrency };
    let report = under_load(load, args, &bar).await;
    bar.finish_and_clear();
    shutdown.drain.cancel();
    running.until_stopped().await;
    report
}

async fn under_load(load: impl Fn(usize, usize) -> Load, args: &BenchEmbedded, bar: &ProgressBar) -> Result<Report> {
    let warm = load(args.warmup, args.concurrency).run(bar).await?;
    let before = cpu::of_this_process()?;
    let loaded = load(args.turns, args.concurrency).run(bar).await?;
    let spent = cpu::of_this_process()? - before - loaded.client_cpu;
    let single = load(args.single, 1).run(bar).await?;
    let mut report = Report {
        turns: args.turns,
        concurrency: args.concurrency,
        turns_per_s: rounded(loaded.ended() as f64 / loaded.elapsed.as_secs_f64()),
        single: Spread::of(std::slice::from_ref(&single)),
        load: Spread::of(std::slice::from_ref(&loaded)),
        faults: Faults::default(),
        cpu_s_per_1000_turns: Some(rounded(spent * 1_000.0 / args.turns.max(1) as f64)),
        peak_mib: cpu::peak_mib(std::process::id()),
    };
    [warm, loaded, single].iter().for_each(|outcome| report.faults.add(outcome));
    Ok(report)
}

impl Report {
    fn print(&self, json: bool) -> Result<()> {
        if json {
            return output::json(self);
        }
        let or_unknown = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| value.to_string());
        let rows = [
            ("turns", format!("{}, {} in flight", self.turns, self.concurrency)),
            ("turns a second", self.turns_per_s.to_string()),
            ("one at a time, ms", self.single.to_string()),
            ("under load, ms", self.load.to_string()),
            ("CPU s per 1,000 turns", or_unknown(self.cpu_s_per_1000_turns)),
            ("peak MiB, with clients", or_unknown(self.peak_mib)),
        ];
        rows.into_iter().chain(self.faults.rows()).for_each(|(name, value)| output::line(format!("{name:26} {value}")));
        Ok(())
    }
}
