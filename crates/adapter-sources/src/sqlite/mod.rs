//! SQLite files. A connection is opened read-only for one statement; SQLite's authorizer says what it may touch, and a
//! handler inside SQLite stops it.

mod authorizer;
mod cells;
mod discover;
mod gate;
mod plan;
mod session;

use crate::collect::Collector;
use crate::statement;
use crate::watch::Watch;
use async_trait::async_trait;
use contracts::{Dialect, ResultSet, Schema};
use gate::Gate;
use ports::source::{About, DiscoveryLimits, Error, Source, Statement};
use session::Session;
pub(crate) use session::database_error;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const TEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A file.
pub(crate) struct Sqlite {
    path: PathBuf,
    root: Option<PathBuf>,
}

impl Sqlite {
    /// `sqlite:path` or `sqlite://path`. What follows is a path as it is: nothing is decoded and nothing can be set.
    pub(crate) fn new(url: &str, root: Option<PathBuf>) -> Result<Self, Error> {
        let Some(path) = url.strip_prefix("sqlite:") else {
            return Err(Error::Settings("use sqlite:/path/to/file".to_owned()));
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path == ":memory:" {
            return Err(Error::Settings("the URL names no file; use sqlite:/path/to/file".to_owned()));
        }
        Ok(Self { path: PathBuf::from(path), root })
    }

    /// A database of ours in the folder of such.
    pub(crate) fn of_file(path: PathBuf, folder: PathBuf) -> Self {
        Self { path, root: Some(folder) }
    }

    /// The file as it is now: it may have been replaced by a link since the last statement.
    async fn file(&self) -> Result<PathBuf, Error> {
        let shown = self.path.display();
        let outside = || Error::Settings(format!("{shown} lies outside the folder that SQLite files must lie in"));
        let file = match (tokio::fs::canonicalize(&self.path).await, &self.root) {
            (Ok(file), _) => file,
            // Whether a file outside exists is none of the asker's business.
            (Err(_), Some(root)) if !self.path.starts_with(root) => return Err(outside()),
            (Err(error), _) => {
                let reason = error.kind();
                return Err(Error::Settings(format!(
                    "{shown} cannot be opened ({reason}); name an existing SQLite file"
                )));
            }
        };
        if let Some(root) = &self.root {
            let root = tokio::fs::canonicalize(root)
                .await
                .map_err(|error| Error::Settings(format!("the folder for SQLite files: {}", error.kind())))?;
            if !file.starts_with(&root) {
                return Err(outside());
            }
        }
        if !tokio::fs::metadata(&file).await.is_ok_and(|data| data.is_file()) {
            return Err(Error::Settings(format!("{shown} is no file")));
        }
        Ok(file)
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
        self.in_session(CancellationToken::new(), TEST_TIMEOUT, discover::about).await
    }

    async fn discover(&self, limits: DiscoveryLimits) -> Result<Schema, Error> {
        let read = move |session: &Session| discover::discover(session, limits);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file() {
        for (url, path) in [("sqlite:/a b.db", "/a b.db"), ("sqlite:///a.db", "/a.db"), ("sqlite:a%20.db", "a%20.db")] {
            assert_eq!(Sqlite::new(url, None).unwrap().path, PathBuf::from(path));
        }
        for url in ["/a.db", "sqlite:", "sqlite::memory:", "sqlite://"] {
            assert!(matches!(Sqlite::new(url, None), Err(Error::Settings(_))), "{url}");
        }
    }
}
