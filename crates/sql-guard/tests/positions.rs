//! A function or table that is not listed is refused wherever it stands.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use common::{shop, verdict};
use contracts::Dialect;

/// Places for an expression, in every dialect.
const EVERYWHERE: [&str; 44] = [
    "SELECT {}",
    "SELECT {} AS a",
    "SELECT id, {} FROM orders",
    "SELECT DISTINCT {} FROM orders",
    "SELECT id FROM orders WHERE {}",
    "SELECT id FROM orders WHERE NOT {}",
    "SELECT id FROM orders WHERE 1 = 1 AND {} OR 1 = 2",
    "SELECT id FROM orders WHERE {} + 1 > 2",
    "SELECT id FROM orders WHERE 1 - {} > 2",
    "SELECT id FROM orders WHERE id IN (1, {})",
    "SELECT id FROM orders WHERE {} IN (1, 2)",
    "SELECT id FROM orders WHERE id NOT IN (SELECT {})",
    "SELECT id FROM orders WHERE id BETWEEN {} AND 5",
    "SELECT id FROM orders WHERE id BETWEEN 1 AND {}",
    "SELECT id FROM orders WHERE EXISTS (SELECT {})",
    "SELECT id FROM orders WHERE status LIKE {}",
    "SELECT id FROM orders WHERE status LIKE 'a' ESCAPE {}",
    "SELECT id FROM orders WHERE {} IS NULL",
    "SELECT id FROM orders WHERE {} IS NOT NULL",
    "SELECT id FROM orders WHERE (id, {}) = (1, 2)",
    "SELECT id FROM orders GROUP BY id, {}",
    "SELECT id FROM orders GROUP BY id HAVING {} > 1",
    "SELECT id FROM orders ORDER BY {}",
    "SELECT id FROM orders ORDER BY id, {} DESC",
    "SELECT id FROM orders LIMIT {}",
    "SELECT id FROM orders LIMIT 1 OFFSET {}",
    "SELECT o.id FROM orders o JOIN customers c ON {}",
    "SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = {}",
    "SELECT CASE WHEN {} THEN 1 END",
    "SELECT CASE {} WHEN 1 THEN 1 END",
    "SELECT CASE 1 WHEN {} THEN 1 END",
    "SELECT CASE 1 WHEN 1 THEN {} ELSE {} END",
    "SELECT CAST({} AS CHAR)",
    "SELECT coalesce(NULL, {})",
    "SELECT upper(lower({}))",
    "SELECT count({}) FROM orders",
    "SELECT count(DISTINCT {}) FROM orders",
    "SELECT sum(total) OVER (PARTITION BY {}) FROM orders",
    "SELECT sum(total) OVER (ORDER BY {}) FROM orders",
    "SELECT sum(total) OVER w FROM orders WINDOW w AS (PARTITION BY {} ORDER BY {})",
    "SELECT -{}",
    "SELECT * FROM (SELECT {} AS a) t",
    "WITH c AS (SELECT {} AS a) SELECT a FROM c",
    "SELECT 1 UNION ALL SELECT {}",
];

const VALUES: [&str; 3] = ["VALUES (1), ({})", "SELECT (SELECT {})", "SELECT 1 EXCEPT SELECT 1 UNION SELECT {}"];

const SQLITE: [&str; 13] = [
    "SELECT id FROM orders WHERE id IS {}",
    "SELECT id FROM orders WHERE {} IS NOT id",
    "SELECT id FROM orders WHERE status GLOB {}",
    "SELECT id FROM orders WHERE status NOT GLOB {}",
    "SELECT count(*) FILTER (WHERE {}) FROM orders",
    "SELECT group_concat(status, {}) FROM orders",
    "SELECT status COLLATE NOCASE = {} FROM orders",
    "SELECT id FROM orders ORDER BY {} COLLATE NOCASE",
    "SELECT 1 << {}",
    "SELECT value FROM json_each({})",
    "SELECT sum(total) OVER (ORDER BY id ROWS {} PRECEDING EXCLUDE TIES) FROM orders",
    "WITH c(x) AS (VALUES ({})) SELECT x FROM c",
    "SELECT attrs ->> {} FROM products",
];

const POSTGRES: [&str; 37] = [
    "SELECT {} COLLATE \"C\"",
    "SELECT {}::text",
    "SELECT ARRAY[1, {}]",
    "SELECT ARRAY(SELECT {})",
    "SELECT (ARRAY[1, 2])[{}]",
    "SELECT (ARRAY[1, 2])[1:{}]",
    "SELECT ROW(1, {})",
    "SELECT DISTINCT ON ({}) id FROM orders",
    "SELECT count(*) FILTER (WHERE {} IS NULL) FROM orders",
    "SELECT string_agg(status, ',' ORDER BY {}) FROM orders",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {}) FROM orders",
    "SELECT id FROM orders GROUP BY GROUPING SETS ((id), (1 + {}))",
    "SELECT id FROM orders GROUP BY ROLLUP (id, 1 + {})",
    "SELECT id FROM orders GROUP BY CUBE (1 + {})",
    "SELECT * FROM orders TABLESAMPLE BERNOULLI ({})",
    "SELECT c.id FROM customers c CROSS JOIN LATERAL (SELECT {}) l",
    "SELECT * FROM generate_series(1, {}) g",
    "SELECT * FROM unnest(ARRAY[{}]) u",
    "SELECT make_interval(days => {})",
    "SELECT make_interval(days := {})",
    "SELECT extract(epoch FROM {})",
    "SELECT position('a' IN {})",
    "SELECT substring({} FROM 1 FOR 2)",
    "SELECT substring('a' FROM {})",
    "SELECT trim(BOTH ' ' FROM {})",
    "SELECT trim(BOTH {} FROM 'a')",
    "SELECT overlay('a' PLACING {} FROM 1 FOR 1)",
    "SELECT created_at AT TIME ZONE {} FROM orders",
    "SELECT id FROM orders WHERE id = ANY ({})",
    "SELECT id FROM orders WHERE id > ALL (SELECT {})",
    "SELECT 1 IS DISTINCT FROM {}",
    "SELECT 'a' SIMILAR TO {}",
    "SELECT 'a' ILIKE {}",
    "SELECT payload -> {} FROM events",
    "SELECT json_build_object('a', {})",
    "SELECT ({}).key",
    "SELECT sum(total) OVER (ROWS BETWEEN {} PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM orders",
];

