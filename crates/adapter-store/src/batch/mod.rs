//! Hot writes share commits: whatever waits while one batch is written is the next batch. Nothing that somebody waits for
//! is held up on purpose.
//!
//! PostgreSQL has a queue per kind of write, and a batch is one statement over arrays. SQLite has one writer, so all
//! kinds share one queue, and a batch is a loop of prepared statements in one transaction.

mod lanes;
mod postgres;
mod reads;
mod sqlite;

pub(crate) use lanes::{Lane, Lanes};
pub(crate) use reads::{Asked, Bounds, HotRead, Key, ask, hot_read, start};

use crate::Options;
use crate::db::{Conn, SYSTEM, fault};
use crate::writes::{
    Accept, Audit, Begun, Commit, LastingClaim, MarkPublished, Offer, Pass, QuickClaim, RecordLlmCall, Renew,
    SpendLlmCall, Wait,
};
use ports::{Clock, PortError};
use sqlite::Pending;
use sqlx::{Error, PgConnection, SqlitePool};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Histogram: writes that shared one commit. Label `write`.
const BATCH_SIZE: &str = "askline_store_batch_size";

/// One hot write, asked for by one caller.
pub(crate) trait Write: Send + Sync + Sized + 'static {
    /// What its caller hears.
    type Answer: Send + 'static;
    /// The step's name in errors and metrics.
    const NAME: &'static str;

    /// How long the first of a batch waits for others, in PostgreSQL. Only for what nobody waits for.
    const LINGER: Duration = Duration::ZERO;

    /// What it writes to. A statement over several writes holds each key once, and holds them in order, so that two
    /// such statements cannot wait for each other.
    fn key(&self) -> &str;

    /// Whether its caller may only go on once the write survives a crash of the store.
    fn must_last(&self) -> bool {
        true
    }

    /// PostgreSQL: one statement for several writes of different keys. An answer for each; `None` where the statement
    /// did not apply.
    fn together(
        writes: &[&Self],
        now_ms: i64,
        conn: &mut PgConnection,
    ) -> impl Future<Output = Result<Vec<Option<Self::Answer>>, Error>> + Send;

    /// The same for one write in SQLite, inside a transaction.
    fn alone(
        &self,
        now_ms: i64,
        conn: &mut Conn<'_>,
    ) -> impl Future<Output = Result<Option<Self::Answer>, Error>> + Send;

    /// Why the statement did not apply, in both dialects.
    fn otherwise(&self, now_ms: i64, conn: &mut Conn<'_>) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// A write and who waits for it.
pub(crate) struct Waiting<W: Write> {
    write: W,
    answer: Option<W::Answer>,
    caller: oneshot::Sender<Result<W::Answer, PortError>>,
}

impl<W: Write> Waiting<W> {
    fn settle(self, result: Result<W::Answer, PortError>) {
        if self.caller.send(result).is_err() {
            tracing::debug!(write = W::NAME, "the caller of a store write has gone");
        }
    }

    fn fail(self, error: &Error) {
        self.settle(Err(fault(W::NAME, error)));
    }
}

/// Takes hot writes. The tasks behind it end when it is dropped.
pub(crate) enum Writer {
    Postgres(Box<Queues>),
    Sqlite(mpsc::Sender<Box<dyn Pending>>),
}

impl Writer {
    pub(crate) fn postgres(lanes: &Lanes, options: &Options) -> Self {
        Self::Postgres(Box::new(Queues::start(lanes, &Limits::of(options))))
    }

    pub(crate) fn sqlite(writer: SqlitePool, options: &Options) -> Self {
        Self::Sqlite(sqlite::start(writer, Limits::of(options)))
    }

    /// Writes, and returns once that is durable, where it must last.
    pub(crate) async fn submit<W>(&self, write: W) -> Result<W::Answer, PortError>
    where
        W: Write,
        Queues: HasQueue<W>,
    {
        let (caller, answer) = oneshot::channel();
        let waiting = Waiting { write, answer: None, caller };
        let sent = match self {
            Self::Postgres(queues) => queues.queue().send(waiting).await.is_ok(),
            Self::Sqlite(queue) => queue.send(Box::new(waiting)).await.is_ok(),
        };
        if !sent {
            return Err(PortError::unavailable(SYSTEM, W::NAME, "the store's writer has stopped"));
        }
        answer.await.map_err(|_| unanswered(W::NAME))?
    }
}

/// Its statement was given up, or this process ends.
fn unanswered(step: &'static str) -> PortError {
    PortError::unavailable(SYSTEM, step, "the store did not answer in time")
}

/// The queue of one kind of write.
pub(crate) trait HasQueue<W: Write> {
    fn queue(&self) -> &mpsc::Sender<Waiting<W>>;
}

/// The bounds of a queue, and its clock.
#[derive(Clone)]
struct Limits {
    batch: usize,
    queue: usize,
    clock: Arc<dyn Clock>,
}

impl Limits {
    fn of(options: &Options) -> Self {
        Self { batch: options.batch.max(1), queue: options.queue.max(1), clock: options.clock.clone() }
    }
}

fn measure(write: &'static str, size: usize) {
    metrics::histogram!(BATCH_SIZE, "write" => write).record(size as f64);
}

macro_rules! queues {
    ($($field:ident: $write:ident),* $(,)?) => {
        /// A queue and a task per kind of write.
        pub(crate) struct Queues {
            $($field: mpsc::Sender<Waiting<$write>>),*
        }

        impl Queues {
            fn start(lanes: &Lanes, limits: &Limits) -> Self {
                Self { $($field: postgres::start(lanes.clone(), limits.clone())),* }
            }
        }

        $(impl HasQueue<$write> for Queues {
            fn queue(&self) -> &mpsc::Sender<Waiting<$write>> {
                &self.$field
            }
        })*
    };
}

queues! {
    offer: Offer,
    accept: Accept,
    wait: Wait,
    begun: Begun,
    claim: QuickClaim,
    lasting_claim: LastingClaim,
    commit: Commit,
    pass: Pass,
    published: MarkPublished,
    renew: Renew,
    spend: SpendLlmCall,
    audit: Audit,
    llm_call: RecordLlmCall,
}
