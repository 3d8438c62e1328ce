//! SQLite files. A connection is opened read-only for one statement; SQLite's authorizer says what it may touch, and a
//! handler inside SQLite stops it.

mod authorizer;
mod cells;
mod discover;
mod gate;
mod place;
mod plan;
mod session;
mod touched;
mod writer;

use crate::collect::Collector;
use crate::reserved::Reserved;
use crate::statement;
use crate::watch::Watch;
use async_trait::async_trait;
use contracts::{Dialect, ResultSet, Schema};
use gate::Gate;
use place::Place;
use ports::source::{About, DiscoveryLimits, Error, GoOn, Source, Statement};
use session::Session;
pub(crate) use session::database_error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
pub(crate) use writer::SqliteWriter;

const TEST_TIMEOUT: Duration = Duration::from_secs(10);

const WRITABLE: &str = "this process may write to the file, which questions never do; when nothing else does, let its \
    owner take that right away";

/// Asks the system, and writes nothing.
async fn is_writable(file: PathBuf) -> bool {
    tokio::fs::OpenOptions::new().append(true).open(file).await.is_ok()
}

/// A file.
pub(crate) struct Sqlite {
    place: Place,
}

impl Sqlite {
    /// A file that a person named.
    pub(crate) fn new(url: &str, root: Option<PathBuf>, reserved: Arc<Reserved>) -> Result<Self, Error> {
        let path = place::path_of(url)?.to_owned();
        Ok(Self { place: Place { path, root, reserved: Some(reserved) } })
    }

    /// A database of ours in the folder of such.
    pub(crate) fn of_file(path: PathBuf, folder: PathBuf) -> Self {
        Self { place: Place { path, root: Some(folder), reserved: None } }
    }

    /// The file as it is now.
    pub(super) async fn file(&self) -> Result<PathBuf, Error> {
        let place = self.place.clone();
        let looking = tokio::task::spawn_blocking(move || place.find());
        looking
            .await
            .unwrap_or_else(|error| Err(Error::Interrupted(format!("the search for the file ended ({error})"))))
    }

    /// Runs blocking work in a session of its own. When the caller goes away, what still runs is interrupted.
    async fn in_session<T: Send + 'static>(
        &self,
        stop: CancellationToken,
        timeout: Duration,
        work: impl FnOnce(&Session) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let file = self.file().await?;
        let _ended = stop.clone().drop_guard();
        let running = tokio::task::spawn_blocking(move || work(&Session::open(&file, stop, timeout)?));
        running
            .await
            .unwrap_or_else(|error| Err(Error::Interrupted(format!("the session ended unexpectedly ({error})"))))
    }
}

impl Sqlite {
    /// What `work` gives, in a session that may do nothing but read what the statement may, and only when the statement
    /// does not cost too much.
    async fn once_checked<T: Send + 'static>(
        &self,
        asked: Statement,
        work: impl FnOnce(&Session) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        statement::check(Dialect::Sqlite, &asked.sql)?;
        let stop = asked.cancel.child_token();
        let watch = Watch::start(&asked);
        let timeout = asked.timeout;
        let running = self.in_session(stop.clone(), timeout, move |session| {
            let gate = asked.max_scanned_rows.map(|allowed| Gate::new(session, allowed)).transpose()?;
            session.confine(asked.reads.clone())?;
            if let Some(gate) = gate {
                gate.check(session, &asked.sql)?;
            }
            work(session)
        });
        watch.run(running, async || stop.cancel()).await
    }
}

#[async_trait]
impl Source for Sqlite {
    async fn about(&self) -> Result<About, Error> {
        let mut about = self.in_session(CancellationToken::new(), TEST_TIMEOUT, discover::about).await?;
        if self.place.is_a_persons() && is_writable(self.file().await?).await {
            about.warnings.push(WRITABLE.to_owned());
        }
        Ok(about)
    }

    async fn discover(&self, limits: DiscoveryLimits, go_on: GoOn) -> Result<Schema, Error> {
        let read = move |session: &Session| discover::discover(session, limits, &go_on);
        self.in_session(CancellationToken::new(), limits.timeout, read).await
    }

    async fn query(&self, asked: Statement) -> Result<ResultSet, Error> {
        let (sql, mut rows) = (asked.sql.clone(), Collector::new(&asked));
        let work = move |session: &Session| {
            session.collect(&sql, &mut rows)?;
            Ok(rows.finish())
        };
        self.once_checked(asked, work).await
    }

    async fn plan(&self, asked: Statement) -> Result<(), Error> {
        let sql = asked.sql.clone();
        self.once_checked(asked, move |session| session.compile(&sql).map(drop)).await
    }
}
