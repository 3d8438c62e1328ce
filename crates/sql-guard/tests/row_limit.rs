//! The row limit of what is printed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use common::limited_shop;
use contracts::Dialect;

fn prints(dialect: Dialect, written: &str, expected: &str) {
    let checked = sql_guard::check(written, &limited_shop(dialect).with_row_limit(Some(100))).unwrap();
    assert_eq!(checked.sql, expected, "{written}");
}

#[test]
fn a_missing_limit_is_added_and_a_larger_one_lowered() {
    for dialect in common::DIALECTS {
        for (written, expected) in [
            ("SELECT id FROM orders", "SELECT id FROM orders LIMIT 100"),
            ("SELECT id FROM orders LIMIT 5", "SELECT id FROM orders LIMIT 5"),
            ("SELECT id FROM orders LIMIT 100 OFFSET 7", "SELECT id FROM orders LIMIT 100 OFFSET 7"),
            ("SELECT id FROM orders LIMIT 101 OFFSET 7", "SELECT id FROM orders LIMIT 100 OFFSET 7"),
            (
                "SELECT id FROM orders ORDER BY id LIMIT 99999999999999999999",
                "SELECT id FROM orders ORDER BY id LIMIT 100",
            ),
            ("SELECT id FROM orders UNION SELECT 1", "SELECT id FROM orders UNION SELECT 1 LIMIT 100"),
            (
                "WITH c AS (SELECT id FROM orders LIMIT 500) SELECT id FROM c",
                "WITH c AS (SELECT id FROM orders LIMIT 500) SELECT id FROM c LIMIT 100",
            ),
            (
                "SELECT id FROM (SELECT id FROM orders LIMIT 500) t",
                "SELECT id FROM (SELECT id FROM orders LIMIT 500) t LIMIT 100",
            ),
            ("SELECT count(*), max(total) FROM orders", "SELECT count(*), max(total) FROM orders"),
            ("VALUES (1), (2)", "VALUES (1), (2)"),
        ] {
            prints(dialect, written, expected);
        }
    }
}

#[test]
fn each_dialects_own_forms_are_limited() {
    prints(Dialect::Mysql, "SELECT id FROM orders LIMIT 10, 500", "SELECT id FROM orders LIMIT 10, 100");
    prints(Dialect::Mysql, "(SELECT id FROM orders)", "(SELECT id FROM orders LIMIT 100)");
    prints(Dialect::Sqlite, "SELECT id FROM orders LIMIT -1", "SELECT id FROM orders LIMIT 100");
    prints(
        Dialect::Sqlite,
        "SELECT id FROM orders LIMIT 2 + 3",
        "SELECT id FROM orders LIMIT CASE WHEN (2 + 3) BETWEEN 0 AND 100 THEN (2 + 3) ELSE 100 END",
    );
    prints(Dialect::Sqlite, "SELECT 1 UNION ALL VALUES (2)", "SELECT * FROM (SELECT 1 UNION ALL VALUES (2)) LIMIT 100");
    prints(Dialect::Postgres, "SELECT id FROM orders LIMIT ALL", "SELECT id FROM orders LIMIT 100");
    prints(Dialect::Postgres, "SELECT id FROM orders LIMIT NULL", "SELECT id FROM orders LIMIT 100");
    prints(Dialect::Postgres, "SELECT id FROM orders OFFSET 5", "SELECT id FROM orders LIMIT 100 OFFSET 5");
    prints(
        Dialect::Postgres,
        "SELECT id FROM orders LIMIT (SELECT 5)",
        "SELECT id FROM orders LIMIT (LEAST((SELECT 5), 100))",
    );
    prints(
        Dialect::Postgres,
        "SELECT id FROM orders FETCH FIRST 500 ROWS ONLY",
        "SELECT id FROM orders FETCH FIRST 100 ROWS ONLY",
    );
    prints(
        Dialect::Postgres,
        "SELECT id FROM orders FETCH FIRST ROW ONLY",
        "SELECT id FROM orders FETCH FIRST ROWS ONLY",
    );
}
