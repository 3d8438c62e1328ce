//! Our own lists: questions as analysts ask them, and what attackers write.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use common::{DIALECTS, is_stable, limited_shop, shop};
use contracts::Dialect;

/// Dialect, the fields between it and the statement, and the statement.
fn rows(file: &str) -> Vec<(String, String, String)> {
    let path = common::fixture(file);
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let sql = common::decoded(fields[fields.len() - 1]);
        (fields[1].to_owned(), fields[2].to_owned(), sql)
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn our_own_honest_questions_are_allowed() {
    let mut refused = Vec::new();
    let mut asked = [0; 3];
    for (dialect, _, sql) in rows("legit.tsv") {
        for (position, own) in DIALECTS.into_iter().enumerate() {
            if dialect != "any" && dialect != own.as_str() {
                continue;
            }
            asked[position] += 1;
            match sql_guard::check(&sql, &shop(own)) {
                Ok(checked) => assert!(is_stable(&checked.sql, &shop(own)), "{}", checked.sql),
                Err(refusal) => refused.push(format!("{} {}: {} | {sql}", own.as_str(), refusal.rule, refusal.message)),
            }
        }
    }
    println!("{asked:?} honest questions");
    assert!(asked.iter().all(|count| *count >= 100), "{asked:?}");
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn our_own_attacks_are_refused_by_a_rule_that_says_why() {
    let mut through = Vec::new();
    let attacks = rows("attacks.tsv");
    assert!(attacks.len() >= 150, "the list is cut short");
    for (dialect, category, sql) in attacks {
        let dialect = Dialect::parse(&dialect).unwrap();
        match sql_guard::check(&sql, &limited_shop(dialect)) {
            Ok(checked) => through.push(format!("{category}: {sql} → {}", checked.sql)),
            Err(refusal) => {
                let bomb = category.strip_prefix("bomb:");
                assert!(bomb.is_none_or(|rule| rule == refusal.rule), "{sql}: {refusal:?}");
                assert!(refusal.message.len() > 20, "{sql}: {refusal:?}");
            }
        }
    }
    assert!(through.is_empty(), "{through:#?}");
}
