//! The shared questions: gold queries, and what real models answered.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use common::{is_stable, question_policy, shared};
use contracts::Dialect;
use serde::Deserialize;
use sql_guard::Policy;

#[derive(Deserialize)]
struct Question {
    id: String,
    suite: String,
    db: String,
    dialect: String,
    gold_sql: String,
}

#[derive(Deserialize)]
struct Recorded {
    id: String,
    suite: String,
    db: String,
    dialect: String,
    candidates: HashMap<String, Candidate>,
}

#[derive(Deserialize)]
struct Candidate {
    sql: String,
    exec: Option<String>,
}

/// One policy for each database and dialect.
struct Policies<'f> {
    folder: &'f Path,
    made: HashMap<(String, String), Policy>,
}

impl<'f> Policies<'f> {
    fn new(folder: &'f Path) -> Self {
        Self { folder, made: HashMap::new() }
    }

    fn of(&mut self, database: &str, dialect: &str) -> &Policy {
        let made = || question_policy(self.folder, database, Dialect::parse(dialect).unwrap());
        self.made.entry((database.to_owned(), dialect.to_owned())).or_insert_with(made)
    }
}

/// Asked and refused, with the reasons.
#[derive(Default, Debug)]
struct Tally {
    asked: usize,
    refused: Vec<String>,
}

fn judge(tally: &mut Tally, id: &str, sql: &str, policy: &Policy) {
    tally.asked += 1;
    match sql_guard::check(sql, policy) {
        Ok(checked) => assert!(is_stable(&checked.sql, policy), "{id} prints {}", checked.sql),
        Err(refusal) => tally.refused.push(format!("{id} {}: {} | {sql}", refusal.rule, refusal.message)),
    }
}

#[test]
fn gold_queries_are_allowed_in_their_own_dialect() {
    let Some(folder) = shared("text2sql/public") else { return };
    let mut policies = Policies::new(&folder);
    let mut suites: BTreeMap<String, Tally> = BTreeMap::new();
    for line in std::fs::read_to_string(folder.join("questions.jsonl")).unwrap().lines() {
        let question: Question = serde_json::from_str(line).unwrap();
        let policy = policies.of(&question.db, &question.dialect);
        judge(suites.entry(question.suite).or_default(), &question.id, &question.gold_sql, policy);
    }
    for (suite, tally) in &suites {
        println!("{suite}: {} asked, refused {:#?}", tally.asked, tally.refused);
    }
    let refused: Vec<&String> = suites.values().flat_map(|tally| &tally.refused).collect();
    let asked: usize = suites.values().map(|tally| tally.asked).sum();
    assert!(asked > 1_000, "the questions are cut short");
    assert!(refused.len() * 1_000 <= asked, "{refused:#?}");
}

#[test]
fn recorded_statements_that_run_are_allowed() {
    let (Some(folder), Some(replay)) = (shared("text2sql/public"), shared("text2sql/replay_public.jsonl")) else {
        return;
    };
    let mut policies = Policies::new(&folder);
    let mut suites: BTreeMap<String, Tally> = BTreeMap::new();
    for line in std::fs::read_to_string(replay).unwrap().lines() {
        let recorded: Recorded = serde_json::from_str(line).unwrap();
        let tally = suites.entry(recorded.suite).or_default();
        for (model, candidate) in recorded.candidates {
            // Nothing at all runs too: without rows.
            if candidate.exec.as_deref() != Some("ok") || candidate.sql.is_empty() {
                continue;
            }
            let sql = sql_guard::extract_sql(&candidate.sql).unwrap();
            assert_eq!(sql, candidate.sql.trim().trim_end_matches([';', ' ', '\n']), "nothing but SQL was there");
            judge(tally, &format!("{} {model}", recorded.id), &sql, policies.of(&recorded.db, &recorded.dialect));
        }
    }
    for (suite, tally) in &suites {
        println!("{suite}: {} asked, refused {:#?}", tally.asked, tally.refused);
    }
    assert!(suites.values().all(|tally| tally.refused.is_empty()), "a statement that runs is refused");
}
