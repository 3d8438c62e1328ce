//! The shared lists of hostile and honest statements.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;

use common::{DIALECTS, Line, is_stable, lines, shared, shop};
use contracts::Dialect;

/// Resource bombs are the business of limits, not of the guard.
const BOMBS: &str = "dos_generate";

#[test]
fn no_attack_gets_through() {
    let Some(file) = shared("guard/attacks.tsv") else { return };
    let attacks = lines(&file);
    let policies = DIALECTS.map(shop);
    let passes = |line: &&Line| {
        let dialect = Dialect::parse(&line.dialect).unwrap();
        let policy = policies.iter().find(|policy| policy.dialect() == dialect).unwrap();
        sql_guard::check(&line.sql, policy).is_ok()
    };
    let through: Vec<&Line> = attacks.iter().filter(passes).collect();
    let mut by_category: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &through {
        *by_category.entry(&line.category).or_default() += 1;
    }
    println!("{} attacks, let through by category: {by_category:?}", attacks.len());
    for line in through.iter().filter(|line| line.category == BOMBS) {
        println!("left to the limits of the session: {} {} {}", line.id, line.dialect, line.sql);
    }
    let hostile: Vec<&String> = through.iter().filter(|line| line.category != BOMBS).map(|line| &line.sql).collect();
    assert!(attacks.len() > 100, "the list is cut short");
    assert!(hostile.is_empty(), "{hostile:#?}");
}

#[test]
fn honest_statements_are_allowed_and_print_stably() {
    let Some(file) = shared("guard/legit.tsv") else { return };
    let mut asked = 0;
    let mut refused = Vec::new();
    for line in lines(&file) {
        for dialect in DIALECTS.into_iter().filter(|dialect| ["any", dialect.as_str()].contains(&line.dialect.as_str()))
        {
            asked += 1;
            let policy = shop(dialect);
            match sql_guard::check(&line.sql, &policy) {
                Ok(checked) => assert!(is_stable(&checked.sql, &policy), "{}", checked.sql),
                Err(refusal) => {
                    refused.push(format!("{} {} {}: {}", line.id, dialect.as_str(), refusal.rule, line.sql))
                }
            }
        }
    }
    println!("{asked} honest statements, refused: {refused:#?}");
    assert!(refused.len() * 50 <= asked, "{refused:#?}");
}
