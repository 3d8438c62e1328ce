//! SQLite files. A connection is opened read-only for one statement, and a handler inside SQLite stops it.

mod cells;
mod discover;
mod session;

use crate::collect::Collector;
use crate::statement;
use crate::watch::{Watch, unless_cancelled};
use async_trait::async_trait;
use contracts::{Dialect, ResultSet, Schema};
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

    async fn session(&self, stop: CancellationToken, timeout: Duration) -> Result<Session, Error> {
        let file = self.file().await?;
        Session::open(&file, &self.path.display().to_string(), stop, timeout).await
    }
}

#[async_trait]
impl Source for Sqlite {
    async fn about(&self) -> Result<About, Error> {
        let mut session = self.session(CancellationToken::new(), TEST_TIMEOUT).await?;
        let about = discover::about(&mut session).await;
        session.close().await;
        about
    }

    async fn discover(&self, limits: DiscoveryLimits) -> Result<Schema, Error> {
        let mut session = self.session(CancellationToken::new(), limits.timeout).await?;
        let schema = discover::discover(&mut session, limits).await;
        session.close().await;
        schema
    }

    async fn query(&self, asked: Statement) -> Result<ResultSet, Error> {
        statement::check(Dialect::Sqlite, &asked.sql)?;
        let stop = asked.cancel.child_token();
        // Whatever way this ends, a statement that still runs is interrupted.
        let _ended = stop.clone().drop_guard();
        let opening = self.session(stop.clone(), asked.timeout);
        let mut session = unless_cancelled(&asked.cancel, opening).await?;
        let mut rows = Collector::new(&asked);
        let watch = Watch::start(&asked);
        let interrupt = async || stop.cancel();
        watch.run(session.collect(&asked.sql, &mut rows), interrupt).await?;
        stop.cancel();
        session.close().await;
        Ok(rows.finish())
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
