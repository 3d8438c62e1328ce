//! What is printed instead of what was written.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use common::{is_stable, printed, shop, verdict};
use contracts::Dialect;

fn prints(dialect: Dialect, written: &str, expected: &str) {
    let policy = shop(dialect);
    let text = printed(written, &policy);
    assert_eq!(text, expected, "{written}");
    assert!(is_stable(&text, &policy), "{text}");
}

#[test]
fn a_double_quoted_token_of_sqlite_that_names_nothing_is_a_string() {
    for (written, expected) in [
        ("SELECT id FROM customers WHERE region = \"EU\"", "SELECT id FROM customers WHERE region = 'EU'"),
        ("SELECT id FROM customers WHERE \"it's\" = \"a\"\"b\"", "SELECT id FROM customers WHERE 'it''s' = 'a\"b'"),
        (
            "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.status = \"vip\")",
            "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.status = 'vip')",
        ),
        (
            "SELECT count(*) FROM orders GROUP BY status HAVING status IN (\"open\", \"shipped\")",
            "SELECT count(*) FROM orders GROUP BY status HAVING status IN ('open', 'shipped')",
        ),
        (
            "SELECT a FROM (SELECT name AS a FROM customers) WHERE a = \"name\"",
            "SELECT a FROM (SELECT name AS a FROM customers) WHERE a = 'name'",
        ),
        (
            "SELECT 1 FROM orders o JOIN customers c ON c.id = o.customer_id AND c.region = \"EU\"",
            "SELECT 1 FROM orders o JOIN customers c ON c.id = o.customer_id AND c.region = 'EU'",
        ),
    ] {
        prints(Dialect::Sqlite, written, expected);
    }
}

#[test]
fn a_double_quoted_token_of_sqlite_that_names_a_column_stays_one() {
    for written in [
        "SELECT \"Name\" FROM customers WHERE \"REGION\" = 'EU'",
        "SELECT \"grant\" FROM subscriptions ORDER BY \"update\"",
        "SELECT total AS \"the total\" FROM orders ORDER BY \"the total\"",
        "SELECT \"a\" FROM (SELECT name AS \"a\" FROM customers)",
        "SELECT \"status\" FROM (SELECT * FROM orders)",
        "SELECT \"status\" FROM (SELECT o.* FROM orders o, customers)",
        "WITH c (\"x y\") AS (SELECT 1) SELECT \"x y\" FROM c",
        "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT \"x\" + 1 FROM n WHERE \"x\" < 3) SELECT \"x\" FROM n",
        "SELECT (SELECT count(*) FROM orders WHERE customer_id = \"is_deleted\") FROM customers",
        "SELECT \"rowid\" FROM orders",
        "SELECT \"value\" FROM json_each('[1]')",
        "SELECT name FROM customers UNION SELECT name FROM employees ORDER BY \"name\"",
        "SELECT \"count(*)\" FROM (SELECT count(*) FROM orders)",
    ] {
        prints(Dialect::Sqlite, written, written);
    }
}

#[test]
fn quoted_names_and_strings_have_one_spelling() {
    prints(Dialect::Sqlite, "SELECT [name] FROM [customers]", "SELECT `name` FROM `customers`");
    prints(Dialect::Sqlite, "SELECT 1 AS [a`b]", "SELECT 1 AS `a``b`");
    prints(Dialect::Postgres, "SELECT $q$it's$q$, E'a\\'b\\n'", "SELECT 'it''s', 'a''b\n'");
    prints(
        Dialect::Postgres,
        "SELECT U&'d\\0061t', U&\"st\\0061tus\" FROM orders",
        "SELECT 'dat', \"status\" FROM orders",
    );
    prints(
        Dialect::Mysql,
        r#"SELECT "it's", 'a\'b', "say ""x""", 'a\\b\n'"#,
        r"SELECT 'it''s', 'a''b', 'say \x', 'a\\b\n'".replace("\\x", "\"x\"").as_str(),
    );
    prints(Dialect::Sqlite, r"SELECT 'a\', 'it''s'", r"SELECT 'a\', 'it''s'");
    prints(Dialect::Postgres, r"SELECT 'a\', '''', 'b''''c'", r"SELECT 'a\', '''', 'b''''c'");
}

