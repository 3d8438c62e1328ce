use crate::database::Database;
use contracts::{Cell, Dialect};
use serde_json::json;

pub async fn common_values_are_lossless(database: Database) {
    database.run("CREATE TABLE a (n BIGINT, s VARCHAR(99), d DOUBLE PRECISION)").await;
    database.run("INSERT INTO a VALUES (9007199254740991, 'ünï''code', 0.1), (9007199254740992, '', -1.5), (NULL, NULL, NULL)").await;
    let rows = database.cells("SELECT n, s, d FROM a ORDER BY n IS NULL, n").await;
    let expected = [
        [json!(9007199254740991_i64), json!("ünï'code"), json!(0.1)],
        [json!("9007199254740992"), json!(""), json!(-1.5)],
        [Cell::Null, Cell::Null, Cell::Null],
    ];
    assert_eq!(rows, expected);
}

pub async fn values_of_the_dialect_are_lossless(database: Database) {
    match database.dialect() {
        Dialect::Sqlite => sqlite(database).await,
        Dialect::Postgres => postgres(database).await,
        Dialect::Mysql => mysql(database).await,
    }
}

async fn all(database: &Database, pairs: &[(&str, Cell)]) {
    for (sql, expected) in pairs {
        let rows = database.cells(&format!("SELECT {sql}")).await;
        assert_eq!(rows, [[expected.clone()]], "{sql}");
    }
}

async fn sqlite(database: Database) {
    // Whatever the column declares, a value is what it is.
    database.run("CREATE TABLE a (b INTEGER, c DATE); INSERT INTO a VALUES ('text', '2026-01-31'), (1.5, 7), (X'00ff', 9e999)").await;
    let expected =
        [[json!("text"), json!("2026-01-31")], [json!(1.5), json!(7)], [json!("\\x00ff"), json!("Infinity")]];
    assert_eq!(database.cells("SELECT b, c FROM a ORDER BY rowid").await, expected);
    all(
        &database,
        &[("CAST(X'ff' AS TEXT)", json!("\\xff")), ("'a' || char(0) || 'b'", json!("a\0b")), ("1 = 1", json!(1))],
    )
    .await;
}

async fn postgres(database: Database) {
    database.run("CREATE TYPE mood AS ENUM ('calm', 'wild')").await;
    database.run("CREATE TYPE point2 AS (x integer, label text)").await;
    database.run("CREATE DOMAIN positive AS integer CHECK (VALUE > 0)").await;
    all(
        &database,
        &[
            ("true", json!(true)),
            ("'\\x00ff'::bytea", json!("\\x00ff")),
            ("'NaN'::float8", json!("NaN")),
            ("0.1::real", json!(0.1)),
            ("12345678901234567890.1200::numeric", json!("12345678901234567890.1200")),
            ("-0.00001234::numeric", json!("-0.00001234")),
            ("10000::numeric", json!("10000")),
            ("0.00::numeric", json!("0.00")),
            ("'Infinity'::numeric", json!("Infinity")),
            ("100000000.0001::numeric", json!("100000000.0001")),
            ("date '2026-01-31'", json!("2026-01-31")),
            ("date '0044-03-15 BC'", json!("0044-03-15 BC")),
            ("date 'infinity'", json!("infinity")),
            ("timestamp '2026-01-31 13:45:00.25'", json!("2026-01-31 13:45:00.25")),
            ("timestamptz '2026-01-31 13:45:00+02'", json!("2026-01-31 11:45:00+00")),
            ("time '13:45:00'", json!("13:45:00")),
            ("timetz '13:45:00+02'", json!("13:45:00+02")),
            ("interval '1 year 2 days 3 hours'", json!("1 year 2 days 03:00:00")),
            ("uuid '00112233-4455-6677-8899-aabbccddeeff'", json!("00112233-4455-6677-8899-aabbccddeeff")),
            ("inet '10.0.0.1/8'", json!("10.0.0.1/8")),
            ("int4range(1, 5)", json!("[1,5)")),
            ("'{1,2,NULL}'::int[]", json!("{1,2,NULL}")),
            ("ARRAY[0.1, 'NaN']::float8[]", json!("{0.1,NaN}")),
            ("ARRAY['calm', 'wild']::mood[]", json!("{calm,wild}")),
            ("'wild'::mood", json!("wild")),
            ("ROW(1, 'a b')::point2", json!("(1,\"a b\")")),
            ("ROW(1, true, NULL, 'x')", json!("(1,t,,x)")),
            ("ROW(1, interval '1 day')", json!("(1,\"\\\\x00000000000000000000000100000000\")")),
            ("5::positive", json!(5)),
            ("'{\"a\": [1]}'::jsonb", json!("{\"a\": [1]}")),
            ("'{\"a\":1}'::json", json!("{\"a\":1}")),
            ("12.5::money", json!("$12.50")),
            ("B'101'", json!("101")),
            ("point(1, 2)", json!("(1,2)")),
            ("'a'::\"char\"", json!("a")),
            ("'x'::name", json!("x")),
            ("'pg_class'::regclass", json!("pg_class")),
            ("pg_sleep(0)", json!("")),
            ("'a fat cat'::tsvector", json!("'a' 'cat' 'fat'")),
        ],
    )
    .await;
    one_type_that_cannot_be_rendered_spoils_nothing(&database).await;
    odd_values_are_rendered_after_a_cut(&database).await;
}

