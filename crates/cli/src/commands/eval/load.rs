//! The questions of a suite, with the SQL that was recorded for them.

use super::Missing;
use crate::args::{EvalData, EvalReplay};
use anyhow::{Context, Result};
use contracts::Dialect;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

const GOLD: &str = "gold";

/// A question, the right SQL and the recorded SQL.
#[derive(Clone, Debug)]
pub struct Question {
    pub id: String,
    /// The database's name in the data, which the connection bears too.
    pub database: String,
    pub dialect: Dialect,
    pub text: String,
    pub gold: String,
    pub recorded: String,
}

/// What to play.
#[derive(Debug)]
pub struct Recording {
    /// The file that the replay provider reads.
    pub path: PathBuf,
    pub suite: String,
    /// As asked for: empty is the main model.
    pub model: String,
    /// For people.
    pub model_name: String,
    pub questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Asked {
    id: String,
    suite: String,
    db: String,
    dialect: String,
    question: String,
    gold_sql: String,
}

#[derive(Deserialize)]
struct Recorded {
    id: String,
    suite: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    predicted_sql: Option<String>,
    #[serde(default)]
    candidates: BTreeMap<String, Candidate>,
}

#[derive(Deserialize)]
struct Candidate {
    #[serde(default)]
    sql: Option<String>,
}

impl Recorded {
    fn sql_by(mut self, model: &str) -> Option<String> {
        if model.is_empty() { self.predicted_sql } else { self.candidates.remove(model)?.sql }
    }
}

/// Reads the questions of the suite and the SQL recorded for each by the model.
pub fn load(args: &EvalReplay) -> Result<Recording> {
    exists(&args.replay)?;
    let questions = questions_file(&args.of)?;
    let (suite, asked) = (&args.of.suite, asked(&questions, &args.of.suite)?);
    let (path, model_name, sql) = match args.model.as_str() {
        GOLD => (questions, GOLD.to_owned(), gold(&asked)),
        model => {
            let (name, sql) = recorded(&args.replay, suite, model)?;
            (args.replay.clone(), name, sql)
        }
    };
    let questions = join(asked, sql)?;
    Ok(Recording { path, suite: suite.clone(), model: args.model.clone(), model_name, questions })
}

/// Reads the questions of the suite; the gold SQL stands for what was recorded.
pub fn questions(args: &EvalData) -> Result<Vec<Question>> {
    let asked = asked(&questions_file(args)?, &args.suite)?;
    let gold = gold(&asked);
    join(asked, gold)
}

fn questions_file(args: &EvalData) -> Result<PathBuf> {
    let file = args.data.join("questions.jsonl");
    exists(&file)?;
    Ok(file)
}

fn exists(file: &Path) -> Result<()> {
    if file.is_file() {
        return Ok(());
    }
    Err(Missing(format!("{} is not here: name the evaluation's data with --data (and --replay)", file.display()))
        .into())
}

fn asked(file: &Path, suite: &str) -> Result<Vec<Asked>> {
    let mut suites = BTreeSet::new();
    let mut asked = Vec::new();
    for line in lines::<Asked>(file)? {
        let line = line?;
        if line.suite == suite {
            asked.push(line);
        } else {
            suites.insert(line.suite);
        }
    }
    if asked.is_empty() {
        return Err(Missing(format!("there is no suite {suite:?}; there is: {}", list(suites))).into());
    }
    Ok(asked)
}

fn gold(asked: &[Asked]) -> HashMap<String, String> {
    asked.iter().map(|asked| (asked.id.clone(), asked.gold_sql.clone())).collect()
}

/// The model's name, and its SQL by the id of the question.
fn recorded(file: &Path, suite: &str, model: &str) -> Result<(String, HashMap<String, String>)> {
    let mut models = BTreeSet::from([GOLD.to_owned()]);
    let mut name = model.to_owned();
    let mut sql = HashMap::new();
    for line in lines::<Recorded>(file)? {
        let line = line?;
        if line.suite != suite {
            continue;
        }
        models.extend(line.candidates.keys().cloned());
        if model.is_empty() {
            name = line.model.clone();
        }
        let id = line.id.clone();
        sql.extend(line.sql_by(model).map(|sql| (id, sql)));
    }
    if sql.is_empty() {
        let whose = if model.is_empty() { "a main model".to_owned() } else { format!("{model:?}") };
        let known = list(models);
        return Err(Missing(format!("no SQL of {suite} is recorded by {whose}; --model can be: {known}")).into());
    }
    Ok((name, sql))
}

fn join(asked: Vec<Asked>, mut sql: HashMap<String, String>) -> Result<Vec<Question>> {
    let known = asked.into_iter().filter_map(|asked| Some((sql.remove(&asked.id)?, asked)));
    known.map(|(recorded, asked)| question(asked, recorded)).collect()
}

fn question(asked: Asked, recorded: String) -> Result<Question> {
    let dialect = Dialect::parse(&asked.dialect);
    let dialect = dialect.with_context(|| format!("{}: there is no dialect {:?}", asked.id, asked.dialect))?;
    Ok(Question { id: asked.id, database: asked.db, dialect, text: asked.question, gold: asked.gold_sql, recorded })
}

fn lines<T: DeserializeOwned>(file: &Path) -> Result<impl Iterator<Item = Result<T>>> {
    let path = file.display().to_string();
    let opened = File::open(file).with_context(|| format!("{path} cannot be read"))?;
    let numbered = (1..).zip(BufReader::new(opened).lines());
    let filled = numbered.filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
    Ok(filled.map(move |(number, line)| {
        let parsed = line.map_err(anyhow::Error::from).and_then(|line| Ok(serde_json::from_str(&line)?));
        parsed.with_context(|| format!("line {number} of {path} is no record"))
    }))
}

fn list(names: BTreeSet<String>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}