#[test]
fn comments_hints_and_semicolons_are_not_printed() {
    prints(Dialect::Mysql, "SELECT /*+ MAX_EXECUTION_TIME(0) */ id FROM orders # all", "SELECT id FROM orders");
    prints(Dialect::Postgres, "/* a /* b */ c */ SELECT id -- x\nFROM orders ; ;", "SELECT id FROM orders");
    prints(Dialect::Mysql, "SELECT SQL_CALC_FOUND_ROWS HIGH_PRIORITY id FROM orders", "SELECT id FROM orders");
    prints(
        Dialect::Sqlite,
        "SELECT id FROM orders o INDEXED BY ix WHERE id = 1",
        "SELECT id FROM orders o WHERE id = 1",
    );
    prints(Dialect::Sqlite, "SELECT id FROM orders NOT INDEXED", "SELECT id FROM orders");
}

#[test]
fn what_the_parser_lacks_is_read_and_printed() {
    for written in [
        "SELECT id FROM orders WHERE status IS 'open' AND total IS NOT 5 AND cancel_reason IS NULL",
        "SELECT id FROM orders WHERE status NOT GLOB 'o*' AND 1 << 2 = 4",
        "SELECT sum(total) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW), ')' FROM orders",
        "SELECT sum(total) OVER w, 'é\n(' FROM orders WINDOW w AS (PARTITION BY abs(id) ORDER BY id GROUPS 1 PRECEDING EXCLUDE NO OTHERS)",
    ] {
        prints(Dialect::Sqlite, written, written);
    }
    prints(
        Dialect::Sqlite,
        "SELECT 0x1F, x'1F', deleted_at ISNULL FROM customers",
        "SELECT 31, X'1F', deleted_at IS NULL FROM customers",
    );
    prints(Dialect::Mysql, "SELECT 7 MOD 2, 7 DIV 2, !0, 1 && 0", "SELECT 7 % 2, 7 DIV 2, !0, 1 AND 0");
    prints(
        Dialect::Mysql,
        "SELECT EXTRACT(YEAR_MONTH FROM created_at) FROM orders",
        "SELECT EXTRACT(YEAR_MONTH FROM created_at) FROM orders",
    );
    prints(Dialect::Mysql, "SELECT NOW() - INTERVAL '1:30' HOUR_MINUTE", "SELECT NOW() - INTERVAL '1:30' HOUR_MINUTE");
    prints(Dialect::Mysql, "SELECT BINARY 'a' = 'A'", "SELECT CAST('a' AS BINARY) = 'A'");
    prints(Dialect::Postgres, "TABLE orders", "SELECT * FROM orders");
    prints(Dialect::Postgres, "SELECT make_interval(days := 3)", "SELECT make_interval(days => 3)");
}

#[test]
fn signs_in_a_row_do_not_become_a_comment() {
    for dialect in common::DIALECTS {
        prints(dialect, "SELECT - -1, 5 - -1, - - id FROM orders", "SELECT -(-1), 5 - -1, -(-id) FROM orders");
    }
}

#[test]
fn a_name_in_another_case_is_printed_as_the_table_is_called() {
    let tables = |name: &str| {
        let file = format!(
            r#"{{"dialect": "postgres", "default_namespaces": ["public"], "tables": [{{"namespace": "public", "name": "{name}"}}]}}"#
        );
        serde_json::from_str::<sql_guard::Policy>(&file).unwrap()
    };
    assert_eq!(printed("SELECT ORDERS.id FROM ORDERS", &tables("orders")), "SELECT ORDERS.id FROM ORDERS");
    assert_eq!(
        printed("SELECT Orders.id FROM Orders", &tables("Orders")),
        "SELECT Orders.id FROM \"Orders\" AS Orders"
    );
    assert_eq!(
        printed("SELECT o.id FROM public.ORDERS o", &tables("Orders")),
        "SELECT o.id FROM \"public\".\"Orders\" o"
    );
}

#[test]
fn a_table_outside_the_default_namespaces_is_printed_with_its_own() {
    let file = r#"{"dialect": "postgres", "default_namespaces": ["public"], "tables": [
        {"namespace": "public", "name": "orders"}, {"namespace": "sales", "name": "leads"},
        {"namespace": "a", "name": "twice"}, {"namespace": "b", "name": "twice"}]}"#;
    let policy: sql_guard::Policy = serde_json::from_str(file).unwrap();
    assert_eq!(printed("SELECT * FROM orders, leads", &policy), "SELECT * FROM orders, \"sales\".leads");
    assert_eq!(verdict("SELECT * FROM twice", &policy), "unknown_table");
    assert_eq!(verdict("SELECT * FROM a.twice", &policy), "allowed");
}
