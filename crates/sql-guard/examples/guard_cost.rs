//! What the guard costs beside bare parsing, in the same run, as JSON: `guard_cost <legit.tsv> <folder of policies>`.
#![allow(clippy::print_stdout, reason = "prints its result")]

use std::hint::black_box;
use std::time::Instant;

use contracts::Dialect;
use serde_json::json;
use sql_guard::Policy;
use sqlparser::dialect::{Dialect as ParserDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

const ROUNDS: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(list), Some(policies)) = (arguments.next(), arguments.next()) else {
        return Err("usage: guard_cost <legit.tsv> <folder of policies>".into());
    };
    let list = std::fs::read_to_string(list)?;
    let mut figures = serde_json::Map::new();
    for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
        let file = format!("{policies}/policy.{}.json", dialect.as_str());
        let policy: Policy = serde_json::from_str(&std::fs::read_to_string(file)?)?;
        figures.insert(dialect.as_str().to_owned(), measure(dialect, &policy, &statements(&list, dialect)));
    }
    println!("{}", serde_json::Value::Object(figures));
    Ok(())
}

/// Statements of the dialect that both read.
fn statements(list: &str, dialect: Dialect) -> Vec<String> {
    let ours = |fields: &Vec<&str>| fields.len() > 3 && ["any", dialect.as_str()].contains(&fields[1]);
    let fields = list.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>()).filter(ours);
    let statements = fields.map(|fields| fields[3].replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\"));
    statements.filter(|sql| Parser::parse_sql(parser(dialect), sql).is_ok()).collect()
}

fn parser(dialect: Dialect) -> &'static dyn ParserDialect {
    match dialect {
        Dialect::Sqlite => &SQLiteDialect {},
        Dialect::Postgres => &PostgreSqlDialect {},
        Dialect::Mysql => &MySqlDialect {},
    }
}

fn measure(dialect: Dialect, policy: &Policy, statements: &[String]) -> serde_json::Value {
    let (mut bare, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for sql in statements {
            bare.push(nanoseconds(|| drop(black_box(Parser::parse_sql(parser(dialect), sql)))));
            whole.push(nanoseconds(|| drop(black_box(sql_guard::check(sql, policy)))));
        }
    }
    let (bare, whole) = (p50(bare), p50(whole));
    json!({
        "statements": statements.len(),
        "parse_p50_us": bare as f64 / 1e3,
        "guard_p50_us": whole as f64 / 1e3,
        "ratio": whole as f64 / bare as f64,
    })
}

fn nanoseconds(work: impl FnOnce()) -> u128 {
    let started = Instant::now();
    work();
    started.elapsed().as_nanos()
}

fn p50(mut times: Vec<u128>) -> u128 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
