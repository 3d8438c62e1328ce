//! Which rule refuses what, and what it says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use common::{shop, verdict};
use contracts::Dialect;

fn refused(dialect: Dialect, rule: &str, statements: &[&str]) {
    let policy = shop(dialect);
    for sql in statements {
        assert_eq!(verdict(sql, &policy), rule, "{sql}");
    }
}

#[test]
fn only_one_query_may_be_sent() {
    for dialect in common::DIALECTS {
        let both = ["SELECT 1; SELECT 2", "SELECT 1;; DROP TABLE orders", "COMMIT; DROP TABLE orders"];
        refused(dialect, "several_statements", &both);
        let others =
            ["", ";", "-- only a comment", "DROP TABLE orders", "EXPLAIN SELECT 1", "SET x = 1", "DELETE FROM orders"];
        refused(dialect, "not_a_query", &others);
    }
    refused(Dialect::Sqlite, "not_a_query", &["PRAGMA query_only = OFF", "ATTACH 'x' AS y", "VACUUM INTO 'x'"]);
    refused(
        Dialect::Mysql,
        "not_a_query",
        &["SHOW TABLES", "DESC orders", "HANDLER orders OPEN", "(DELETE FROM orders)"],
    );
}

#[test]
fn writes_locks_and_targets_inside_a_query_are_refused() {
    let writes = [
        "WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d",
        "WITH x AS (SELECT 1) UPDATE orders SET total = 0",
        "SELECT * FROM (WITH i AS (INSERT INTO orders VALUES (1) RETURNING 1) SELECT * FROM i) t",
    ];
    refused(Dialect::Postgres, "write", &writes);
    refused(Dialect::Postgres, "into", &["SELECT * INTO stolen FROM customers", "SELECT * INTO TEMP t FROM customers"]);
    let locks = ["SELECT * FROM orders FOR UPDATE", "SELECT * FROM (SELECT * FROM orders FOR SHARE) t"];
    refused(Dialect::Postgres, "lock", &locks);
    refused(Dialect::Mysql, "lock", &locks);
}

#[test]
fn what_mysql_would_execute_or_assign_is_refused() {
    let comments =
        ["SELECT 1 /*!50000 , 2 */", "SELECT 1 /*!*/", "SELECT 1 /*M! , 2 */", "/*M!100100 DROP TABLE orders */"];
    refused(Dialect::Mysql, "executable_comment", &comments);
    refused(
        Dialect::Mysql,
        "variable",
        &["SELECT @a", "SELECT @a := 1", "SELECT @@version", "SELECT @@global.datadir", "SELECT @`a`"],
    );
    assert_eq!(verdict("SELECT '/*! x */', 'a@b.c'", &shop(Dialect::Mysql)), "allowed");
}

#[test]
fn casts_that_read_the_catalogs_are_refused() {
    let casts = [
        "SELECT 'pg_class'::regclass",
        "SELECT CAST('x' AS regprocedure)",
        "SELECT 'x'::pg_catalog.regclass",
        "SELECT 'x'::\"regclass\"",
        "SELECT '{x}'::regclass[]",
        "SELECT 'x'::oid",
    ];
    refused(Dialect::Postgres, "unknown_type", &casts);
    refused(Dialect::Postgres, "unknown_function", &["SELECT regclass('pg_class')"]);
    refused(Dialect::Postgres, "syntax", &["SELECT regrole 'x'"]);
}

#[test]
fn operators_of_a_schema_are_refused() {
    let operators =
        ["SELECT 1 OPERATOR(shop_a.@@@) 2", "SELECT 1 OPERATOR(pg_catalog.+) 2", "SELECT 1 @@@ 2", "SELECT 1 <=> 2"];
    refused(Dialect::Postgres, "unknown_operator", &operators);
}

#[test]
fn functions_come_from_the_list_alone() {
    let functions = [
        "SELECT current_user",
        "SELECT session_user",
        "SELECT set_config('a', 'b', false)",
        "SELECT pg_catalog.pg_sleep(1)",
        "SELECT shop_a.lower('x')",
        "SELECT \"LOWER\"('x')",
        "SELECT \"pg_sleep\"(1)",
        "SELECT * FROM pg_ls_dir('/')",
    ];
    refused(Dialect::Postgres, "unknown_function", &functions);
    assert_eq!(
        verdict("SELECT pg_catalog.lower('x'), LOWER('x'), \"lower\"('x')", &shop(Dialect::Postgres)),
        "allowed"
    );
    refused(
        Dialect::Sqlite,
        "unknown_function",
        &["SELECT \"load_extension\"('x')", "SELECT * FROM pragma_table_info('orders')"],
    );
    refused(
        Dialect::Mysql,
        "unknown_function",
        &["SELECT `sleep`(1)", "SELECT SLEEP (1)", "SELECT CURRENT_USER", "SELECT shop_a.lower(1)"],
    );
}

