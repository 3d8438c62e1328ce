//! The figures of a measurement.

use super::cpu::Cpu;
use super::database::Recorded;
use super::load::{Faults, Outcome};
use super::peers::Peer;
use crate::args::BenchPipeline;
use crate::output;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything that was measured. Field names are for programs and stay.
#[derive(Debug, Serialize)]
pub struct Report {
    turns: usize,
    concurrency: usize,
    turns_per_s: f64,
    /// One at a time.
    #[serde(flatten)]
    pub single: Spread,
    load: Spread,
    raw_relay_per_s: f64,
    raw_relay_runs: Vec<f64>,
    ratio: f64,
    #[serde(flatten)]
    faults: Faults,
    /// What the store kept is what the clients heard: turns, audit rows, calls, outcomes.
    recorded: bool,
    message_bytes: f64,
    events_per_turn: f64,
    outcomes_per_turn: f64,
    cpu_s_per_1000_turns: Cpu,
    cpu_s_per_1000_turns_all: Option<f64>,
    /// Writes that shared a commit, by kind of write.
    pub store_batch: BTreeMap<String, f64>,
    /// From delivery to settlement, by kind of job.
    pub hop_ms: BTreeMap<String, f64>,
    /// Processes for each kind of job; everything is in one process when it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes_per_kind: Option<usize>,
    /// The most memory that a process of each role used, of the clients' too where they are in it.
    pub peak_mib: BTreeMap<String, f64>,
    /// What else could be used, measured in the same run.
    pub peers: Vec<Peer>,
    /// What could not be measured, and why.
    pub notes: Vec<String>,
    #[serde(skip)]
    answered: u64,
}

/// How long turns took, milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Spread {
    p50_ms: f64,
    p99_ms: f64,
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {}, p99 {}", self.p50_ms, self.p99_ms)
    }
}

impl Spread {
    /// Over every turn of these outcomes.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let tallies = outcomes.iter().flat_map(|outcome| &outcome.tallies);
        let mut all: Vec<Duration> = tallies.flat_map(|tally| tally.latencies.iter().copied()).collect();
        all.sort_unstable();
        let at = |share: f64| {
            let last = all.len().saturating_sub(1);
            let time = all.get((share * last as f64).round() as usize).copied().unwrap_or_default();
            rounded(time.as_secs_f64() * 1_000.0)
        };
        Self { p50_ms: at(0.5), p99_ms: at(0.99) }
    }
}

impl Report {
    /// With the figures of the raw relay.
    pub fn new(args: &BenchPipeline, relays: Vec<f64>, message_bytes: f64) -> Self {
        let mean = relays.iter().sum::<f64>() / relays.len().max(1) as f64;
        Self {
            turns: args.turns,
            concurrency: args.concurrency,
            turns_per_s: 0.0,
            single: Spread::default(),
            load: Spread::default(),
            raw_relay_per_s: rounded(mean),
            raw_relay_runs: relays.into_iter().map(rounded).collect(),
            ratio: 0.0,
            faults: Faults::default(),
            recorded: false,
            message_bytes,
            events_per_turn: 0.0,
            outcomes_per_turn: 0.0,
            cpu_s_per_1000_turns: Cpu::default(),
            cpu_s_per_1000_turns_all: None,
            store_batch: BTreeMap::new(),
            hop_ms: BTreeMap::new(),
            processes_per_kind: args.processes,
            peak_mib: BTreeMap::new(),
            peers: Vec::new(),
            notes: Vec::new(),
            answered: 0,
        }
    }

    /// Figures of what else could be used; the rounds under load are known by then.
    pub fn add_peers(&mut self, peers: Vec<Peer>) {
        let lost = peers.iter().filter(|peer| peer.lost > 0);
        self.notes
            .extend(lost.map(|peer| format!("{} lost {} chains: its rate counts the others", peer.name, peer.lost)));
        let compared = |peer: Peer| Peer { turns_to_chains: rounded(self.turns_per_s / peer.chains_per_s), ..peer };
        self.peers = peers.into_iter().map(compared).collect();
    }

