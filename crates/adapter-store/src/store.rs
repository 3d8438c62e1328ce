use crate::batch::Writer;
use crate::db::{self, Db, values};
use crate::{Options, migrate};
use async_trait::async_trait;
use ports::{AppStore, Clock, PortError};
use std::sync::Arc;

/// The app store and the ledger.
pub struct Store {
    pub(crate) db: Db,
    pub(crate) writer: Writer,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Store {
    /// Opens `postgres://…` or `sqlite:path` (the file is created; its folder must exist). `Unavailable` when the
    /// server cannot be reached: the caller may wait and try again.
    pub async fn open(url: &str, options: Options) -> Result<Self, PortError> {
        let db = db::open(url, &options).await?;
        let writer = Writer::start(&db, &options);
        Ok(Self { db, writer, clock: options.clock })
    }

    /// Brings the database up to this release. Processes that do so at once wait for each other.
    pub async fn migrate(&self) -> Result<(), PortError> {
        migrate::migrate(&self.db).await
    }

    /// Closes every connection once its work is done. Later calls fail.
    pub async fn close(&self) {
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