#[test]
fn a_policy_can_allow_a_function_more() {
    let policy = shop(Dialect::Sqlite);
    assert_eq!(verdict("SELECT geo_distance(1, 2)", &policy), "unknown_function");
    assert_eq!(verdict("SELECT GEO_distance(1, 2)", &policy.allow_function("Geo_Distance")), "allowed");
}

#[test]
fn a_function_cannot_be_called_as_a_column() {
    let calls = [
        "SELECT c.run_sql FROM customers c",
        "SELECT (c).run_sql FROM customers c",
        "SELECT customers.run_sql FROM customers",
    ];
    refused(Dialect::Postgres, "unknown_column", &calls);
    let honest = "SELECT c.email, (c).name, c.ctid, x.anything FROM customers c, (SELECT 1 AS anything) x";
    assert_eq!(verdict(honest, &shop(Dialect::Postgres)), "allowed");
}

#[test]
fn a_common_table_expression_hides_a_table_only_where_the_database_thinks_so() {
    refused(
        Dialect::Postgres,
        "unknown_table",
        &[
            "WITH api_keys AS (SELECT * FROM api_keys) SELECT * FROM api_keys",
            "WITH x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x",
            "WITH \"API_KEYS\" AS (SELECT 1) SELECT * FROM api_keys",
            "WITH users AS (SELECT 1) SELECT * FROM app_internal.users",
            "SELECT * FROM (WITH users AS (SELECT 1) SELECT 1) t, users",
        ],
    );
    let mysql = [
        "WITH API_KEYS AS (SELECT 1) SELECT * FROM api_keys",
        "WITH RECURSIVE x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x",
    ];
    refused(Dialect::Mysql, "unknown_table", &mysql);
    refused(Dialect::Sqlite, "unknown_table", &["WITH api_keys AS (SELECT 1) SELECT * FROM main.api_keys"]);
    assert_eq!(
        verdict("WITH x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x", &shop(Dialect::Sqlite)),
        "allowed"
    );
    assert_eq!(
        verdict("WITH RECURSIVE x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x", &shop(Dialect::Postgres)),
        "allowed"
    );
}

#[test]
fn a_query_without_a_table_may_name_mysqls_dual() {
    assert_eq!(verdict("SELECT 1 FROM DUAL", &shop(Dialect::Mysql)), "allowed");
    refused(Dialect::Mysql, "unknown_table", &["SELECT 1 FROM `dual`", "SELECT 1 FROM shop_b.dual"]);
}

#[test]
fn parameters_and_unreadable_text_are_refused() {
    refused(Dialect::Sqlite, "placeholder", &["SELECT ?", "SELECT ?1", "SELECT $a", "SELECT :a"]);
    refused(Dialect::Postgres, "placeholder", &["SELECT $1"]);
    for dialect in common::DIALECTS {
        refused(dialect, "syntax", &["SELECT 'open", "SELECT * FROM orders WHERE", "SELECT (1", "SELECT 'a\0b'"]);
    }
}

#[test]
fn a_message_names_tables_that_look_alike() {
    let refusal = sql_guard::check("SELECT * FROM costumers", &shop(Dialect::Postgres)).unwrap_err();
    assert_eq!(refusal.message, "There is no table costumers on this connection. Did you mean customers?");
    let refusal = sql_guard::check("SELECT * FROM zzzzzzzzzz", &shop(Dialect::Sqlite)).unwrap_err();
    assert!(refusal.message.contains("The tables are: customers, products"), "{}", refusal.message);
}

#[test]
fn the_tables_that_were_read_are_named_once() {
    let sql = "WITH c AS (SELECT * FROM customers) SELECT * FROM c, orders o, (SELECT * FROM customers) x WHERE o.customer_id = c.id";
    let checked = sql_guard::check(sql, &shop(Dialect::Postgres)).unwrap();
    assert_eq!(checked.tables, ["shop_a.customers", "shop_a.orders"]);
    assert_eq!(sql_guard::tables_named(sql, Dialect::Postgres), ["customers", "orders"]);
    assert_eq!(sql_guard::tables_named("SELECT * FROM Shop_B.\"Cust\"", Dialect::Postgres), ["shop_b.Cust"]);
    assert!(sql_guard::tables_named("no sql", Dialect::Sqlite).is_empty());
}