async fn one_type_that_cannot_be_rendered_spoils_nothing(database: &Database) {
    let rows = database.cells("SELECT ARRAY[ROW(1)], interval '1 day', 7").await;
    let text = rows[0][0].as_str().unwrap();
    assert!(text.starts_with("\\x"), "{text}");
    assert_eq!(rows[0][1..], [json!("1 day"), json!(7)]);
}

async fn odd_values_are_rendered_after_a_cut(database: &Database) {
    let sql = "SELECT n * interval '1 day' FROM (SELECT generate_series(1, 1000000000) AS n) a";
    let statement = ports::source::Statement { max_rows: 600, ..crate::database::statement(sql) };
    let result = database.source().await.query(statement).await.unwrap();
    assert_eq!((result.rows.len(), result.truncated), (600, true));
    assert_eq!(result.rows[599], [json!("600 days")]);
}

async fn mysql(database: Database) {
    all(
        &database,
        &[
            ("1 = 1", json!(1)),
            ("CAST(18446744073709551615 AS UNSIGNED)", json!("18446744073709551615")),
            ("CAST('123456789012345678.10' AS DECIMAL(20,2))", json!("123456789012345678.10")),
            ("DATE '2026-01-31'", json!("2026-01-31")),
            ("TIMESTAMP '2026-01-31 13:45:00.25'", json!("2026-01-31 13:45:00.25")),
            ("TIMESTAMP '2026-01-31 00:00:00'", json!("2026-01-31 00:00:00")),
            ("CAST('-100:30:00' AS TIME)", json!("-100:30:00")),
            ("CAST('00:00:00' AS TIME)", json!("00:00:00")),
            ("X'00ff'", json!("\\x00ff")),
            ("_utf8mb4'ü' COLLATE utf8mb4_bin", json!("ü")),
            ("CONCAT(1, DATE '2026-01-31')", json!("12026-01-31")),
            ("JSON_OBJECT('a', 1)", json!("{\"a\": 1}")),
            ("\"text\"", json!("text")),
            ("1 || 0", json!(1)),
        ],
    )
    .await;
    database
        .run("CREATE TABLE a (t TINYINT(1), u TINYINT UNSIGNED, f FLOAT, b BIT(10), y YEAR, e ENUM('x', 'y'), s SET('p', 'q'), z DATE, j JSON, bin BINARY(2), txt TEXT)")
        .await;
    run_lax(
        &database,
        "INSERT INTO a VALUES (-5, 200, 0.1, b'1000000001', 2026, 'y', 'p,q', '0000-00-00', '[1]', X'0102', 'long')",
    )
    .await;
    let expected = [
        json!(-5),
        json!(200),
        json!(0.1),
        json!(513),
        json!(2026),
        json!("y"),
        json!("p,q"),
        json!("0000-00-00"),
        json!("[1]"),
        json!("\\x0102"),
        json!("long"),
    ];
    assert_eq!(database.cells("SELECT * FROM a").await, [expected]);
}

/// A zero date needs a mode that allows it.
async fn run_lax(database: &Database, sql: &str) {
    use sqlx::{AssertSqlSafe, Connection, Executor};
    let mut connection = sqlx::mysql::MySqlConnection::connect(&database.access.url).await.unwrap();
    connection.execute("SET SESSION sql_mode = ''").await.unwrap();
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}
