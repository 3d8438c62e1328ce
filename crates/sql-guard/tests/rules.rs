//! Rules on rows and columns: what they do to a statement, and that nothing gets past them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;
mod random;

use common::{shop, verdict};
use contracts::Dialect;
use random::{Random, query};
use sql_guard::{Attributes, Policy, PolicyError, TableRule};

fn rules(json: &str) -> Vec<TableRule> {
    serde_json::from_str(json).unwrap()
}

fn with(dialect: Dialect, json: &str) -> Result<Policy, PolicyError> {
    shop(dialect).with_rules(&rules(json))
}

fn attributes(json: &str) -> Attributes {
    serde_json::from_str(json).unwrap()
}

fn prints(policy: &Policy, sql: &str) -> String {
    sql_guard::check(sql, policy).unwrap_or_else(|refusal| panic!("{sql}: {refusal}")).sql
}

#[test]
fn a_filtered_table_is_a_subquery_wherever_it_stands() {
    let policy = with(Dialect::Sqlite, r#"[{"name": "orders", "filter": "total < 50"}]"#).unwrap();
    let rows = "(SELECT * FROM `main`.`orders` WHERE total < 50)";
    for (written, expected) in [
        ("SELECT id FROM orders", format!("SELECT id FROM {rows} AS orders")),
        ("SELECT o.id FROM orders o", format!("SELECT o.id FROM {rows} o")),
        ("SELECT o.id FROM main.orders AS o", format!("SELECT o.id FROM {rows} AS o")),
        ("SELECT main.orders.id FROM main.orders", format!("SELECT orders.id FROM {rows} AS orders")),
        ("SELECT orders.* FROM ORDERS", format!("SELECT orders.* FROM {rows} AS ORDERS")),
        (
            "SELECT c.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id",
            format!("SELECT c.id FROM customers c LEFT JOIN {rows} o ON o.customer_id = c.id"),
        ),
        (
            "SELECT id FROM customers WHERE id IN (SELECT customer_id FROM orders)",
            format!("SELECT id FROM customers WHERE id IN (SELECT customer_id FROM {rows} AS orders)"),
        ),
        (
            "WITH orders AS (SELECT * FROM main.orders) SELECT * FROM orders",
            format!("WITH orders AS (SELECT * FROM {rows} AS orders) SELECT * FROM orders"),
        ),
        (
            "SELECT id FROM orders UNION SELECT id FROM [orders]",
            format!("SELECT id FROM {rows} AS orders UNION SELECT id FROM {rows} AS `orders`"),
        ),
        ("SELECT (SELECT count(*) FROM orders)", format!("SELECT (SELECT count(*) FROM {rows} AS orders)")),
    ] {
        assert_eq!(prints(&policy, written), expected, "{written}");
    }
}

#[test]
fn a_value_of_the_user_is_a_literal_whatever_it_holds() {
    let filter = r#"[{"name": "customers", "filter": "region = {user.region} AND id IN ({user.ids})"}]"#;
    for (dialect, expected) in [
        (Dialect::Sqlite, r"region = 'x'' OR 1=1 -- \' AND id IN (1, 2)"),
        (Dialect::Postgres, r"region = 'x'' OR 1=1 -- \' AND id IN (1, 2)"),
        (Dialect::Mysql, r"region = 'x'' OR 1=1 -- \\' AND id IN (1, 2)"),
    ] {
        let given = attributes(r#"{"region": "x' OR 1=1 -- \\", "ids": [1, 2]}"#);
        let policy = with(dialect, filter).unwrap().for_user(&given).unwrap();
        let printed = prints(&policy, "SELECT id FROM customers");
        assert!(printed.contains(expected), "{printed}");
    }
    let empty = attributes(r#"{"region": "a", "ids": []}"#);
    let policy = with(Dialect::Sqlite, filter).unwrap().for_user(&empty).unwrap();
    assert!(prints(&policy, "SELECT id FROM customers").contains("id IN (NULL)"));
    let nested = attributes(r#"{"region": {"a": 1}, "ids": []}"#);
    assert!(with(Dialect::Sqlite, filter).unwrap().for_user(&nested).is_err());
}

#[test]
fn a_rule_whose_attribute_is_missing_refuses_its_table_alone() {
    let policy = with(Dialect::Sqlite, r#"[{"name": "customers", "filter": "region = {user.region}"}]"#).unwrap();
    let policy = policy.for_user(&attributes(r#"{"other": 1}"#)).unwrap();
    assert_eq!(verdict("SELECT id FROM customers", &policy), "policy");
    assert_eq!(verdict("SELECT id FROM orders", &policy), "allowed");
}

#[test]
fn a_column_that_is_refused_cannot_be_named() {
    for dialect in common::DIALECTS {
        let policy = with(dialect, r#"[{"name": "employees", "masks": {"salary": "refuse"}}]"#).unwrap();
        for hostile in [
            "SELECT salary FROM employees",
            "SELECT e.salary FROM employees e",
            "SELECT id FROM employees WHERE salary > 5",
            "SELECT id FROM employees ORDER BY salary",
            "SELECT max(SALARY) FROM employees GROUP BY dept",
            "SELECT e.id FROM employees e JOIN orders o ON o.total = e.salary",
        ] {
            assert_eq!(verdict(hostile, &policy), "hidden_column", "{hostile}");
        }
        let all = prints(&policy, "SELECT * FROM employees");
        assert!(!all.contains("salary"), "{all}");
    }
    let policy = with(Dialect::Sqlite, r#"[{"name": "employees", "masks": {"salary": "refuse"}}]"#).unwrap();
    assert_eq!(verdict("SELECT \"salary\" FROM employees", &policy), "hidden_column");
}

#[test]
fn a_bad_policy_says_where_and_what() {
    for (rule, at, said) in [
        (r#"[{"name": "orderz"}]"#, "tables[0] orderz", "no table"),
        (r#"[{"name": "orders", "filter": "totl < 5"}]"#, "tables.orders.filter", "Did you mean total?"),
        (r#"[{"name": "orders", "filter": "total <"}]"#, "tables.orders.filter", "cannot be read"),
        (r#"[{"name": "orders", "filter": "1 = 1; DROP TABLE x"}]"#, "tables.orders.filter", ";"),
        (r#"[{"name": "orders", "filter": "1 = 1) UNION SELECT (1"}]"#, "tables.orders.filter", "should end"),
        (r#"[{"name": "orders", "filter": "id IN (SELECT id FROM customers)"}]"#, "tables.orders.filter", "subquery"),
        (r#"[{"name": "orders", "filter": "count(*) > 1"}]"#, "tables.orders.filter", "row by row"),
        (r#"[{"name": "orders", "filter": "load_extension('x')"}]"#, "tables.orders.filter", "not allowed"),
        (r#"[{"name": "orders", "filter": "id = ?"}]"#, "tables.orders.filter", "parameter"),
        (r#"[{"name": "orders", "masks": {"totl": "null"}}]"#, "tables.orders.masks.totl", "Did you mean total?"),
        (r#"[{"name": "orders", "masks": {"total": "hash"}}]"#, "tables.orders.masks.total", "SQLite"),
        (r#"[{"name": "orders", "masks": {"total": {"keep_last": 0}}}]"#, "tables.orders.masks.total", "at least one"),
    ] {
        let error = with(Dialect::Sqlite, rule).unwrap_err();
        assert_eq!(error.at, at, "{error}");
        assert!(error.message.contains(said), "{error}");
    }
    let file = r#"{"dialect": "sqlite", "tables": [{"name": "a", "columns": ["b"], "filter": "c = 1"}]}"#;
    let error = serde_json::from_str::<Policy>(file).unwrap_err().to_string();
    assert!(error.contains("tables.a.filter"), "{error}");
}

#[test]
fn an_attribute_inside_a_string_is_a_string() {
    let policy = with(Dialect::Sqlite, r#"[{"name": "customers", "filter": "region = '{user.region}'"}]"#).unwrap();
    assert!(prints(&policy, "SELECT id FROM customers").contains("region = '{user.region}'"));
}

/// The rules of the random queries, and the same said by taking the rest away.
const RULES: &str = r#"[
    {"name": "a", "filter": "k < 3 OR n IS NULL", "masks": {"s": "redact"}},
    {"name": "b", "filter": "s <> {user.not}", "masks": {"n": "null"}}
]"#;
const REST: &str = "UPDATE a SET s = '***' WHERE s IS NOT NULL;
    DELETE FROM a WHERE NOT (coalesce(k < 3, 0) OR n IS NULL);
    DELETE FROM b WHERE coalesce(s = 'x', 1);
    UPDATE b SET n = NULL;";
const TABLES: &str = "CREATE TABLE a(k, n, s); CREATE TABLE b(k, n, s); CREATE TABLE c(k, n, s);
    INSERT INTO a VALUES (1, 10, 'x'), (2, NULL, 'y'), (3, 10, 'z'), (4, NULL, NULL), (NULL, 5, 'x'), (2, 7, 'w');
    INSERT INTO b VALUES (1, 1, 'x'), (2, 2, 'y'), (2, 3, NULL), (3, 10, 'z'), (NULL, 5, 'q');
    INSERT INTO c VALUES (1, 10, 'x'), (2, 7, '***'), (3, NULL, 'z');";
const POLICY: &str = r#"{"dialect": "sqlite", "row_limit": null, "tables": [
    {"name": "a", "columns": ["k", "n", "s"]}, {"name": "b", "columns": ["k", "n", "s"]},
    {"name": "c", "columns": ["k", "n", "s"]}]}"#;

fn rows(database: &rusqlite::Connection, sql: &str) -> Result<Vec<String>, String> {
    let mut statement = database.prepare(sql).map_err(|error| error.to_string())?;
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row| {
        let cells: Vec<String> =
            (0..columns).map(|column| row.get_ref(column).map(|cell| format!("{cell:?}"))).collect::<Result<_, _>>()?;
        Ok(cells.join("|"))
    };
    let found = statement.query_map([], row).and_then(Iterator::collect::<Result<Vec<String>, _>>);
    let mut found = found.map_err(|error| error.to_string())?;
    found.sort();
    Ok(found)
}

#[test]
fn random_queries_under_rules_give_what_a_smaller_database_gives() {
    let whole = rusqlite::Connection::open_in_memory().unwrap();
    whole.execute_batch(TABLES).unwrap();
    let permitted = rusqlite::Connection::open_in_memory().unwrap();
    permitted.execute_batch(TABLES).unwrap();
    permitted.execute_batch(REST).unwrap();
    let policy: Policy = serde_json::from_str(POLICY).unwrap();
    let policy = policy.with_rules(&rules(RULES)).unwrap().for_user(&attributes(r#"{"not": "x"}"#)).unwrap();
    let mut random = Random::new(7);
    let (mut compared, mut with_rows) = (0, 0);
    for _ in 0..2_000 {
        let sql = query(&mut random);
        let Ok(checked) = sql_guard::check(&sql, &policy) else { continue };
        let expected = rows(&permitted, &sql);
        let found = rows(&whole, &checked.sql);
        assert_eq!(expected, found, "{sql}\n{}", checked.sql);
        compared += usize::from(expected.is_ok());
        with_rows += usize::from(expected.is_ok_and(|rows| !rows.is_empty()));
    }
    println!("{compared} random queries compared, {with_rows} with rows");
    assert!(compared > 1_000 && with_rows > 500, "{compared} {with_rows}");
}
