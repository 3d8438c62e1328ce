//! Approved changes: kept as a whole or not at all.

use crate::database::{Database, sources, sources_of, statement};
use adapter_sources::Reserved;
use contracts::{ChangeKind, Dialect};
use ports::Sources;
use ports::source::{Access, Change, Changed, Error, Reads};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

async fn orders(database: &Database) {
    database.run("CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER NOT NULL CHECK (total < 1000))").await;
    database.run("INSERT INTO orders VALUES (1, 10), (2, 20), (3, 30)").await;
    database.run("CREATE TABLE notes (id INTEGER PRIMARY KEY, text VARCHAR(10))").await;
    database.run("INSERT INTO notes VALUES (1, 'secret')").await;
}

fn change(database: &Database, kind: ChangeKind, expected_rows: u64, sql: &str) -> Change {
    let namespace = match database.dialect() {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some("public".to_owned()),
        Dialect::Mysql => Some(database.name.clone()),
    };
    Change {
        sql: sql.to_owned(),
        kind,
        reads: Arc::new(Reads::new([(namespace.clone(), "orders".to_owned())])),
        namespace,
        table: "orders".to_owned(),
        expected_rows,
        timeout: Duration::from_secs(20),
        cancel: CancellationToken::new(),
    }
}

async fn run(database: &Database, change: Change) -> Result<Changed, Error> {
    sources(None).writer(&database.access, &database.access).await.unwrap().change(change).await
}

/// The totals, in order, as text.
async fn totals(database: &Database) -> String {
    let rows = database.cells("SELECT total FROM orders ORDER BY id").await;
    rows.iter().map(|row| row[0].to_string()).collect::<Vec<_>>().join(" ")
}

pub async fn a_change_of_the_expected_rows_is_kept(database: Database) {
    orders(&database).await;
    sources(None).writer(&database.access, &database.access).await.unwrap().check().await.unwrap();
    for (kind, rows, sql) in [
        (ChangeKind::Update, 2, "UPDATE orders SET total = total + 1 WHERE id > 1"),
        // Rows that have the value already count too.
        (ChangeKind::Update, 1, "UPDATE orders SET total = 10 WHERE id = 1"),
        (ChangeKind::Delete, 1, "DELETE FROM orders WHERE id = 3"),
        (ChangeKind::Insert, 2, "INSERT INTO orders (id, total) VALUES (7, 70), (8, 80)"),
    ] {
        let changed = run(&database, change(&database, kind, rows, sql)).await.unwrap();
        assert_eq!(changed.rows, rows, "{sql}");
    }
    assert_eq!(totals(&database).await, "10 21 70 80");
}

pub async fn a_change_of_other_rows_is_undone(database: Database) {
    orders(&database).await;
    for (kind, sql) in [
        (ChangeKind::Update, "UPDATE orders SET total = 0 WHERE id > 1"),
        (ChangeKind::Delete, "DELETE FROM orders WHERE id > 1"),
        (ChangeKind::Insert, "INSERT INTO orders (id, total) VALUES (7, 70), (8, 80)"),
    ] {
        let outcome = run(&database, change(&database, kind, 3, sql)).await;
        assert!(matches!(outcome, Err(Error::OtherRows { expected: 3, found: 2 })), "{outcome:?}");
        assert_eq!(totals(&database).await, "10 20 30", "{sql}");
    }
}

pub async fn a_change_that_fails_half_way_is_undone(database: Database) {
    orders(&database).await;
    let sql = "UPDATE orders SET total = total * 40 WHERE id > 0";
    let outcome = run(&database, change(&database, ChangeKind::Update, 3, sql)).await;
    assert!(matches!(outcome, Err(Error::Statement(_))), "{outcome:?}");
    let sql = "INSERT INTO orders (id, total) VALUES (7, 70), (1, 80)";
    let outcome = run(&database, change(&database, ChangeKind::Insert, 2, sql)).await;
    assert!(matches!(outcome, Err(Error::Statement(_))), "{outcome:?}");
    assert_eq!(totals(&database).await, "10 20 30");
}

