use crate::fresh::{PostgresSchema, SqliteFile, open, options};
use adapter_store::Store;
use ports::{AppStore, PortError};

async fn two_migrate_at_once(url: &str) {
    let open = || async { Store::open(url, options().0).await.unwrap() };
    let (here, there) = tokio::join!(open(), open());
    let (here_done, there_done) = tokio::join!(here.migrate(), there.migrate());
    here_done.unwrap();
    there_done.unwrap();
    here.migrate().await.unwrap();
    here.ping().await.unwrap();
    there.ping().await.unwrap();
}

async fn a_store_without_tables_says_how_to_make_them(url: &str) {
    let store = Store::open(url, options().0).await.unwrap();
    let error = store.ping().await.unwrap_err();
    assert!(matches!(error, PortError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("askline migrate"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_migrate_sqlite_at_once() {
    for _ in 0..20 {
        two_migrate_at_once(&SqliteFile::new().url()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_migrate_postgres_at_once() {
    let schema = PostgresSchema::new().await;
    two_migrate_at_once(&schema.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_without_tables_says_how_to_make_them() {
    a_store_without_tables_says_how_to_make_them(&SqliteFile::new().url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_without_tables_says_how_to_make_them() {
    let schema = PostgresSchema::new().await;
    a_store_without_tables_says_how_to_make_them(&schema.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_changed_after_it_ran_is_refused() {
    let file = SqliteFile::new();
    drop(open(&file.url()).await);
    let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect(&file.url()).await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET checksum = X'00' WHERE version = 2").execute(&mut conn).await.unwrap();
    let store = Store::open(&file.url(), options().0).await.unwrap();
    let error = store.migrate().await.unwrap_err();
    assert!(matches!(error, PortError::Refused { .. }), "{error}");
}
