//! No value becomes a gigabyte long, however the functions that make it long are put together.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::{is_stable, printed, shop, verdict};
use contracts::Dialect::{self, Mysql, Postgres};

fn refused(dialect: Dialect, statements: &[&str]) {
    for sql in statements {
        assert_eq!(verdict(sql, &shop(dialect)), "too_large", "{}: {sql}", dialect.as_str());
    }
}

fn allowed(dialect: Dialect, statements: &[&str]) {
    let policy = shop(dialect);
    for sql in statements {
        assert!(is_stable(&printed(sql, &policy), &policy), "{}: {sql}", dialect.as_str());
    }
}

const EVERYWHERE: &[&str] = &[
    "SELECT repeat(repeat('x', 100000), 10000)",
    "SELECT repeat(lpad('x', 100000, 'y'), 10000)",
    "SELECT repeat(rpad(name, 100000, 'y'), 10000) FROM products",
    "SELECT repeat(concat(repeat('x', 50000), name), 50000) FROM products",
    "SELECT repeat(upper(repeat('x', 100000)), 10000)",
    "SELECT repeat(CASE WHEN 1 = 1 THEN repeat('x', 100000) ELSE '' END, 10000)",
    "SELECT repeat(coalesce(NULL, repeat('x', 100000)), 10000)",
    "SELECT replace(repeat('x', 100000), 'x', repeat('y', 100000))",
    "SELECT length(repeat(repeat('x', 100000), 10000))",
    "SELECT id FROM orders WHERE repeat(repeat('x', 100000), 10000) = 'x'",
    "SELECT id FROM orders ORDER BY repeat(repeat('x', 100000), 10000)",
    "SELECT repeat('x', 10000 * 100000)",
    "SELECT repeat('x', 100000 - -1000000000)",
    "SELECT repeat('x', 1000000000 / (1 - 0))",
    "SELECT repeat('x', CAST(id AS INTEGER)) FROM orders",
    "SELECT repeat('x', (SELECT 1000000000))",
    "SELECT repeat(name, length(repeat('x', 100000)) * 1000) FROM products",
    "SELECT repeat(t.x, 10000) FROM (SELECT repeat('x', 100000) AS x) t",
    "WITH a AS (SELECT repeat('x', 100000) AS x), b AS (SELECT repeat(x, 10000) AS x FROM a) SELECT x FROM b",
    "SELECT repeat(t.x, 10000) FROM (SELECT 1 AS x UNION ALL SELECT repeat('x', 100000)) t",
    "SELECT repeat((SELECT repeat('x', 100000)), 10000)",
    "SELECT (SELECT repeat(t.x, 10000)) FROM (SELECT repeat('x', 100000) AS x) t",
    "WITH RECURSIVE t (n, x) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, concat(x, x) FROM t WHERE n < 40) SELECT x FROM t",
    "WITH RECURSIVE t (n, x) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, repeat(x, 3) FROM t WHERE n < 40) SELECT x FROM t",
    "WITH RECURSIVE t (n, x) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, concat(x, repeat('y', 90000)) FROM t WHERE n < 40) \
     SELECT x FROM t",
    "WITH RECURSIVE t (n, x) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, replace(x, 'x', 'xxxx') FROM t WHERE n < 40) \
     SELECT x FROM t",
];

#[test]
fn a_text_that_grows_twice_is_refused() {
    for dialect in [Mysql, Postgres] {
        refused(dialect, EVERYWHERE);
    }
}

