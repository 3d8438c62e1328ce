//! What a turn costs while many others wait in line, and how much memory our processes use by then.

use super::cpu::{Cpu, Meter};
use super::report::rounded;
use super::trial::{BUSINESS, Layout, Trial, connection, seat};
use crate::args::BenchWaiting;
use crate::{output, process};
use anyhow::{Context, Result, bail};
use app::SystemClock;
use contracts::job::Classify;
use contracts::{BusinessId, Envelope, Lane, Meta, TurnId};
use ports::Clock;
use ports::line::Beginning;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Turns in flight. The others wait.
const SHARE: u32 = 64;
/// Stands for a turn's id where it is not known yet.
const NAMELESS: &str = "resp_nameless";
const QUESTION: &str = "Which ten paid orders are the largest, and who placed them?";
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// Without any turn that goes on for so long, those that wait are lost.
const PATIENCE: Duration = Duration::from_secs(60);
const DAY_MS: i64 = 86_400_000;
/// What the log begins with.
const CREATED: &str = r#"{"type":"response.created"}"#;

/// One length of the line. Field names are for programs and stay.
#[derive(Debug, Serialize)]
struct Report {
    waiting: u64,
    /// Turns that left the line while it was measured.
    turns: u64,
    turns_per_s: f64,
    cpu_s_per_1000_turns: Cpu,
    cpu_s_per_1000_turns_all: Option<f64>,
    /// The most memory that a process of each role used.
    peak_mib: BTreeMap<String, f64>,
}

/// Measures each length on an installation of its own, and leaves nothing behind.
pub async fn run(config: Option<PathBuf>, args: BenchWaiting) -> Result<ExitCode> {
    let settings = process::settings(config.clone())?;
    let _telemetry = process::telemetry(&settings, "bench")?;
    for waiting in &args.waiting {
        let most = u32::try_from(*waiting).context("--waiting takes no more than four billion")?;
        let trial = Trial::create(config.clone(), SHARE, most).await?;
        let measured = tokio::select! {
            measured = measure(&trial, *waiting, args.turns) => measured,
            stopped = app::until_signal() => {
                stopped?;
                Err(anyhow::anyhow!("stopped before the measurement was done"))
            }
        };
        let removed = trial.remove().await;
        measured?.print(args.json)?;
        removed?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(trial: &Trial, waiting: u64, turns: u64) -> Result<Report> {
    trial.prepare().await?;
    let at_work = trial.start(Layout::Processes(1)).await?;
    let (pids, _) = at_work.pids();
    let meter = Meter::new(&trial.urls, pids);
    let line = Line { trial, beginning: beginning()?, waiting };
    let spent = line.drain(&meter, turns).await;
    let peak_mib = at_work.peak_mib();
    at_work.stop().await;
    let (turns, took, spent) = spent?;
    let share = spent.times(1_000.0 / turns.max(1) as f64);
    Ok(Report {
        waiting,
        turns,
        turns_per_s: rounded(turns as f64 / took.as_secs_f64()),
        cpu_s_per_1000_turns_all: share.servers().map(rounded),
        cpu_s_per_1000_turns: share.map(rounded),
        peak_mib,
    })
}

/// A line that is kept at its length until enough turns have left it.
struct Line<'a> {
    trial: &'a Trial,
    beginning: String,
    waiting: u64,
}

impl Line<'_> {
    /// Waits until the statements of so many turns have run. What a longer line holds by then is left.
    async fn drain(&self, meter: &Meter, turns: u64) -> Result<(u64, Duration, Cpu)> {
        let mut lined_up = self.extend(0, self.waiting + u64::from(SHARE)).await?;
        let first = self.executed().await?;
        let (before, started) = (meter.read(), Instant::now());
        let (mut known, mut moved) = (first, Instant::now());
        while known - first < turns {
            tokio::time::sleep(LOOK_EVERY).await;
            let executed = self.executed().await?;
            if executed > known {
                (known, moved) = (executed, Instant::now());
            }
            if moved.elapsed() > PATIENCE {
                bail!("{known} turns of the line went on, and no other one for {PATIENCE:?}");
            }
            if lined_up < turns + self.waiting {
                lined_up = self.extend(lined_up, known + self.waiting + u64::from(SHARE)).await?;
            }
        }
        Ok((known - first, started.elapsed(), meter.read().since(before)))
    }

    /// Lets the line grow up to a place. Says where it ends.
    async fn extend(&self, end: u64, to: u64) -> Result<u64> {
        if to > end {
            self.trial.database.line_up(BUSINESS, &self.beginning, NAMELESS, end + 1..=to).await?;
        }
        Ok(end.max(to))
    }

    async fn executed(&self) -> Result<u64> {
        self.trial.database.executed(BUSINESS).await
    }
}

/// All that it takes to begin a turn, as the API keeps it.
fn beginning() -> Result<String> {
    let (seat, connection, now_ms) = (seat(), connection(), SystemClock::default().now_ms());
    let meta = Meta {
        turn: TurnId::from(NAMELESS),
        business: BusinessId::from(BUSINESS),
        user: seat.user,
        conversation: None,
        connection: Some(connection.id),
        created_ms: now_ms,
        deadline_ms: now_ms + DAY_MS,
        spent: Default::default(),
        lane: Lane::Interactive,
        replay_of: None,
    };
    let job = Classify { question: QUESTION.to_owned(), shared_schema_ms: None };
    let beginning =
        Beginning { envelope: Envelope::first(meta, 1, &job)?, events: vec![CREATED.to_owned()], traceparent: None };
    Ok(serde_json::to_string(&beginning)?)
}

impl Report {
    fn print(&self, json: bool) -> Result<()> {
        if json {
            return output::json(self);
        }
        let all = self.cpu_s_per_1000_turns_all.map_or("unknown".to_owned(), |all| all.to_string());
        let peaks: Vec<String> = self.peak_mib.iter().map(|(role, peak)| format!("{role} {peak}")).collect();
        output::line(format!(
            "{} waiting: {} turns a second, {all} CPU s per 1,000 turns; peak MiB: {}",
            self.waiting,
            self.turns_per_s,
            peaks.join(", ")
        ));
        Ok(())
    }
}
