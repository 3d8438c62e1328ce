//! Recorded SQL instead of a model.

mod records;

pub use records::LoadError;

use crate::provider::{Failure, Provider, ProviderStream, classification, known_answer};
use crate::rendering;
use async_trait::async_trait;
use ports::llm::{Purpose, Request};
use records::Recorded;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// What to play.
#[derive(Clone, Debug, Default)]
pub struct ReplayConfig {
    /// The provider's name in settings.
    pub name: String,
    /// A JSONL file; each line has `suite`, `db`, `question`, and any of `predicted_sql`, `gold_sql`, `candidates`.
    pub path: PathBuf,
    /// Only records of this suite; empty means all.
    pub suite: String,
    /// Empty: `predicted_sql`. `gold`: `gold_sql`. Else the candidate of that model.
    pub model: String,
}

/// Answers with the SQL recorded for a question, as it is, on the database that bears the connection's name.
///
/// The first record of a database and question is played. Later ones with other SQL cannot be told apart by what a
/// request says, so they are left out and counted: see [`Replay::duplicates`].
pub struct Replay {
    config: ReplayConfig,
    by_database: HashMap<String, HashMap<String, Recorded>>,
    records: usize,
    duplicates: usize,
}

impl Replay {
    /// Reads the file named in the configuration.
    pub fn load(config: ReplayConfig) -> Result<Self, LoadError> {
        let file = File::open(&config.path)
            .map_err(|source| LoadError::Read { path: config.path.display().to_string(), source })?;
        Self::read(config, BufReader::new(file))
    }

    /// Reads records from anywhere.
    pub fn read(config: ReplayConfig, lines: impl BufRead) -> Result<Self, LoadError> {
        let mut replay = Self { config, by_database: HashMap::new(), records: 0, duplicates: 0 };
        let found = records::read(&replay.config, lines)?;
        for (database, question, sql) in found {
            replay.add(database, question, sql);
        }
        Ok(replay)
    }

    fn add(&mut self, database: String, question: String, sql: String) {
        let questions = self.by_database.entry(database).or_default();
        self.records += 1;
        let recorded = questions.entry(question).or_insert_with(|| Recorded { sql: sql.clone(), differs: false });
        if recorded.sql != sql && !std::mem::replace(&mut recorded.differs, true) {
            self.duplicates += 1;
        }
    }

    /// The number of questions of one database that have records with different SQL, of which only the first is
    /// played.
    pub fn duplicates(&self) -> usize {
        self.duplicates
    }

    /// The number of records of the suite that have SQL by the model, duplicates included.
    pub fn statements(&self) -> usize {
        self.records
    }

    fn sql(&self, request: &Request) -> Result<&str, Failure> {
        let Some(database) = request.connection_name.as_deref() else {
            return Err(abstain("Recorded SQL needs a database, and the question names none."));
        };
        let recorded = self.by_database.get(database).and_then(|questions| questions.get(&request.question));
        recorded.map(|recorded| recorded.sql.as_str()).ok_or_else(|| {
            abstain("No SQL is recorded for this question on this database; ask one of the recorded questions.")
        })
    }
}

fn abstain(sentence: &str) -> Failure {
    Failure::Abstained(sentence.into())
}

#[async_trait]
impl Provider for Replay {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn model(&self) -> &str {
        if self.config.model.is_empty() { "recorded" } else { &self.config.model }
    }

    fn attempts(&self) -> u32 {
        1
    }

    async fn stream(&self, request: &Request) -> Result<ProviderStream, Failure> {
        let answer = match (request.purpose, request.result.as_deref()) {
            (Purpose::Classify, _) => classification("sql"),
            (Purpose::GenerateSql, _) => self.sql(request)?.to_owned(),
            (Purpose::Reply, Some(result)) => rendering::plain_text(result),
            (Purpose::Reply, None) => "Recorded SQL answers questions about data, nothing else.".into(),
        };
        Ok(known_answer(None, &answer, None))
    }

    async fn check(&self) -> Result<String, String> {
        Ok(format!("has {} recorded statements", self.records))
    }
}