#[test]
fn it_is_refused_in_the_words_of_each_database() {
    refused(
        Postgres,
        &[
            "SELECT pg_catalog.repeat('x', 1000000000)",
            "SELECT \"repeat\"('x', 1000000000)",
            "SELECT repeat('x', 100000) || repeat(repeat('x', 100000), 10000)",
            "SELECT string_agg(repeat('x', 100000), '') FROM generate_series(1, 100000)",
            "SELECT string_agg(t.x, '') FROM (SELECT repeat('x', 100000) AS x FROM orders) t",
            "SELECT array_agg(lpad('x', 100000)) FROM orders",
            "SELECT array_fill(repeat('x', 100000), ARRAY[10000])",
            "SELECT repeat(r, 10000) FROM repeat('x', 100000) AS r",
            "SELECT r FROM orders, LATERAL (SELECT repeat('x', 100000) AS x) t, repeat(t.x, 10000) AS r",
            "SELECT repeat(CAST('x' AS CHAR(10000000)), 10000)",
            "WITH RECURSIVE t (n, x) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, x || x FROM t WHERE n < 40) SELECT x FROM t",
            "SELECT regexp_replace(repeat('x', 100000), 'x', repeat('y', 10000), 'g')",
            "SELECT encode(convert_to(repeat(repeat('x', 100000), 10000), 'UTF8'), 'hex')",
        ],
    );
    refused(
        Mysql,
        &[
            "SELECT `repeat`('x', 1000000000)",
            "SELECT repeat(space(100000), 10000)",
            "SELECT group_concat(repeat('x', 100000)) FROM orders",
            "SELECT export_set(5, repeat('x', 100000), repeat('y', 100000), repeat('z', 100000))",
        ],
    );
}

#[test]
fn texts_of_a_common_length_pass() {
    for dialect in [Mysql, Postgres] {
        allowed(
            dialect,
            &[
                "SELECT repeat('=', 40), lpad(name, 30, ' '), rpad(name, 30, '.') FROM products",
                "SELECT repeat('x', 100000)",
                "SELECT repeat(name, 1000) FROM products",
                "SELECT concat(repeat('*', length(email) - 4), right(email, 4)) FROM customers",
                "SELECT repeat('*', GREATEST(length(email) - 4, 0)) FROM customers",
                "SELECT repeat('#', LEAST(id, 50)) FROM orders",
                "SELECT repeat('#', CAST(LEAST(count(*), 50) AS SIGNED)) FROM orders"
                    .replace("SIGNED", if dialect == Postgres { "INTEGER" } else { "SIGNED" })
                    .as_str(),
                "SELECT replace(replace(replace(name, 'a', 'ae'), 'o', 'oe'), 'u', 'ue') FROM products",
                "SELECT concat(name, ': ', name, ' (', name, ')') FROM products",
                "SELECT t.x FROM (SELECT concat(name, ' ', name) AS x FROM products) t",
                "WITH a AS (SELECT concat(name, '!') AS x FROM products), b AS (SELECT concat(x, '?') AS x FROM a) \
                 SELECT concat(x, x) FROM b",
                "WITH RECURSIVE t (n, x) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, concat(x, ' > ', n) FROM t \
                 WHERE n < 40) SELECT x FROM t",
            ],
        );
    }
    allowed(
        Postgres,
        &[
            "SELECT string_agg(name, ', ' ORDER BY name) FROM products",
            "SELECT json_agg(json_build_object('name', name, 'same', name)) FROM products",
            "SELECT json_agg(json_build_object('id', c.id, 'name', c.name, 'orders', (SELECT json_agg(json_build_object(\
             'id', o.id, 'total', o.total, 'status', o.status, 'on', o.created_at)) FROM orders o WHERE o.customer_id = c.id))) FROM customers c",
        ],
    );
    allowed(Mysql, &["SELECT group_concat(name ORDER BY name SEPARATOR ', ') FROM products"]);
}

#[test]
fn a_pattern_that_may_never_end_is_refused_in_every_spelling() {
    refused(
        Dialect::Postgres,
        &[
            "SELECT 'aaaa!' ~ '^(a+)+$'",
            r"SELECT 'aaaa!' ~ E'^(a+)+$'",
            "SELECT 'aaaa!' ~ $p$^(a+)+b$p$",
            "SELECT 'aaaa!' ~ ('^(a+)+$'::text)",
            r"SELECT regexp_replace('aaaa!', E'^(a+)+$', '')",
        ],
    );
    refused(Dialect::Mysql, &["SELECT 'aaaa!' REGEXP \"^(a+)+$\"", "SELECT 'aaaa!' RLIKE ('^(a+)+$')"]);
    allowed(Dialect::Postgres, &[r"SELECT 'aaaa!' ~ E'^a+$'"]);
}
