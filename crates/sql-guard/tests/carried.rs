//! Where the values of a column come to, whatever they are called on the way.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use contracts::Dialect;
use sql_guard::{Policy, PolicyTable};
use std::collections::BTreeMap;

fn policy(dialect: Dialect) -> Policy {
    let table = |name: &str, columns: &[&str]| PolicyTable {
        namespace: None,
        name: name.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        filter: None,
        masks: BTreeMap::new(),
    };
    let tables = [table("staff", &["id", "name", "salary", "team"]), table("teams", &["id", "title"])];
    let file = serde_json::json!({ "dialect": dialect, "tables": tables, "row_limit": null });
    serde_json::from_value(file).unwrap()
}

/// For each column of the result, whether it may hold salaries.
fn holds(sql: &str, columns: &[&str], policy: &Policy) -> Vec<bool> {
    let checked = sql_guard::check(sql, policy).unwrap_or_else(|refusal| panic!("{sql}: {refusal}"));
    let found = checked.carried(policy, |column| column.eq_ignore_ascii_case("salary"));
    columns.iter().enumerate().map(|(place, name)| found.holds(place, name)).collect()
}

#[test]
fn a_value_is_followed_through_aliases_subqueries_and_expressions() {
    for (sql, columns, expected) in [
        ("SELECT salary AS s, name FROM staff", &["s", "name"][..], &[true, false][..]),
        ("SELECT name, salary * 2, s.salary x FROM staff s", &["name", "?column?", "x"], &[false, true, true]),
        (
            "SELECT max(salary) AS m, count(salary) AS c, count(*) AS n FROM staff",
            &["m", "c", "n"],
            &[true, false, false],
        ),
        ("SELECT * FROM (SELECT name AS a, salary AS b FROM staff) t", &["a", "b"], &[false, true]),
        ("SELECT t.b + 1 AS c, t.a FROM (SELECT name a, salary b FROM staff) t", &["c", "a"], &[true, false]),
        (
            "WITH t AS (SELECT salary AS b FROM staff), u AS (SELECT b AS d FROM t) SELECT d AS e FROM u",
            &["e"],
            &[true],
        ),
        ("WITH t (a, b) AS (SELECT name, salary FROM staff) SELECT b AS x, a AS y FROM t", &["x", "y"], &[true, false]),
        ("SELECT name AS a FROM staff UNION ALL SELECT salary FROM staff", &["a"], &[true]),
        ("SELECT a AS z FROM (SELECT title AS a FROM teams UNION SELECT salary FROM staff) t", &["z"], &[true]),
        ("SELECT (SELECT max(salary) FROM staff) AS top, title FROM teams", &["top", "title"], &[true, false]),
        ("SELECT name FROM staff WHERE salary = (SELECT max(salary) FROM staff)", &["name"], &[false]),
        ("SELECT name FROM staff ORDER BY salary DESC", &["name"], &[false]),
        ("SELECT CASE WHEN salary > 10 THEN 'much' ELSE 'little' END AS pay FROM staff", &["pay"], &[false]),
        ("SELECT CASE WHEN id > 10 THEN salary END AS pay, id FROM staff", &["pay", "id"], &[true, false]),
        ("SELECT coalesce(salary, 0) AS pay FROM staff", &["pay"], &[true]),
        ("SELECT title AS s FROM teams", &["s"], &[false]),
        ("SELECT * FROM (SELECT max(salary) FROM staff) t", &["max"], &[true]),
        ("SELECT (SELECT * FROM (SELECT salary FROM staff) t) AS x FROM teams", &["x"], &[true]),
        (
            "SELECT t.*, s.salary + 1 FROM staff s JOIN teams t ON t.id = s.team",
            &["id", "title", "?"],
            &[true, true, true],
        ),
        ("SELECT t.*, s.name AS n FROM staff s JOIN teams t ON t.id = s.team", &["id", "title", "n"], &[false; 3]),
    ] {
        for dialect in common::DIALECTS {
            assert_eq!(holds(sql, columns, &policy(dialect)), expected, "{dialect:?} {sql}");
        }
    }
}

#[test]
fn a_row_as_a_value_and_a_function_of_it_hold_it_too() {
    let policy = policy(Dialect::Postgres);
    for (sql, columns, expected) in [
        ("SELECT s FROM staff s", &["s"][..], &[true][..]),
        ("SELECT row_to_json(s) AS x, t.title FROM staff s, teams t", &["x", "title"], &[true, false]),
        ("SELECT t.x FROM staff s, LATERAL (VALUES (s.salary)) t (x)", &["x"], &[true]),
        ("SELECT t.column1 AS y FROM staff s, LATERAL (VALUES (s.salary)) t", &["y"], &[true]),
        ("SELECT u.x FROM staff s, unnest(ARRAY[s.salary]) u (x)", &["x"], &[true]),
        ("SELECT e.c AS y, e.b AS n FROM staff e (a, b, c)", &["y", "n"], &[true, true]),
    ] {
        assert_eq!(holds(sql, columns, &policy), expected, "{sql}");
    }
}

#[test]
fn a_redacted_column_is_redacted_under_any_name_and_still_known() {
    for dialect in common::DIALECTS {
        let policy = policy(dialect).redacting(|column| column == "salary").unwrap();
        let checked = sql_guard::check("SELECT salary AS s, name AS n FROM staff WHERE salary > 5", &policy).unwrap();
        assert!(checked.sql.contains("'***'"), "{}", checked.sql);
        let found = checked.carried(&policy, |column| column == "salary");
        assert_eq!([found.holds(0, "s"), found.holds(1, "n")], [true, false], "{}", checked.sql);
        let without = sql_guard::check("SELECT title FROM teams", &policy).unwrap();
        assert!(!without.sql.contains("***"), "{}", without.sql);
    }
}
