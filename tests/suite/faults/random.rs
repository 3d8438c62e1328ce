//! Random kills: of any process of a distributed installation for some minutes, and of the embedded process many times.
//! The seed decides which and when, so that a run can be had again.

use super::arguments::Arguments;
use super::evidence::now_ms;
use super::installation::{ALL, Mode};
use super::load::Load;
use super::question::Style;
use super::recorder::{Collector, Findings, judge};
use super::runner::Runner;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::{Duration, Instant};

const STYLES: &[Style] = &[Style::Paced, Style::Plain, Style::Plain];
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(250);
/// Between two kills.
const PAUSE_S: std::ops::Range<u64> = 5..20;

/// Kills any process every few seconds while questions are asked all the time.
pub async fn processes(runner: &mut Runner) -> Findings {
    let Arguments { seed, minutes, questions, .. } = runner.arguments.clone();
    let mut random = StdRng::seed_from_u64(seed);
    // Some questions wait in line, so that the dispatcher has work when it dies.
    let admission = ("ASKLINE_ADMISSION__INTERACTIVE", "{share=3,window=64,max_waiting=1000,deadline_s=0}".to_owned());
    let (servers, installation) = runner.plain(Mode::Distributed, vec![admission]).await;
    let run = format!("random-{seed}");
    // One of them goes on from step to step, and the others have what it leaves behind.
    installation.start_together("generate_sql");
    let collector = Collector::begin(&run, servers, installation).await;
    let mut load = Load::new(run, vec![installation.access(0), installation.access(1)]).asked_by(3);
    let roles = installation.roles();
    let end = Instant::now() + minutes;
    let mut next_kill = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        load.ask(questions.saturating_sub(load.open()).min(1), STYLES);
        if Instant::now() >= next_kill {
            let role = &roles[random.random_range(0..roles.len())];
            eprintln!("    kill -9 {role}");
            installation.kill(role);
            installation.start_role(role, &[]);
            next_kill = Instant::now() + Duration::from_secs(random.random_range(PAUSE_S));
        }
        tokio::time::sleep(BETWEEN_QUESTIONS).await;
    }
    let over = now_ms();
    let first_probe = load.count();
    load.ask(2, &[Style::Probe]);
    let asked = load.all().await;
    let recovery = asked[first_probe..].iter().filter_map(|probe| Some(probe.ended_ms? - over)).max();
    let mut evidence = collector.collect(asked, servers, installation).await;
    evidence.recovery_ms = recovery;
    evidence.modelled = true;
    judge(&evidence)
}

/// Kills the one process of an embedded installation at random moments, and checks everything after each start.
pub async fn embedded(runner: &mut Runner) -> Findings {
    let Arguments { seed, kills, .. } = runner.arguments.clone();
    let mut sum = Findings::default();
    let (servers, installation) = runner.plain(Mode::Embedded, Vec::new()).await;
    for kill in 0..kills {
        // Each kill has a seed of its own: a run may begin anywhere.
        let mut random = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(kill as u64));
        let run = format!("kill-{seed}-{kill}");
        let collector = Collector::begin(&run, servers, installation).await;
        let mut load = Load::new(run, vec![installation.access(0), installation.access(1)]).asked_by(2);
        load.ask(8, STYLES);
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1_500))).await;
        installation.kill(ALL);
        installation.start_role(ALL, &[]);
        let over = now_ms();
        load.ask(1, &[Style::Probe]);
        let asked = load.all().await;
        let recovery = asked.last().and_then(|probe| Some(probe.ended_ms? - over));
        let mut evidence = collector.collect(asked, servers, installation).await;
        evidence.recovery_ms = recovery;
        evidence.modelled = true;
        let findings = judge(&evidence);
        if !findings.violations.is_empty() || (kill + 1) % 20 == 0 {
            eprintln!("    kill {}: {:?}", kill + 1, findings.violations);
        }
        sum.add(findings);
    }
    sum
}

impl Findings {
    /// Counts together; the longest recovery.
    fn add(&mut self, other: Findings) {
        self.questions += other.questions;
        self.answered += other.answered;
        self.errors += other.errors;
        self.refused += other.refused;
        self.retries += other.retries;
        self.lost += other.lost;
        self.duplicates += other.duplicates;
        self.holes += other.holes;
        self.mismatches += other.mismatches;
        self.audit_violations += other.audit_violations;
        self.over_budget += other.over_budget;
        self.leaks += other.leaks;
        self.secrets += other.secrets;
        self.queues_not_empty += other.queues_not_empty;
        self.dead_without_error += other.dead_without_error;
        self.second_attempts += other.second_attempts;
        self.unexplained += other.unexplained;
        self.recovery_ms = self.recovery_ms.max(other.recovery_ms);
        self.violations.extend(other.violations);
    }
}
