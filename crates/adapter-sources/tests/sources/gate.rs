use crate::database::{Database, statement};
use contracts::{Cell, Dialect};
use ports::source::{Error, Reads, Statement};
use std::sync::Arc;
use std::time::Duration;

fn gated(sql: &str, max_scanned_rows: u64) -> Statement {
    Statement { max_scanned_rows: Some(max_scanned_rows), ..statement(sql) }
}

pub async fn a_statement_that_costs_too_much_does_not_run(database: Database) {
    database.add_numbers().await;
    database.run("CREATE INDEX numbers_n ON numbers (n)").await;
    if database.dialect() == Dialect::Postgres {
        database.run("ANALYZE numbers").await;
    }
    let source = database.source().await;
    let bomb = "SELECT COUNT(*) FROM numbers a, numbers b, numbers c, numbers d WHERE a.n + b.n + c.n + d.n < 0";
    let error = source.query(gated(bomb, 1_000_000_000)).await.unwrap_err();
    let Error::TooExpensive(sentence) = &error else { panic!("{error}") };
    assert!(sentence.contains("1.0 billion are allowed") && sentence.contains("Join the tables"), "{sentence}");
    let whole = source.query(gated("SELECT COUNT(*) FROM numbers WHERE n % 2 = 0", 100_000)).await.unwrap();
    assert_eq!(whole.rows, [[Cell::from(500)]]);
}

pub async fn the_refusal_names_what_is_indexed(database: Database) {
    database.add_numbers().await;
    database.run("ALTER TABLE numbers ADD COLUMN label VARCHAR(9)").await;
    database.run("CREATE INDEX numbers_n ON numbers (n)").await;
    let source = database.source().await;
    let error = source.query(gated("SELECT label FROM numbers ORDER BY label", 100)).await.unwrap_err();
    assert!(error.to_string().contains("Filter numbers by an indexed column (n)"), "{error}");
    let looked_up = source.query(gated("SELECT n FROM numbers WHERE n = 7", 5_000)).await.unwrap();
    assert_eq!(looked_up.rows, [[Cell::from(7)]]);
}

pub async fn a_dry_run_that_fails_is_the_statements_failure(database: Database) {
    let source = database.source().await;
    let error = source.query(gated("SELECT missing FROM nowhere", 1_000)).await.unwrap_err();
    assert!(matches!(&error, Error::Statement(message) if message.contains("nowhere")), "{error}");
}

pub async fn only_listed_tables_are_read(database: Database) {
    for sql in [
        "CREATE TABLE orders (id INTEGER, note VARCHAR(9))",
        "INSERT INTO orders VALUES (1, 'one')",
        "CREATE TABLE hidden (id INTEGER, note VARCHAR(9))",
        "INSERT INTO hidden VALUES (1, 'canary')",
        "CREATE VIEW listed_view AS SELECT o.id FROM orders o JOIN hidden h ON h.id = o.id",
        "CREATE VIEW other_view AS SELECT note FROM hidden",
    ] {
        database.run(sql).await;
    }
    let namespace = match database.dialect() {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some("public".to_owned()),
        Dialect::Mysql => Some(database.name.clone()),
    };
    let listed = ["orders", "listed_view"].map(|name| (namespace.clone(), name.to_owned()));
    let reads = Some(Arc::new(Reads::new(listed)));
    let source = database.source().await;
    let query = async |sql: &str| source.query(Statement { reads: reads.clone(), ..statement(sql) }).await;
    for sql in
        ["SELECT id FROM orders", "SELECT id FROM listed_view", "WITH a AS (SELECT id FROM orders) SELECT * FROM a"]
    {
        assert_eq!(query(sql).await.expect(sql).rows, [[Cell::from(1)]], "{sql}");
    }
    for sql in [
        "SELECT note FROM hidden",
        "SELECT note FROM other_view",
        "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM hidden)",
        "WITH listed_view AS (SELECT note FROM hidden) SELECT * FROM listed_view",
    ] {
        let error = query(sql).await.expect_err(sql);
        assert!(error.class() == "database_forbidden" && !error.to_string().contains("canary"), "{sql}: {error}");
    }
}

