//! A database of its own for each test.

use adapter_store::{Options, Store};
use ports::conformance::bench::{Bench, ManualClock};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A SQLite file in a folder that goes when this does.
pub struct SqliteFile(TempDir);

impl SqliteFile {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("store.db")
    }

    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }
}

/// A PostgreSQL schema that goes when this does.
pub struct PostgresSchema {
    server: String,
    name: String,
}

impl PostgresSchema {
    pub async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = postgres_server();
        let name = format!("store_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let schema = Self { server, name };
        schema.execute(format!("DROP SCHEMA IF EXISTS {} CASCADE", schema.name)).await.unwrap();
        schema.execute(format!("CREATE SCHEMA {}", schema.name)).await.unwrap();
        schema
    }

    pub fn url(&self) -> String {
        let separator = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{separator}options[search_path]={}", self.server, self.name)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    async fn execute(&self, sql: String) -> Result<(), sqlx::Error> {
        let mut conn = PgConnection::connect(&self.server).await?;
        sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await?;
        conn.close().await
    }
}

impl Drop for PostgresSchema {
    fn drop(&mut self) {
        let dropped = self.execute(format!("DROP SCHEMA {} CASCADE", self.name));
        let dropped = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(dropped));
        if let Err(error) = dropped {
            panic!("the schema {} is left behind: {error}", self.name);
        }
    }
}

pub fn postgres_server() -> String {
    std::env::var("ASKLINE_TEST_POSTGRES_URL").unwrap_or_else(|_| "postgres://root@127.0.0.1:5432/test".to_owned())
}

pub fn options() -> (Options, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (Options::new(clock.clone()), clock)
}

pub async fn open(url: &str) -> Bench {
    let (options, clock) = options();
    open_with(url, options, clock).await
}

pub async fn open_with(url: &str, options: Options, clock: Arc<ManualClock>) -> Bench {
    let store = Arc::new(Store::open(url, options).await.unwrap());
    store.migrate().await.unwrap();
    Bench { ledger: store.clone(), store, clock }
}
