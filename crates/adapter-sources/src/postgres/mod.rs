//! PostgreSQL, by the extended protocol only. Names without a schema mean `public`.

mod about;
mod cells;
mod discover;
mod errors;
mod idle;
mod plan;
mod record;
mod render;
mod scope;
mod server;
mod session;
mod time;

use crate::collect::Collector;
use crate::statement;
use crate::watch::{Watch, unless_cancelled};
use async_trait::async_trait;
use contracts::{Dialect, ResultSet, Schema};
pub(crate) use errors::database_error;
use ports::source::{About, DiscoveryLimits, Error, Source, Statement};
use render::Later;
pub(crate) use server::{Server, close};
use session::Session;

/// A database of a PostgreSQL server.
pub(crate) struct Postgres {
    server: Server,
}

impl Postgres {
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        Ok(Self { server: Server::new(url)? })
    }

    /// The stream of a cut statement still fills its own connection, so what it left to render is rendered in
    /// another.
    async fn render(&self, asked: &Statement, session: &mut Session, cut: bool, later: Later) -> Result<Later, Error> {
        if later.is_empty() || !cut {
            return session.render(later).await;
        }
        let mut other = Session::begin(&self.server, asked.timeout, None).await?;
        let rendered = other.render(later).await;
        other.release(&self.server).await;
        rendered
    }
}

#[async_trait]
impl Source for Postgres {
    async fn about(&self) -> Result<About, Error> {
        about::about(&self.server).await
    }

    async fn discover(&self, limits: DiscoveryLimits) -> Result<Schema, Error> {
        discover::discover(&self.server, limits).await
    }

    async fn query(&self, asked: Statement) -> Result<ResultSet, Error> {
        statement::check(Dialect::Postgres, &asked.sql)?;
        let beginning = Session::begin(&self.server, asked.timeout, asked.reads.as_deref());
        let mut session = unless_cancelled(&asked.cancel, beginning).await?;
        let backend = session.backend;
        let work = async {
            if asked.reads.is_some() || asked.max_scanned_rows.is_some() {
                session.check(&asked).await?;
            }
            let mut rows = Collector::new(&asked);
            let (cut, later) = session.collect(&asked.sql, &mut rows).await?;
            if cut {
                self.server.cancel(backend).await;
            } else {
                // Once more, because a function shows what it reads only when it runs.
                session.check_reads(&asked).await?;
            }
            let mut later = self.render(&asked, &mut session, cut, later).await?;
            let mut result = rows.finish();
            later.fill(&mut result);
            Ok(result)
        };
        let outcome = Watch::start(&asked).run(work, || self.server.cancel(backend)).await;
        match &outcome {
            // A signal that was sent to stop this statement must not meet the next one.
            Ok(result) if result.truncated => session.close().await,
            Ok(_) | Err(Error::Statement(_) | Error::Forbidden(_) | Error::TooExpensive(_)) => {
                session.release(&self.server).await
            }
            Err(_) => session.close().await,
        }
        outcome
    }

    async fn plan(&self, asked: Statement) -> Result<(), Error> {
        statement::check(Dialect::Postgres, &asked.sql)?;
        let beginning = Session::begin(&self.server, asked.timeout, asked.reads.as_deref());
        let mut session = unless_cancelled(&asked.cancel, beginning).await?;
        let backend = session.backend;
        let outcome = Watch::start(&asked).run(session.check(&asked), || self.server.cancel(backend)).await;
        match &outcome {
            Ok(()) | Err(Error::Statement(_) | Error::Forbidden(_) | Error::TooExpensive(_)) => {
                session.release(&self.server).await
            }
            Err(_) => session.close().await,
        }
        outcome
    }
}
