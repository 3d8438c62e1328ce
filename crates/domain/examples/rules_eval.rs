//! Answers questions by the rules, for scoring.
//!
//! `rules_eval <schema folder> [dialect] < questions.jsonl`: each line holds `id`, `schema` (the name of `<schema>.json` in the
//! folder) and `question`; each line printed holds `id` and either `sql` and `confidence`, or `abstained` and `message`.

use std::{
    collections::HashMap,
    io::{BufRead, Write},
    path::Path,
};

use contracts::{Dialect, Schema};
use serde::Deserialize;

#[derive(Deserialize)]
struct Question {
    id: String,
    schema: String,
    question: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("the first argument is the folder of schemas")?;
    let dialect = std::env::args().nth(2).map_or(Some(Dialect::Sqlite), |name| Dialect::parse(&name));
    let dialect = dialect.ok_or("the second argument is sqlite, postgres or mysql")?;
    let mut schemas: HashMap<String, Schema> = HashMap::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        if !schemas.contains_key(&question.schema) {
            let text = std::fs::read_to_string(Path::new(&folder).join(format!("{}.json", question.schema)))?;
            schemas.insert(question.schema.clone(), serde_json::from_str(&text)?);
        }
        let answer = domain::rules::answer(&question.question, &schemas[&question.schema], dialect);
        let line = match answer {
            Ok(answer) => serde_json::json!({"id": question.id, "sql": answer.sql, "confidence": answer.confidence}),
            Err(abstention) => serde_json::json!({"id": question.id, "abstained": true, "message": abstention.message}),
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}