const MYSQL: [&str; 19] = [
    "SELECT {} COLLATE utf8mb4_bin",
    "SELECT BINARY {}",
    "SELECT CONVERT({} USING utf8mb4)",
    "SELECT CONVERT({}, CHAR)",
    "SELECT GROUP_CONCAT(status ORDER BY {} SEPARATOR ',') FROM orders",
    "SELECT NOW() + INTERVAL {} DAY",
    "SELECT NOW() + INTERVAL {} DAY_HOUR",
    "SELECT EXTRACT(YEAR_MONTH FROM {})",
    "SELECT SUBSTRING({} FROM 1 FOR 2)",
    "SELECT TRIM(LEADING {} FROM 'a')",
    "SELECT POSITION('a' IN {})",
    "SELECT id FROM orders GROUP BY id, {} WITH ROLLUP",
    "SELECT id FROM orders WHERE status REGEXP {}",
    "SELECT id FROM orders WHERE 1 XOR {}",
    "SELECT 7 DIV {}",
    "SELECT 7 MOD {}",
    "SELECT !{}",
    "SELECT * FROM JSON_TABLE({}, '$' COLUMNS (a INT PATH '$')) t",
    "SELECT {fn {}}",
];

fn refuses(dialect: Dialect, places: &[&str], hidden: &str, rule: &str) {
    let policy = shop(dialect);
    let harmless = match rule {
        "unknown_function" => "abs(1)",
        _ => "(SELECT max(id) FROM orders)",
    };
    for place in EVERYWHERE.iter().chain(&VALUES).chain(places) {
        // The place itself is fine: only what stands in it is refused.
        let honest = place.replace("{}", harmless);
        assert_eq!(verdict(&honest, &policy), "allowed", "{honest}");
        let hostile = place.replace("{}", hidden);
        assert_eq!(verdict(&hostile, &policy), rule, "{hostile}");
    }
}

#[test]
fn a_forbidden_function_is_found_in_every_place_of_sqlite() {
    refuses(Dialect::Sqlite, &SQLITE, "load_extension('x')", "unknown_function");
}

#[test]
fn a_forbidden_function_is_found_in_every_place_of_postgres() {
    refuses(Dialect::Postgres, &POSTGRES, "pg_read_file('/etc/passwd')", "unknown_function");
}

#[test]
fn a_forbidden_function_is_found_in_every_place_of_mysql() {
    refuses(Dialect::Mysql, &MYSQL, "sleep(1)", "unknown_function");
}

#[test]
fn a_foreign_table_is_found_in_every_place() {
    refuses(Dialect::Sqlite, &SQLITE, "(SELECT secret FROM api_keys)", "unknown_table");
    refuses(Dialect::Postgres, &POSTGRES, "(SELECT secret FROM app_internal.api_keys)", "unknown_table");
    refuses(Dialect::Mysql, &MYSQL[..MYSQL.len() - 1], "(SELECT secret FROM app_internal.api_keys)", "unknown_table");
}

#[test]
fn a_foreign_table_is_found_in_every_kind_of_from() {
    let places = [
        "SELECT * FROM {}",
        "SELECT * FROM orders, {}",
        "SELECT * FROM orders JOIN {} ON 1 = 1",
        "SELECT * FROM orders LEFT JOIN {} ON 1 = 1",
        "SELECT * FROM orders CROSS JOIN {}",
        "SELECT * FROM orders NATURAL JOIN {}",
        "SELECT * FROM (orders JOIN {} ON 1 = 1)",
        "SELECT * FROM (SELECT * FROM {}) t",
        "WITH c AS (SELECT * FROM {}) SELECT * FROM c",
        "WITH a AS (SELECT 1), b AS (SELECT * FROM {}) SELECT * FROM a",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r, {}) SELECT * FROM r",
        "SELECT 1 UNION SELECT * FROM {}",
        "SELECT 1 EXCEPT SELECT * FROM {} INTERSECT SELECT 1",
        "SELECT * FROM (WITH api_keys AS (SELECT 2) SELECT 1) t, {}",
    ];
    for (dialect, table) in [
        (Dialect::Sqlite, "api_keys"),
        (Dialect::Sqlite, "main.api_keys"),
        (Dialect::Sqlite, "[api_keys]"),
        (Dialect::Sqlite, "sqlite_master"),
        (Dialect::Postgres, "app_internal.api_keys"),
        (Dialect::Postgres, "\"shop_b\".\"customers\""),
        (Dialect::Postgres, "guarddb.shop_a.customers"),
        (Dialect::Postgres, "pg_class"),
        (Dialect::Postgres, "information_schema.tables"),
        (Dialect::Mysql, "`shop_b` . customers"),
        (Dialect::Mysql, "mysql.user"),
        (Dialect::Mysql, "seq_1_to_10"),
    ] {
        for place in places {
            let hostile = place.replace("{}", table);
            assert_eq!(verdict(&hostile, &shop(dialect)), "unknown_table", "{hostile}");
        }
    }
}
