use crate::batch::{Bounds, Lanes, Writer};
use crate::db::{self, Db, values};
use crate::reads::{Queues, Reader};
use crate::schemas::Schemas;
use crate::{Options, migrate};
use async_trait::async_trait;
use ports::{AppStore, Clock, PortError};
use std::sync::Arc;

const NOW: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now";

/// The app store and the ledger.
pub struct Store {
    pub(crate) db: Db,
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) schemas: Schemas,
    lanes: Vec<Lanes>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) key_lifetime_ms: i64,
}

impl Store {
    /// Opens `postgres://…` or `sqlite:path` (the file is created; its folder must exist). `Unavailable` when the
    /// server cannot be reached: the caller may wait and try again.
    pub async fn open(url: &str, options: Options) -> Result<Self, PortError> {
        let db = db::open(url, &options).await?;
        let (writer, reader, lanes) = match &db {
            Db::Postgres { pool, .. } => {
                let share = (options.max_connections as usize / 4).max(1);
                let lanes = |count| Lanes::new(pool.clone(), count, options.patience);
                let (writing, reading) = (lanes(2 * share), lanes(share));
                let bounds = Bounds { batch: options.batch.max(1), queue: options.queue.max(1) };
                let reader = Reader::Postgres(Box::new(Queues::start(&reading, bounds)));
                (Writer::postgres(&writing, &options), reader, vec![writing, reading])
            }
            Db::Sqlite { writer, .. } => {
                (Writer::sqlite(writer.clone(), &options), Reader::Sqlite(db.clone()), Vec::new())
            }
        };
        let key_lifetime_ms = i64::try_from(options.key_lifetime.as_millis()).unwrap_or(i64::MAX);
        let schemas = Schemas::new(options.schemas);
        Ok(Self { db, writer, reader, schemas, lanes, clock: options.clock, key_lifetime_ms })
    }

    /// Brings the database up to this release. Processes that do so at once wait for each other.
    pub async fn migrate(&self) -> Result<(), PortError> {
        migrate::migrate(&self.db).await
    }

    /// Fails, as what may pass, when the tables are not those of this release. Newer ones are well: they were made to
    /// serve this release too.
    pub async fn check_tables(&self) -> Result<(), PortError> {
        migrate::check(&self.db).await
    }

    /// What time it is where the store runs. SQLite runs here.
    pub async fn now_ms(&self) -> Result<i64, PortError> {
        match &self.db {
            Db::Postgres { .. } => {
                let told = self.db.find("now", NOW, values![], |row| row.int("now")).await?;
                told.ok_or_else(|| PortError::unreadable("store", "now", "it does not tell the time"))
            }
            Db::Sqlite { .. } => Ok(self.clock.now_ms()),
        }
    }

    /// Closes every connection once its work is done. Later calls fail.
    pub async fn close(&self) {
        self.lanes.iter().for_each(Lanes::close);
        self.db.close().await;
    }
}

#[async_trait]
impl AppStore for Store {
    async fn ping(&self) -> Result<(), PortError> {
        self.db.find("ping", "SELECT id FROM businesses LIMIT 1", values![], |_| Ok(())).await?;
        Ok(())
    }
}
