//! The hot reads, one kind a file. Each statement is written once: only where its keys come from differs, arrays in
//! PostgreSQL and parameters in SQLite.

mod connections;
mod history;
mod policy;
mod result;
mod role;
mod schema;

pub(crate) use connections::{AllConnections, EVERY_CONNECTION, FindConnection, connection};
pub(crate) use history::History;
pub(crate) use policy::FindPolicy;
pub(crate) use result::FindResult;
pub(crate) use role::FindRole;
pub(crate) use schema::FindSchema;

use crate::batch::{Asked, Bounds, HotRead, Key, Lanes, ask, start};
use crate::db::{Db, values};
use ports::PortError;
use tokio::sync::mpsc;

/// How hot reads are made.
pub(crate) enum Reader {
    Postgres(Box<Queues>),
    Sqlite(Db),
}

impl Reader {
    /// Reads the rows of a key, at most so many.
    pub(crate) async fn list<R: HotRead>(&self, business: &str, id: &str, most: i64) -> Result<Vec<R::Item>, PortError>
    where
        Queues: HasQueue<R>,
    {
        match self {
            Self::Postgres(queues) => {
                ask(queues.queue(), Key { business: business.to_owned(), id: id.to_owned(), most }).await
            }
            Self::Sqlite(db) => db.list(R::NAME, R::ALONE, values![business, id, most], R::item).await,
        }
    }

    /// Reads the one row of a key.
    pub(crate) async fn find<R: HotRead>(&self, business: &str, id: &str) -> Result<Option<R::Item>, PortError>
    where
        Queues: HasQueue<R>,
    {
        Ok(self.list::<R>(business, id, 1).await?.pop())
    }
}

/// The queue of one kind of read.
pub(crate) trait HasQueue<R: HotRead> {
    fn queue(&self) -> &mpsc::Sender<Asked<R>>;
}

macro_rules! queues {
    ($($field:ident: $read:ident),* $(,)?) => {
        /// A queue and a task per kind of read.
        pub(crate) struct Queues {
            $($field: mpsc::Sender<Asked<$read>>),*
        }

        impl Queues {
            pub(crate) fn start(lanes: &Lanes, bounds: Bounds) -> Self {
                Self { $($field: start(lanes.clone(), bounds)),* }
            }
        }

        $(impl HasQueue<$read> for Queues {
            fn queue(&self) -> &mpsc::Sender<Asked<$read>> {
                &self.$field
            }
        })*
    };
}

queues! {
    connection: FindConnection,
    connections: AllConnections,
    schema: FindSchema,
    history: History,
    result: FindResult,
    policy: FindPolicy,
    role: FindRole,
}
