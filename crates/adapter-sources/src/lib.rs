//! Customers' databases over sqlx: SQLite, PostgreSQL, MySQL and MariaDB.
//!
//! Architecture invariant: nothing outlives a query, no setting, lock or temporary object, whatever it did. A
//! connection serves one statement and is closed; PostgreSQL alone can be told to forget everything, so there it is
//! kept for the next one. The number of connections to a source at a time is bounded.

mod access;
mod bounded;
mod cell;
mod collect;
mod cost;
mod fault;
mod import;
mod mysql;
mod opened;
mod placed;
mod postgres;
mod reserved;
pub mod sample;
mod samples;
mod sqlite;
mod statement;
mod trust;
mod watch;

use async_trait::async_trait;
use bounded::{Bounded, Slots};
use contracts::{BusinessId, Dialect};
use opened::{Open, Opened};
use ports::source::{Access, Error, GoOn, ImportLimits, Imported, Source, Sources, Upload, Writer};
pub use reserved::{OwnDatabase, Reserved};
use std::path::PathBuf;
use std::sync::Arc;

/// What one process may hold of sources.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections to one source at a time.
    pub max_connections: u32,
    /// Sources that are kept open; the one that was asked for longest ago goes first.
    pub max_open: usize,
    /// Folder that SQLite files must lie in; `None` allows any file.
    pub sqlite_root: Option<PathBuf>,
    /// Folder for databases that were made of uploaded files. No URL reaches into it.
    pub files: PathBuf,
    /// What else belongs to the application.
    pub reserved: Reserved,
    /// PEM of authorities that may have signed a server's certificate, where its URL names none.
    pub authorities: Option<Arc<[u8]>>,
}

/// Opens sources of every dialect.
pub struct SqlSources {
    limits: Limits,
    reserved: Arc<Reserved>,
    opened: Opened,
}

impl SqlSources {
    /// No source is open yet.
    pub fn new(limits: Limits) -> Self {
        let opened = Opened::new(limits.max_open);
        let mut reserved = limits.reserved.clone();
        reserved.folders.push(limits.files.clone());
        Self { limits, reserved: Arc::new(reserved), opened }
    }

    fn opened(&self, access: &Access) -> Result<Open, Error> {
        self.opened.get_or_open(access, || {
            let slots = Slots::new(self.limits.max_connections);
            Ok(Open { source: self.bounded(access, slots.clone())?, slots })
        })
    }

    fn bounded(&self, access: &Access, slots: Slots) -> Result<Arc<dyn Source>, Error> {
        let trusted = &self.limits.authorities;
        Ok(match access.dialect {
            Dialect::Sqlite => Arc::new(Bounded::new(self.sqlite(&access.url)?, slots)),
            Dialect::Postgres => {
                Arc::new(Bounded::new(postgres::Postgres::new(&access.url, &self.reserved, trusted)?, slots))
            }
            Dialect::Mysql => Arc::new(Bounded::new(mysql::Mysql::new(&access.url, trusted)?, slots)),
        })
    }

    fn sqlite(&self, url: &str) -> Result<sqlite::Sqlite, Error> {
        match url.strip_prefix(placed::SCHEME) {
            Some(path) => Ok(sqlite::Sqlite::of_file(path.into(), self.limits.files.clone())),
            None => sqlite::Sqlite::new(url, self.limits.sqlite_root.clone(), self.reserved.clone()),
        }
    }
}

#[async_trait]
impl Sources for SqlSources {
    async fn open(&self, access: &Access) -> Result<Arc<dyn Source>, Error> {
        Ok(self.opened(access)?.source)
    }

    /// Changes are few and far between: a writer is opened for each.
    async fn writer(&self, source: &Access, access: &Access) -> Result<Arc<dyn Writer>, Error> {
        if access.url.starts_with(placed::SCHEME) {
            return Err(Error::Settings("an uploaded file is not changed".to_owned()));
        }
        let slots = self.opened(source)?.slots;
        let trusted = &self.limits.authorities;
        Ok(match access.dialect {
            Dialect::Sqlite => Arc::new(Bounded::new(sqlite::SqliteWriter::new(self.sqlite(&access.url)?), slots)),
            Dialect::Postgres => {
                Arc::new(Bounded::new(postgres::PostgresWriter::new(&access.url, &self.reserved, trusted)?, slots))
            }
            Dialect::Mysql => Arc::new(Bounded::new(mysql::MysqlWriter::new(&access.url, trusted)?, slots)),
        })
    }

    async fn import(&self, upload: Upload, limits: ImportLimits, go_on: GoOn) -> Result<Imported, Error> {
        let reading = tokio::task::spawn_blocking(move || import::import(&upload, limits, go_on));
        reading
            .await
            .unwrap_or_else(|error| Err(Error::Interrupted(format!("the import ended unexpectedly ({error})"))))
    }

    async fn placed(&self, business: &BusinessId, sha256: &str) -> Option<Access> {
        placed::find(&self.limits.files, business, sha256).await
    }

    async fn place(&self, business: &BusinessId, sha256: &str, database: Vec<u8>) -> Result<Access, Error> {
        placed::keep(&self.limits.files, business, sha256, database).await
    }
}