pub async fn a_change_that_takes_too_long_is_undone(database: Database) {
    orders(&database).await;
    database.add_numbers().await;
    let endless = "UPDATE orders SET total = 1 WHERE id < (SELECT COUNT(*) FROM numbers a, numbers b, numbers c, numbers d, \
                   numbers e WHERE a.n + b.n + c.n + d.n + e.n > 0)";
    let with_numbers = |timeout: Duration| {
        let mut asked = change(&database, ChangeKind::Update, 3, endless);
        let tables = ["orders", "numbers"].map(|table| (asked.namespace.clone(), table.to_owned()));
        asked.reads = Arc::new(Reads::new(tables));
        asked.timeout = timeout;
        asked
    };
    let outcome = run(&database, with_numbers(Duration::from_millis(500))).await;
    assert!(matches!(outcome, Err(Error::TimedOut(_))), "{outcome:?}");

    let asked = with_numbers(Duration::from_secs(60));
    let cancel = asked.cancel.clone();
    let running = tokio::spawn({
        let database = database.clone();
        async move { run(&database, asked).await }
    });
    database.wait_until_running(true).await;
    cancel.cancel();
    let outcome = running.await.unwrap();
    assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
    database.wait_until_running(false).await;
    assert_eq!(totals(&database).await, "10 20 30");
}

pub async fn a_change_that_was_stopped_before_does_not_begin(database: Database) {
    orders(&database).await;
    let asked = change(&database, ChangeKind::Delete, 1, "DELETE FROM orders WHERE id = 1");
    asked.cancel.cancel();
    let outcome = run(&database, asked).await;
    assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
    assert_eq!(totals(&database).await, "10 20 30");
}

pub async fn triggers_of_the_database_run_and_are_undone_with_the_change(database: Database) {
    orders(&database).await;
    database.run("CREATE TABLE history (order_id INTEGER, total INTEGER)").await;
    match database.dialect() {
        Dialect::Postgres => {
            database
                .run(
                    "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                      INSERT INTO public.history VALUES (OLD.id, OLD.total); RETURN NEW; END $$",
                )
                .await;
            database.run("CREATE TRIGGER kept BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION keep()").await;
        }
        Dialect::Mysql => {
            database
                .run("CREATE TRIGGER kept BEFORE UPDATE ON orders FOR EACH ROW INSERT INTO history VALUES (OLD.id, OLD.total)")
                .await;
        }
        Dialect::Sqlite => {
            database
                .run(
                    "CREATE TRIGGER kept BEFORE UPDATE ON orders FOR EACH ROW \
                      BEGIN INSERT INTO history VALUES (OLD.id, OLD.total); END",
                )
                .await;
        }
    }
    let sql = "UPDATE orders SET total = 0 WHERE id > 1";
    run(&database, change(&database, ChangeKind::Update, 2, sql)).await.unwrap();
    let kept = database.cells("SELECT order_id, total FROM history ORDER BY order_id").await;
    let kept: Vec<(Option<i64>, Option<i64>)> = kept.iter().map(|row| (row[0].as_i64(), row[1].as_i64())).collect();
    assert_eq!(kept, [(Some(2), Some(20)), (Some(3), Some(30))]);
    let outcome = run(&database, change(&database, ChangeKind::Update, 9, sql)).await;
    assert!(matches!(outcome, Err(Error::OtherRows { expected: 9, found: 2 })), "{outcome:?}");
    assert_eq!(database.cells("SELECT total FROM history").await.len(), 2, "the trigger's rows are undone too");
}

