use crate::database::{Database, statement};
use contracts::Cell;
use ports::source::{Error, Statement};
use std::time::{Duration, Instant};

pub async fn rows_beyond_the_cap_are_cut_and_the_rest_is_stopped(database: Database) {
    database.add_numbers().await;
    let source = database.source().await;
    let sql = "SELECT a.n FROM numbers a, numbers b, numbers c, numbers d";
    let started = Instant::now();
    let result = source.query(Statement { max_rows: 7, ..statement(sql) }).await.unwrap();
    assert_eq!((result.rows.len(), result.truncated), (7, true));
    database.wait_until_running(false).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let whole = source.query(Statement { max_rows: 1000, ..statement("SELECT n FROM numbers") }).await.unwrap();
    assert_eq!((whole.rows.len(), whole.truncated), (1000, false));
}

pub async fn bytes_beyond_the_cap_are_cut(database: Database) {
    database.add_numbers().await;
    let sql = "SELECT 'a text of 24 characters.' FROM numbers";
    let statement = Statement { max_bytes: 100, ..statement(sql) };
    let result = database.source().await.query(statement).await.unwrap();
    assert_eq!((result.rows.len(), result.truncated), (4, true));
    assert_eq!(result.rows[0], [Cell::from("a text of 24 characters.")]);
}

pub async fn a_slow_statement_is_stopped_in_the_database(database: Database) {
    database.add_numbers().await;
    let timeout = Duration::from_millis(700);
    let source = database.source().await;
    let started = Instant::now();
    let error = source.query(Statement { timeout, ..statement(&database.endless()) }).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut(limit) if limit == timeout), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    database.wait_until_running(false).await;
}

pub async fn a_cancelled_statement_is_stopped_in_the_database(database: Database) {
    database.add_numbers().await;
    let asked = statement(&database.endless());
    let cancel = asked.cancel.clone();
    let source = database.source().await;
    let running = tokio::spawn(async move { source.query(asked).await });
    database.wait_until_running(true).await;
    cancel.cancel();
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    database.wait_until_running(false).await;
}

pub async fn a_statement_whose_caller_went_away_is_stopped_in_the_database(database: Database) {
    database.add_numbers().await;
    let source = database.source().await;
    let asked = statement(&database.endless());
    let running = tokio::spawn(async move { source.query(asked).await });
    database.wait_until_running(true).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    database.wait_until_running(false).await;
}

#[tokio::test]
async fn mysql_joins_no_more_than_a_session_of_ours_may() {
    let url = crate::database::server_url(contracts::Dialect::Mysql);
    let source = crate::database::open(&ports::source::Access { dialect: contracts::Dialect::Mysql, url }).await;
    let rows = source.query(statement("SELECT @@group_concat_max_len")).await.unwrap().rows;
    assert!(rows[0][0].as_u64().is_some_and(|most| most <= 16 << 20), "{rows:?}");
}
