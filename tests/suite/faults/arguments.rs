//! What to run: `--only F09,F13 --mode embedded --questions 50 --seed 7 --minutes 10 --kills 200 --short`.

use super::installation::Mode;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    /// Rows to run; empty means all.
    pub only: Vec<String>,
    /// The only mode to run them in.
    pub mode: Option<Mode>,
    /// Questions at a time.
    pub questions: usize,
    pub seed: u64,
    /// Of the random run.
    pub minutes: Duration,
    /// Of the embedded process.
    pub kills: usize,
    /// The few rows that every run of all tests has.
    pub short: bool,
}

/// The rows of the short set.
const SHORT: &[&str] = &["F01", "F02", "F03", "F05", "F09", "F13", "F19", "F40", "F41", "F49", "KILLS"];

impl Arguments {
    pub fn read(text: &str) -> Result<Self, String> {
        let mut arguments = Self {
            only: Vec::new(),
            mode: None,
            questions: 50,
            seed: 1,
            minutes: Duration::from_secs(30 * 60),
            kills: 200,
            short: false,
        };
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            if word == "--short" {
                arguments.shorten();
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            arguments.set(word, value)?;
        }
        Ok(arguments)
    }

    fn shorten(&mut self) {
        self.short = true;
        self.questions = 20;
        self.minutes = Duration::from_secs(120);
        self.kills = 10;
        self.only = SHORT.iter().map(|id| (*id).to_owned()).collect();
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = |error: &dyn std::fmt::Display| format!("{name} {value}: {error}");
        match name {
            "--only" => self.only = value.split(',').map(str::to_owned).collect(),
            "--mode" => self.mode = Some(mode(value).ok_or_else(|| wrong(&"distributed or embedded"))?),
            "--questions" => self.questions = value.parse().map_err(|error| wrong(&error))?,
            "--seed" => self.seed = value.parse().map_err(|error| wrong(&error))?,
            "--kills" => self.kills = value.parse().map_err(|error| wrong(&error))?,
            "--minutes" => {
                let minutes: f64 = value.parse().map_err(|error| wrong(&error))?;
                self.minutes = Duration::from_secs_f64((minutes * 60.0).max(1.0));
            }
            _ => {
                return Err(format!(
                    "{name} is not known: --only, --mode, --questions, --seed, --minutes, --kills, --short"
                ));
            }
        }
        Ok(())
    }

    /// The modes to run in, in this order.
    pub fn modes(&self) -> Vec<Mode> {
        self.mode.map_or_else(|| vec![Mode::Distributed, Mode::Embedded], |only| vec![only])
    }

    pub fn wants(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == id)
    }
}

fn mode(name: &str) -> Option<Mode> {
    match name {
        "distributed" => Some(Mode::Distributed),
        "embedded" => Some(Mode::Embedded),
        _ => None,
    }
}

#[test]
fn arguments_are_read_and_a_wrong_one_is_named() {
    let read = Arguments::read("--only F09,F13 --questions 5 --minutes 0.5").unwrap();
    assert!(read.wants("F13") && !read.wants("F01"));
    assert_eq!((read.questions, read.minutes), (5, Duration::from_secs(30)));
    assert_eq!(read.modes(), [Mode::Distributed, Mode::Embedded]);
    assert_eq!(Arguments::read("--mode embedded").unwrap().modes(), [Mode::Embedded]);
    assert!(Arguments::read("--mode both").unwrap_err().contains("--mode both"));
    let short = Arguments::read("--short").unwrap();
    assert!(short.wants("F01") && short.wants("KILLS") && !short.wants("F06"));
    assert!(Arguments::read("--sed 3").unwrap_err().contains("--sed"));
    assert!(Arguments::read("--seed x").unwrap_err().contains("--seed x"));
}