pub async fn only_the_approved_table_and_kind_change(database: Database) {
    orders(&database).await;
    for (kind, sql) in [
        (ChangeKind::Delete, "DELETE FROM notes WHERE id = 1"),
        (ChangeKind::Update, "UPDATE notes SET text = 'x' WHERE id = 1"),
        (ChangeKind::Update, "UPDATE orders SET total = (SELECT id FROM notes) WHERE id = 1"),
        (ChangeKind::Insert, "INSERT INTO orders (id, total) SELECT 9, id FROM notes"),
        (ChangeKind::Delete, "UPDATE orders SET total = 1 WHERE id = 1"),
        (ChangeKind::Update, "DROP TABLE notes"),
    ] {
        let outcome = run(&database, change(&database, kind, 1, sql)).await;
        assert!(matches!(outcome, Err(Error::Forbidden(_))), "{sql}: {outcome:?}");
    }
    assert_eq!(totals(&database).await, "10 20 30");
    assert_eq!(database.cells("SELECT text FROM notes").await[0][0], "secret");
}

pub async fn what_cannot_be_undone_is_not_begun(database: Database) {
    let (create, refused) = match database.dialect() {
        Dialect::Mysql => ("CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER) ENGINE = MyISAM", true),
        _ => ("CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER)", false),
    };
    database.run(create).await;
    database.run("INSERT INTO orders VALUES (1, 10)").await;
    let outcome =
        run(&database, change(&database, ChangeKind::Update, 1, "UPDATE orders SET total = 1 WHERE id = 1")).await;
    assert_eq!(matches!(outcome, Err(Error::Forbidden(_))), refused, "{outcome:?}");
    assert_eq!(totals(&database).await, if refused { "10" } else { "1" });
}

/// In SQLite the preview counts all that changes; servers cascade by their owner's rule.
pub async fn sqlite_cascades_into_no_other_table(database: Database) {
    if database.dialect() != Dialect::Sqlite {
        return;
    }
    orders(&database).await;
    database
        .run("CREATE TABLE items (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id) ON DELETE CASCADE)")
        .await;
    database.run("INSERT INTO items VALUES (1, 1)").await;
    let outcome = run(&database, change(&database, ChangeKind::Delete, 1, "DELETE FROM orders WHERE id = 1")).await;
    assert!(matches!(outcome, Err(Error::Forbidden(_))), "{outcome:?}");
    assert_eq!(database.cells("SELECT id FROM items").await.len(), 1);
    // A name that a trigger has gives a common table expression none of its rights.
    database
        .run("CREATE TRIGGER kept AFTER UPDATE ON orders BEGIN UPDATE items SET order_id = NEW.id WHERE 0; END")
        .await;
    let sql =
        "UPDATE orders SET total = (WITH kept AS (SELECT text FROM notes) SELECT length(text) FROM kept) WHERE id = 1";
    let outcome = run(&database, change(&database, ChangeKind::Update, 1, sql)).await;
    assert!(matches!(outcome, Err(Error::Forbidden(_))), "{outcome:?}");
}

pub async fn a_url_that_cannot_write_is_said(database: Database) {
    let access = match database.dialect() {
        Dialect::Sqlite => Access { dialect: Dialect::Sqlite, url: "placed:/x.db".to_owned() },
        dialect => {
            let url = database.access.url.replace("root@", "nobody_here:x@");
            Access { dialect, url }
        }
    };
    let error = match sources(None).writer(&database.access, &access).await {
        Ok(writer) => writer.check().await.err().unwrap(),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Settings(_) | Error::Login(_)), "{error:?}");
}

pub async fn changes_count_as_statements_of_their_source(database: Database) {
    orders(&database).await;
    database.add_numbers().await;
    let sources = sources_of(1, None, Reserved::default());
    let writer = sources.writer(&database.access, &database.access).await.unwrap();
    let source = sources.open(&database.access).await.unwrap();
    let endless = statement(&database.endless());
    let cancel = endless.cancel.clone();
    let reading = tokio::spawn(async move { source.query(endless).await });
    database.wait_until_running(true).await;
    let asked = change(&database, ChangeKind::Delete, 1, "DELETE FROM orders WHERE id = 1");
    let busy = writer.change(Change { timeout: Duration::from_millis(200), ..asked.clone() }).await.unwrap_err();
    assert!(busy.class() == "database_unavailable" && busy.to_string().contains("all 1 connections"), "{busy}");
    cancel.cancel();
    reading.await.unwrap().unwrap_err();
    assert_eq!(writer.change(asked).await.unwrap().rows, 1);
}
