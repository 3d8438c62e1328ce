//! Customers' databases over sqlx: SQLite, PostgreSQL, MySQL and MariaDB.
//!
//! Architecture invariant: nothing outlives a statement, no setting, lock or temporary object, whatever it did. A
//! connection serves one statement and is closed; PostgreSQL alone can be told to forget everything, so there it is
//! kept for the next one. The number of connections to a source at a time is bounded.

mod access;
mod bounded;
mod cell;
mod collect;
mod cost;
mod fault;
mod mysql;
mod opened;
mod postgres;
pub mod sample;
mod samples;
mod sqlite;
mod statement;
mod watch;

use async_trait::async_trait;
use bounded::Bounded;
use contracts::Dialect;
use opened::Opened;
use ports::source::{Access, Error, Source, Sources};
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
}

/// Opens sources of every dialect.
pub struct SqlSources {
    limits: Limits,
    opened: Opened,
}

impl SqlSources {
    /// No source is open yet.
    pub fn new(limits: Limits) -> Self {
        let opened = Opened::new(limits.max_open);
        Self { limits, opened }
    }

    fn bounded(&self, access: &Access) -> Result<Arc<dyn Source>, Error> {
        let slots = self.limits.max_connections;
        Ok(match access.dialect {
            Dialect::Sqlite => {
                Arc::new(Bounded::new(sqlite::Sqlite::new(&access.url, self.limits.sqlite_root.clone())?, slots))
            }
            Dialect::Postgres => Arc::new(Bounded::new(postgres::Postgres::new(&access.url)?, slots)),
            Dialect::Mysql => Arc::new(Bounded::new(mysql::Mysql::new(&access.url)?, slots)),
        })
    }
}

#[async_trait]
impl Sources for SqlSources {
    async fn open(&self, access: &Access) -> Result<Arc<dyn Source>, Error> {
        self.opened.get_or_open(access, || self.bounded(access))
    }
}
