use adapter_sources::{Limits, Reserved, SqlSources};
use contracts::{Cell, Dialect, ResultSet};
use ports::Sources;
use ports::source::{Access, Error, Source, Statement};
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// A database of its own for one test.
#[derive(Clone)]
pub struct Database {
    pub access: Access,
    pub name: String,
    folder: Option<Arc<TempDir>>,
}

pub fn server_url(dialect: Dialect) -> String {
    let (variable, default) = match dialect {
        Dialect::Postgres => ("ASKLINE_TEST_POSTGRES_URL", "postgres://root@127.0.0.1:5432/test"),
        Dialect::Mysql => ("ASKLINE_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/test"),
        Dialect::Sqlite => panic!("SQLite has no server"),
    };
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

/// The server's URL with another database.
pub fn url_of(dialect: Dialect, name: &str) -> String {
    let url = server_url(dialect);
    let (server, rest) = url.rsplit_once('/').unwrap();
    let parameters = rest.split_once('?').map(|(_, parameters)| format!("?{parameters}")).unwrap_or_default();
    format!("{server}/{name}{parameters}")
}

/// Runs statements of a test's own set-up, and gives the first cell of the last one as text.
pub async fn run_at(dialect: Dialect, url: &str, sql: &str) -> Option<String> {
    let sql = AssertSqlSafe(sql);
    match dialect {
        Dialect::Sqlite => {
            let mut connection = SqliteConnection::connect(url).await.unwrap();
            connection.fetch_optional(sql).await.unwrap().and_then(|row| row.try_get_unchecked(0).ok())
        }
        Dialect::Postgres => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            connection.fetch_optional(sql).await.unwrap().and_then(|row| row.try_get_unchecked(0).ok())
        }
        Dialect::Mysql => {
            let mut connection = MySqlConnection::connect(url).await.unwrap();
            connection.fetch_optional(sql).await.unwrap().and_then(|row| row.try_get_unchecked(0).ok())
        }
    }
}

impl Database {
    pub async fn create(dialect: Dialect) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("askline_sources_{}_{number}", std::process::id());
        if dialect == Dialect::Sqlite {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}", folder.path().join("test.db").display());
            run_at(dialect, &format!("{url}?mode=rwc"), "CREATE TABLE t (a); DROP TABLE t").await;
            return Self { access: Access { dialect, url }, name, folder: Some(Arc::new(folder)) };
        }
        run_at(dialect, &server_url(dialect), &format!("DROP DATABASE IF EXISTS {name}")).await;
        run_at(dialect, &server_url(dialect), &format!("CREATE DATABASE {name}")).await;
        Self { access: Access { dialect, url: url_of(dialect, &name) }, name, folder: None }
    }

    pub async fn remove(self) {
        let sql = match self.dialect() {
            Dialect::Sqlite => return,
            Dialect::Postgres => format!("DROP DATABASE {} WITH (FORCE)", self.name),
            Dialect::Mysql => format!("DROP DATABASE {}", self.name),
        };
        run_at(self.dialect(), &server_url(self.dialect()), &sql).await;
    }

    pub fn dialect(&self) -> Dialect {
        self.access.dialect
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.as_ref().unwrap().path()
    }

    pub async fn run(&self, sql: &str) -> Option<String> {
        run_at(self.dialect(), &self.access.url, sql).await
    }

    pub async fn source(&self) -> Arc<dyn Source> {
        open(&self.access).await
    }

    pub async fn query(&self, sql: &str) -> Result<ResultSet, Error> {
        self.source().await.query(statement(sql)).await
    }

    pub async fn cells(&self, sql: &str) -> Vec<Vec<Cell>> {
        self.query(sql).await.unwrap().rows
    }

    /// 1,000 rows, of which a few joins never end.
    pub async fn add_numbers(&self) {
        let values: Vec<String> = (1..=1000).map(|number| format!("({number})")).collect();
        self.run("CREATE TABLE numbers (n INTEGER)").await;
        self.run(&format!("INSERT INTO numbers VALUES {}", values.join(","))).await;
    }

    /// A statement that runs for hours, with a mark that the server's list of sessions shows.
    pub fn endless(&self) -> String {
        format!(
            "SELECT COUNT(*), '{}' FROM numbers a, numbers b, numbers c, numbers d, numbers e WHERE a.n + b.n + c.n + d.n + e.n < 0",
            self.name
        )
    }

    async fn is_running(&self) -> bool {
        let sql = match self.dialect() {
            // Whoever reads a file holds a lock that a writer cannot get past.
            Dialect::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.access.url).await.unwrap();
                connection.execute("PRAGMA busy_timeout = 0").await.unwrap();
                return connection.execute("BEGIN EXCLUSIVE").await.is_err();
            }
            Dialect::Postgres => format!(
                "SELECT count(*)::text FROM pg_stat_activity WHERE state <> 'idle' AND datname = '{}'",
                self.name
            ),
            Dialect::Mysql => format!(
                "SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = '{}'",
                self.name
            ),
        };
        run_at(self.dialect(), &server_url(self.dialect()), &sql).await.as_deref() != Some("0")
    }

    /// Waits until the database itself says so.
    pub async fn wait_until_running(&self, expected: bool) {
        let start = Instant::now();
        while self.is_running().await != expected {
            assert!(start.elapsed() < Duration::from_secs(5), "running: {} after 5 s", !expected);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub async fn open(access: &Access) -> Arc<dyn Source> {
    sources(None).open(access).await.unwrap()
}

pub fn sources(sqlite_root: Option<std::path::PathBuf>) -> SqlSources {
    sources_beside(sqlite_root, Reserved::default())
}

pub fn sources_beside(sqlite_root: Option<std::path::PathBuf>, reserved: Reserved) -> SqlSources {
    sources_of(2, sqlite_root, reserved)
}

pub fn sources_of(max_connections: u32, sqlite_root: Option<std::path::PathBuf>, reserved: Reserved) -> SqlSources {
    let files = std::env::temp_dir().join("askline-sources-files");
    SqlSources::new(Limits { max_connections, max_open: 4, sqlite_root, files, reserved, authorities: None })
}

pub fn statement(sql: &str) -> Statement {
    Statement {
        sql: sql.to_owned(),
        timeout: Duration::from_secs(20),
        max_rows: 1000,
        max_bytes: 1 << 20,
        cancel: CancellationToken::new(),
        reads: None,
        max_scanned_rows: None,
    }
}