pub async fn a_plan_checks_all_and_runs_nothing(database: Database) {
    database.add_numbers().await;
    database.run("CREATE TABLE hidden (note VARCHAR(9))").await;
    let namespace = match database.dialect() {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some("public".to_owned()),
        Dialect::Mysql => Some(database.name.clone()),
    };
    let reads = Some(Arc::new(Reads::new([(namespace, "numbers".to_owned())])));
    let source = database.source().await;
    let plan = async |sql: &str, rows: u64| source.plan(Statement { reads: reads.clone(), ..gated(sql, rows) }).await;
    // Within the bound, and it would never end.
    let started = std::time::Instant::now();
    plan(&database.endless(), u64::MAX).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let costly = plan("SELECT a.n FROM numbers a, numbers b, numbers c", 1_000).await.unwrap_err();
    assert_eq!(costly.class(), "too_expensive", "{costly}");
    let hidden = plan("SELECT note FROM hidden", u64::MAX).await.unwrap_err();
    assert_eq!(hidden.class(), "database_forbidden", "{hidden}");
    let wrong = plan("SELECT missing FROM numbers", u64::MAX).await.unwrap_err();
    assert!(matches!(&wrong, Error::Statement(message) if message.contains("missing")), "{wrong}");
    for write in ["DELETE FROM numbers", "DROP TABLE numbers"] {
        assert_eq!(plan(write, u64::MAX).await.unwrap_err().class(), "database_forbidden", "{write}");
    }
    let stopped = Statement { reads: reads.clone(), ..gated("SELECT n FROM numbers", u64::MAX) };
    stopped.cancel.cancel();
    assert!(matches!(source.plan(stopped).await, Err(Error::Cancelled)));
    assert_eq!(database.cells("SELECT COUNT(*) FROM numbers").await, [[Cell::from(1000)]]);
}

#[tokio::test]
async fn a_connection_that_fails_at_once_is_tried_once_more() {
    crate::on(Dialect::Postgres, |database| async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = database.access.url.rsplit_once('@').unwrap().1.split('/').next().unwrap().to_owned();
        let relay = tokio::spawn(async move {
            // The first connection is closed without a word.
            drop(listener.accept().await.unwrap());
            let (mut client, _) = listener.accept().await.unwrap();
            let mut to = tokio::net::TcpStream::connect(server).await.unwrap();
            tokio::io::copy_bidirectional(&mut client, &mut to).await.ok();
        });
        let (head, tail) = database.access.url.rsplit_once('@').unwrap();
        let path = tail.split_once('/').unwrap().1;
        let mut access = database.access.clone();
        access.url = format!("{head}@127.0.0.1:{port}/{path}");
        let source = crate::database::open(&access).await;
        let asked = Statement { timeout: Duration::from_secs(5), ..statement("SELECT 1 AS one") };
        assert_eq!(source.query(asked).await.unwrap().rows, [[Cell::from(1)]]);
        drop(source);
        relay.await.unwrap();
    })
    .await;
}

/// What a function reads is known only when it ran. Rows that are given out although more would come were read too.
#[tokio::test]
async fn what_a_cut_statement_has_read_is_checked() {
    crate::on(Dialect::Postgres, |database| async move {
        database.add_numbers().await;
        database.run("CREATE TABLE hidden (note VARCHAR(9))").await;
        database.run("INSERT INTO hidden VALUES ('canary')").await;
        let body = "LANGUAGE plpgsql AS $$ DECLARE found text; BEGIN \
            EXECUTE 'SELECT note FROM public.hidden' INTO found; RETURN found; END $$";
        database.run(&format!("CREATE FUNCTION leak() RETURNS text STABLE {body}")).await;
        let reads = Some(Arc::new(Reads::new([(Some("public".to_owned()), "numbers".to_owned())])));
        let source = database.source().await;
        let query = async |sql: &str, max_rows: usize| {
            source.query(Statement { reads: reads.clone(), max_rows, ..statement(sql) }).await
        };
        for (sql, class) in [
            ("SELECT leak() FROM numbers", "database_forbidden"),
            ("SELECT leak(), interval '1 day' FROM numbers a, numbers b, numbers c", "database_forbidden"),
            // With the failure the locks are gone, which would tell what was read.
            ("SELECT leak(), 1 / (n - 40) FROM (SELECT n FROM numbers ORDER BY n) ordered", "database_error"),
        ] {
            let error = query(sql, 7).await.expect_err(sql);
            let expected = [class, "database_forbidden"].contains(&error.class());
            assert!(expected && !error.to_string().contains("canary"), "{sql}: {error}");
        }
        let shown = query("SELECT n, interval '1 day' FROM numbers a ORDER BY n", 7).await.unwrap();
        assert!(shown.truncated && shown.rows.len() == 7 && shown.rows[0][1] == "1 day", "{shown:?}");
        let failed = query("SELECT 1 / (n - 40) FROM (SELECT n FROM numbers ORDER BY n) o", 1000).await.unwrap_err();
        assert_eq!(failed.class(), "database_error", "{failed}");
    })
    .await;
}
