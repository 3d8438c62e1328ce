//! What the guard prints, run on real databases: the same rows as what was written, and under rules the same rows as on a
//! database that holds nothing else.
// Fixture files hold several statements, and the names of databases are told apart by the time.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod database;
mod fixture;

use common::{Line, limited_shop, lines, shared};
use contracts::Dialect;
use database::Rows;
use fixture::Fixture;
use sql_guard::Policy;

/// The honest statements of both lists for a dialect.
fn questions(dialect: Dialect) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(file) = shared("guard/legit.tsv") {
        all.extend(lines(&file));
    }
    all.extend(own_lines());
    let ours = |line: &Line| ["any", dialect.as_str()].contains(&line.dialect.as_str());
    all.into_iter().filter(ours).map(|line| line.sql).collect()
}

fn own_lines() -> Vec<Line> {
    let text = std::fs::read_to_string(common::fixture("legit.tsv")).unwrap();
    let line = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let sql = common::decoded(fields[2]);
        Line { id: fields[0].to_owned(), dialect: fields[1].to_owned(), category: String::new(), sql }
    };
    text.lines().skip(1).map(line).collect()
}

/// The rules of the second half, and what they leave, said in another way: the rows to delete and what to write over.
fn rules(dialect: Dialect) -> (Policy, Vec<&'static str>) {
    let rules: Vec<sql_guard::TableRule> = serde_json::from_str(RULES).unwrap();
    let policy = limited_shop(dialect).with_rules(&rules).unwrap();
    let attributes = serde_json::from_str(r#"{"region": "r1", "customers": [1, 2, 3, 4]}"#).unwrap();
    let mut left = vec![
        "DELETE FROM customers WHERE region <> 'r1'",
        "DELETE FROM orders WHERE id NOT IN (SELECT id FROM orders_copy WHERE total < 60 AND customer_id <= 4)",
        "DELETE FROM events WHERE id > 5",
        "UPDATE customers SET notes = NULL",
        "UPDATE employees SET salary = NULL",
    ];
    left.push(match dialect {
        Dialect::Postgres => "UPDATE customers SET email = '***' || substr(email, length(email) - 3)",
        Dialect::Mysql => "UPDATE customers SET email = CONCAT('***', SUBSTR(email, CHAR_LENGTH(email) - 3))",
        Dialect::Sqlite => "UPDATE customers SET email = '***' || substr(email, length(email) - 3)",
    });
    left.push("UPDATE customers SET name = '***' WHERE name IS NOT NULL");
    (policy.for_user(&attributes).unwrap(), left)
}

const RULES: &str = r#"[
    {"name": "customers", "filter": "region = {user.region}", "masks": {"notes": "null", "email": {"keep_last": 4}, "name": "redact"}},
    {"name": "orders", "filter": "total < 60 AND customer_id IN ({user.customers})"},
    {"name": "events", "filter": "NOT id > 5"},
    {"name": "employees", "masks": {"salary": "null"}}
]"#;

/// Names of rows of tables themselves, which a subquery does not have.
const OF_THE_TABLE: [&str; 2] = ["rowid", "ctid"];

/// Rows that differ from run to run, or by the order in which rows lie on the disk.
const DEPENDS: [&str; 2] = ["now()", "GROUP BY customer_id LIMIT 1"];

/// What differs between two runs, if anything.
fn difference(sql: &str, printed: &str, expected: Result<Rows, String>, found: Result<Rows, String>) -> Option<String> {
    match (expected, found) {
        (Ok(expected), Ok(found)) if expected == found || DEPENDS.iter().any(|part| sql.contains(part)) => None,
        (expected, found) => Some(format!("{sql}\n  {printed}\n  {expected:?}\n  {found:?}")),
    }
}

async fn same_rows(dialect: Dialect) {
    let Some(fixture) = Fixture::load(dialect).await else { return };
    let mut database = fixture.open("shop_a").await;
    let policy = limited_shop(dialect);
    let questions = questions(dialect);
    let mut different = Vec::new();
    for sql in &questions {
        let checked = sql_guard::check(sql, &policy).unwrap_or_else(|refusal| panic!("{sql}: {refusal}"));
        let written = database.rows(&fixture.renamed(sql)).await;
        let printed = database.rows(&fixture.renamed(&checked.sql)).await;
        different.extend(difference(sql, &checked.sql, written, printed));
    }
    fixture.drop().await;
    println!("{} statements run on {}", questions.len(), dialect.as_str());
    assert!(questions.len() >= 100);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

async fn same_rows_under_rules(dialect: Dialect) {
    let Some(fixture) = Fixture::load(dialect).await else { return };
    let (policy, left) = rules(dialect);
    let mut permitted = fixture.permitted(&left).await;
    let mut database = fixture.open("shop_a").await;
    let mut compared = 0;
    let mut different = Vec::new();
    for sql in questions(dialect).iter().filter(|sql| !sql.contains("_sales")) {
        let checked = match sql_guard::check(sql, &policy) {
            Ok(checked) => checked,
            Err(refusal) => {
                assert!(OF_THE_TABLE.iter().any(|name| sql.contains(name)), "{sql}: {refusal}");
                continue;
            }
        };
        let expected = permitted.rows(&fixture.renamed(&sql.replace("shop_a", "permitted"))).await;
        let found = database.rows(&fixture.renamed(&checked.sql)).await;
        different.extend(difference(sql, &checked.sql, expected, found));
        compared += 1;
    }
    fixture.drop().await;
    println!("{compared} statements run under rules on {}", dialect.as_str());
    assert!(compared >= 100);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[tokio::test]
async fn what_is_printed_gives_the_same_rows_on_sqlite() {
    same_rows(Dialect::Sqlite).await;
}

#[tokio::test]
async fn what_is_printed_gives_the_same_rows_on_postgres() {
    same_rows(Dialect::Postgres).await;
}

#[tokio::test]
async fn what_is_printed_gives_the_same_rows_on_mysql() {
    same_rows(Dialect::Mysql).await;
}

#[tokio::test]
async fn rules_leave_what_a_smaller_sqlite_database_would_give() {
    same_rows_under_rules(Dialect::Sqlite).await;
}

#[tokio::test]
async fn rules_leave_what_a_smaller_postgres_database_would_give() {
    same_rows_under_rules(Dialect::Postgres).await;
}

#[tokio::test]
async fn rules_leave_what_a_smaller_mysql_database_would_give() {
    same_rows_under_rules(Dialect::Mysql).await;
}
