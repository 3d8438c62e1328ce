//! The file of recorded SQL.

use super::ReplayConfig;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

/// Why a file of recorded SQL cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be opened or read.
    #[error("the recorded SQL in {path} cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A line is no record.
    #[error("line {line} of {path} is no record of SQL: {source}")]
    Parse {
        /// The file.
        path: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// No record is of the suite.
    #[error("no SQL is recorded for the suite \"{suite}\"; there is: {known}")]
    Suite {
        /// As asked for.
        suite: String,
        /// What there is.
        known: String,
    },
    /// No record is by the model.
    #[error("no SQL is recorded by the model \"{model}\"; there is: {known}")]
    Model {
        /// As asked for.
        model: String,
        /// What there is.
        known: String,
    },
}

/// The SQL of one question.
pub(super) struct Recorded {
    pub(super) sql: String,
    /// True when a later record has other SQL.
    pub(super) differs: bool,
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    suite: String,
    db: String,
    question: String,
    #[serde(default)]
    predicted_sql: Option<String>,
    #[serde(default)]
    gold_sql: Option<String>,
    #[serde(default)]
    candidates: BTreeMap<String, Candidate>,
}

#[derive(Deserialize)]
struct Candidate {
    #[serde(default)]
    sql: Option<String>,
}

impl Record {
    fn sql_by(&mut self, model: &str) -> Option<String> {
        match model {
            "" => self.predicted_sql.take(),
            "gold" => self.gold_sql.take(),
            name => self.candidates.remove(name)?.sql,
        }
    }

    fn models(&self) -> impl Iterator<Item = String> {
        let gold = self.gold_sql.is_some().then(|| "gold".to_owned());
        gold.into_iter().chain(self.candidates.keys().cloned())
    }
}

/// Database, question and SQL of each record that the configuration asks for, in file order.
pub(super) fn read(config: &ReplayConfig, lines: impl BufRead) -> Result<Vec<(String, String, String)>, LoadError> {
    let mut found = Vec::new();
    let (mut suites, mut models) = (BTreeSet::new(), BTreeSet::new());
    let mut in_suite = false;
    for (index, line) in lines.lines().enumerate() {
        let Some(mut record) = parse(config, index + 1, line)? else { continue };
        if !config.suite.is_empty() && record.suite != config.suite {
            suites.insert(record.suite);
            continue;
        }
        in_suite = true;
        models.extend(record.models());
        if let Some(sql) = record.sql_by(&config.model) {
            found.push((record.db, record.question, sql));
        }
    }
    if !in_suite {
        return Err(LoadError::Suite { suite: config.suite.clone(), known: list(suites) });
    }
    if found.is_empty() {
        return Err(LoadError::Model { model: config.model.clone(), known: list(models) });
    }
    Ok(found)
}

fn parse(config: &ReplayConfig, number: usize, line: io::Result<String>) -> Result<Option<Record>, LoadError> {
    let path = || config.path.display().to_string();
    let line = line.map_err(|source| LoadError::Read { path: path(), source })?;
    if line.trim().is_empty() {
        return Ok(None);
    }
    let record = serde_json::from_str(&line);
    record.map(Some).map_err(|source| LoadError::Parse { path: path(), line: number, source })
}

fn list(names: BTreeSet<String>) -> String {
    if names.is_empty() {
        return "nothing".into();
    }
    names.into_iter().collect::<Vec<_>>().join(", ")
}
