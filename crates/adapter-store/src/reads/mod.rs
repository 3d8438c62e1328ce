//! The hot reads, one kind a file. Each statement is written once: only where its keys come from differs, arrays in
//! PostgreSQL and parameters in SQLite.

mod connections;
mod history;
mod policy;
mod result;
mod role;
mod schema;
mod seen;

pub(crate) use connections::{AllConnections, EVERY_CONNECTION, FindConnection, connection};
pub(crate) use history::History;
pub(crate) use policy::FindPolicy;
pub(crate) use result::FindResult;
pub(crate) use role::FindRole;
pub(crate) use schema::{FindSchema, SavedSchema};
pub(crate) use seen::FindSeen;

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
        self.of_key::<R>(Key { business: business.to_owned(), id: id.to_owned(), most, user: None }).await
    }

    /// Reads the one row of a key on behalf of a user.
    pub(crate) async fn find_for<R: HotRead>(
        &self,
        business: &str,
        id: &str,
        user: &str,
    ) -> Result<Option<R::Item>, PortError>
    where
        Queues: HasQueue<R>,
    {
        let key = Key { business: business.to_owned(), id: id.to_owned(), most: 1, user: Some(user.to_owned()) };
        Ok(self.of_key::<R>(key).await?.pop())
    }

    async fn of_key<R: HotRead>(&self, key: Key) -> Result<Vec<R::Item>, PortError>
    where
        Queues: HasQueue<R>,
    {
        match self {
            Self::Postgres(queues) => ask(queues.queue(), key).await,
            Self::Sqlite(db) => {
                let mut values = values![&key.business, &key.id, key.most];
                values.extend(key.user.as_ref().map(Into::into));
                db.list(R::NAME, R::ALONE, values, R::item).await
            }
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
    seen: FindSeen,
    history: History,
    result: FindResult,
    policy: FindPolicy,
    role: FindRole,
}
