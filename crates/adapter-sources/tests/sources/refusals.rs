use crate::database::{Database, open, run_at, server_url, statement};
use contracts::{Cell, Dialect};
use ports::source::{Access, Statement};
use std::time::Duration;

/// Sent past the guard, as the role of the source, which in these tests may do anything.
pub async fn writes_are_refused(database: Database) {
    database.run("CREATE TABLE kept (n INTEGER)").await;
    database.run("INSERT INTO kept VALUES (1)").await;
    let everywhere = [
        "INSERT INTO kept VALUES (2)",
        "UPDATE kept SET n = 2",
        "DELETE FROM kept",
        "DROP TABLE kept",
        "CREATE TABLE other (n INTEGER)",
        "COMMIT",
        "SELECT 1; DROP TABLE kept",
        "SELECT 1; COMMIT; DROP TABLE kept",
    ];
    let here: &[&str] = match database.dialect() {
        Dialect::Sqlite => &[
            "PRAGMA query_only = OFF",
            "ATTACH DATABASE 'other.db' AS other",
            "SELECT 1; ATTACH DATABASE 'other.db' AS other",
            "VACUUM INTO 'other.db'",
            "WITH a AS (SELECT 1) DELETE FROM kept",
            "SELECT load_extension('other')",
        ],
        Dialect::Postgres => &[
            "WITH gone AS (DELETE FROM kept RETURNING n) SELECT * FROM gone",
            "SELECT n INTO other FROM kept",
            "SELECT nextval('made')",
            "DO $$ BEGIN DELETE FROM kept; END $$",
            "SET TRANSACTION READ WRITE",
            "SELECT set_config('transaction_read_only', 'off', true)",
        ],
        Dialect::Mysql => &[
            "WITH a AS (SELECT 1) DELETE FROM kept",
            "/*!50000 DELETE FROM kept */",
            "SET GLOBAL max_connections = 1",
            "START TRANSACTION READ WRITE",
        ],
    };
    if database.dialect() == Dialect::Postgres {
        database.run("CREATE SEQUENCE made").await;
    }
    for sql in everywhere.iter().chain(here) {
        let error = database.query(sql).await.expect_err(sql);
        assert!(["database_forbidden", "database_error"].contains(&error.class()), "{sql}: {error}");
    }
    assert_eq!(database.cells("SELECT n FROM kept").await, [[Cell::from(1)]]);
}

pub async fn nothing_outlives_a_statement(database: Database) {
    let source = database.source().await;
    let pairs: &[(&str, &str, Cell)] = match database.dialect() {
        Dialect::Sqlite => &[],
        Dialect::Postgres => &[
            // A read-only transaction allows it; it is rolled back.
            ("SELECT lo_create(0)", "SELECT count(*) FROM pg_largeobject_metadata", Cell::from(0)),
            (
                "SELECT set_config('search_path', 'elsewhere', false)",
                "SELECT current_setting('search_path')",
                Cell::from("pg_catalog, public, pg_temp"),
            ),
            (
                "SELECT pg_advisory_lock(4711)",
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
                Cell::from(0),
            ),
            // The server keeps the name of a setting that it does not know, not the value.
            (
                "SELECT set_config('my.note', 'x', false)",
                "SELECT coalesce(current_setting('my.note', true), '')",
                Cell::from(""),
            ),
        ],
        Dialect::Mysql => &[
            ("SELECT @note := 5", "SELECT @note", Cell::Null),
            ("SELECT GET_LOCK('askline_outlives', 0)", "SELECT IS_FREE_LOCK('askline_outlives')", Cell::from(1)),
        ],
    };
    for (sql, look, expected) in pairs {
        source.query(statement(sql)).await.expect(sql);
        database.wait_until_running(false).await;
        assert_eq!(source.query(statement(look)).await.unwrap().rows, [[expected.clone()]], "{sql}");
    }
}

#[tokio::test]
async fn postgres_connections_are_used_again_unless_their_statement_was_stopped() {
    crate::on(Dialect::Postgres, |database| async move {
        let source = database.source().await;
        let backend = async || source.query(statement("SELECT pg_backend_pid()")).await.unwrap().rows;
        let first = backend().await;
        source.query(statement("SELECT wrong FROM nowhere")).await.unwrap_err();
        assert_eq!(backend().await, first);
        let slow = Statement { timeout: Duration::from_millis(50), ..statement("SELECT pg_sleep(20)") };
        source.query(slow).await.unwrap_err();
        let second = backend().await;
        assert_ne!(second, first);
        database.run(&format!("SELECT pg_terminate_backend({})", second[0][0])).await;
        assert_ne!(backend().await, second);
    })
    .await;
}

/// PostgreSQL here may trust everybody, so the real refusal is MariaDB's; the code 28P01 has a test of its own.
#[tokio::test]
async fn a_wrong_password_is_a_login_error_that_does_not_repeat_it() {
    let server = server_url(Dialect::Mysql);
    let user = format!("reader{}", std::process::id());
    run_at(Dialect::Mysql, &server, &format!("CREATE OR REPLACE USER {user}@'%' IDENTIFIED BY 'right'")).await;
    run_at(Dialect::Mysql, &server, &format!("GRANT SELECT ON test.* TO {user}@'%'")).await;
    let place = server.rsplit_once('@').unwrap().1.to_owned();
    let access = |password: &str| Access { dialect: Dialect::Mysql, url: format!("mysql://{user}:{password}@{place}") };
    let wrong = open(&access("hush")).await.about().await;
    let right = open(&access("right")).await.about().await;
    run_at(Dialect::Mysql, &server, &format!("DROP USER {user}@'%'")).await;
    let error = wrong.unwrap_err();
    assert!(error.class() == "connection_login" && !error.to_string().contains("hush"), "{error}");
    assert!(right.unwrap().warnings.iter().all(|warning| !warning.contains("may change")));
}

#[tokio::test]
async fn a_role_that_could_write_is_warned_of_and_a_reader_is_not() {
    let server = server_url(Dialect::Postgres);
    let role = format!("reader{}", std::process::id());
    run_at(Dialect::Postgres, &server, &format!("CREATE ROLE {role} LOGIN")).await;
    let place = server.rsplit_once('@').unwrap().1.to_owned();
    let reader = open(&Access { dialect: Dialect::Postgres, url: format!("postgres://{role}@{place}") }).await;
    let about = reader.about().await;
    let forbidden = reader.query(statement("SELECT * FROM pg_authid")).await;
    run_at(Dialect::Postgres, &server, &format!("DROP ROLE {role}")).await;
    assert!(about.unwrap().warnings.iter().all(|warning| !warning.contains("superuser")));
    assert_eq!(forbidden.unwrap_err().class(), "database_forbidden");
    let root = open(&Access { dialect: Dialect::Postgres, url: server }).await.about().await.unwrap();
    assert!(root.warnings.iter().any(|warning| warning.contains("superuser")), "{:?}", root.warnings);
}