    /// The rounds under load.
    pub fn add_load(&mut self, outcomes: &[Outcome]) {
        let seconds: f64 = outcomes.iter().map(|outcome| outcome.elapsed.as_secs_f64()).sum();
        let tallies = || outcomes.iter().flat_map(|outcome| &outcome.tallies);
        let ended: usize = outcomes.iter().map(Outcome::ended).sum();
        let events: u64 = tallies().map(|tally| tally.events).sum();
        self.turns_per_s = rounded(ended as f64 / seconds);
        self.ratio = rounded(ended as f64 / seconds / self.raw_relay_per_s);
        self.events_per_turn = rounded(events as f64 / ended.max(1) as f64);
        self.load = Spread::of(outcomes);
    }

    /// What went wrong in any phase.
    pub fn add_faults(&mut self, outcome: &Outcome) {
        self.faults.add(outcome);
        for tally in &outcome.tallies {
            self.answered += tally.latencies.len() as u64 - tally.failed;
            self.notes.extend(tally.complaint.iter().map(|complaint| format!("a client heard: {complaint}")));
        }
    }

    /// Three calls and one audit row of an intent for each answer, and an outcome for each of its four steps, which may be
    /// that of the step after it, too.
    pub fn check_records(&mut self, recorded: Recorded) {
        let (turns, hops) = (self.answered, recorded.hops);
        let expected = Recorded { completed: turns, audited: turns, called: 3 * turns, hops };
        self.recorded = recorded == expected && (turns..=4 * turns).contains(&hops);
        self.outcomes_per_turn = rounded(hops as f64 / turns.max(1) as f64);
        if !self.recorded {
            self.notes.push(format!("the store kept {recorded:?}, expected was {expected:?}"));
        }
    }

    /// Processor time over all rounds under load.
    pub fn set_cpu(&mut self, spent: Cpu) {
        let share = spent.times(1_000.0 / self.turns.max(1) as f64);
        self.cpu_s_per_1000_turns_all = share.servers().map(rounded);
        self.cpu_s_per_1000_turns = share.map(rounded);
    }

    /// True when nothing was lost, doubled, left out or unanswered.
    pub fn is_sound(&self) -> bool {
        self.faults.is_none() && self.recorded
    }

    /// One JSON value, or a table for people.
    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            return output::json(self);
        }
        self.rows()
            .into_iter()
            .chain(self.faults.rows())
            .for_each(|(name, value)| output::line(format!("{name:26} {value}")));
        for peer in &self.peers {
            output::line(format!(
                "{:26} {} chains a second, p50 {} ms; our turns for each of them: {}",
                format!("{} {}", peer.name, peer.version),
                peer.chains_per_s,
                peer.p50_ms,
                peer.turns_to_chains
            ));
        }
        self.notes.iter().for_each(output::note);
        Ok(())
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let cpu = &self.cpu_s_per_1000_turns;
        let or_unknown = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| value.to_string());
        let list = |values: &BTreeMap<String, f64>| {
            values.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
        };
        vec![
            ("turns", format!("{}, {} in flight", self.turns, self.concurrency)),
            ("turns a second", self.turns_per_s.to_string()),
            ("raw relay a second", format!("{} ({:?})", self.raw_relay_per_s, self.raw_relay_runs)),
            ("ratio", self.ratio.to_string()),
            ("one at a time, ms", self.single.to_string()),
            ("under load, ms", self.load.to_string()),
            ("store agrees", self.recorded.to_string()),
            ("CPU s per 1,000 turns", or_unknown(self.cpu_s_per_1000_turns_all)),
            ("  askline", or_unknown(cpu.askline)),
            ("  RabbitMQ", or_unknown(cpu.broker)),
            ("  Redis", or_unknown(cpu.redis)),
            ("  PostgreSQL", or_unknown(cpu.store)),
            ("  clients, not in the sum", or_unknown(cpu.client)),
            ("events a turn", self.events_per_turn.to_string()),
            ("outcomes a turn", self.outcomes_per_turn.to_string()),
            ("bytes of a job", self.message_bytes.to_string()),
            ("writes a commit", list(&self.store_batch)),
            ("a hop, ms", list(&self.hop_ms)),
            ("peak MiB", list(&self.peak_mib)),
        ]
    }
}

/// Three decimals are enough for people and programs.
pub fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
