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
mod writer;

use crate::collect::Collector;
use crate::reserved::Reserved;
use crate::statement;
use crate::trust::Authorities;
use crate::watch::{Watch, unless_cancelled};
use async_trait::async_trait;
use contracts::{Dialect, ResultSet, Schema};
pub(crate) use errors::database_error;
use ports::source::{About, DiscoveryLimits, Error, GoOn, Source, Statement};
use render::Later;
pub(crate) use server::{Server, close};
use session::Session;
pub(crate) use writer::PostgresWriter;

/// A database of a PostgreSQL server.
pub(crate) struct Postgres {
    server: Server,
}

impl Postgres {
    pub(crate) fn new(url: &str, reserved: &Reserved, trusted: &Authorities) -> Result<Self, Error> {
        Ok(Self { server: Server::new(url, reserved, trusted)? })
    }

    /// The stream of a cut statement still fills its own connection, so what it read is looked at from another, and what
    /// it left to render is rendered there. It is stopped in between: with that its locks are gone, which tell what it
    /// read.
    async fn after_cut(&self, asked: &Statement, backend: i32, later: Later) -> Result<Later, Error> {
        if asked.reads.is_none() && later.is_empty() {
            self.server.cancel(backend).await;
            return Ok(later);
        }
        let mut other = Session::begin(&self.server, asked.timeout, None).await?;
        let checked = other.check_reads_of(backend, asked).await;
        self.server.cancel(backend).await;
        let rendered = match checked {
            Ok(()) => other.render(later).await,
            Err(error) => Err(error),
        };
        other.release(&self.server).await;
        rendered
    }
}

#[async_trait]
impl Source for Postgres {
    async fn about(&self) -> Result<About, Error> {
        about::about(&self.server).await
    }

    async fn discover(&self, limits: DiscoveryLimits, go_on: GoOn) -> Result<Schema, Error> {
        discover::discover(&self.server, limits, &go_on).await
    }

    async fn query(&self, asked: Statement) -> Result<ResultSet, Error> {
        statement::check(Dialect::Postgres, &asked.sql)?;
        let beginning = Session::begin(&self.server, asked.timeout, asked.reads.as_deref());
        let mut session = unless_cancelled(&asked.cancel, beginning).await?;
        let backend = session.backend;
        let mut was_cut = false;
        let work = async {
            if asked.reads.is_some() || asked.max_scanned_rows.is_some() {
                session.check(&asked).await?;
            }
            let mut rows = Collector::new(&asked);
            let (cut, later) = session.collect(&asked.sql, &mut rows).await?;
            was_cut = cut;
            let mut later = if cut {
                self.after_cut(&asked, backend, later).await?
            } else {
                // Once more, because a function shows what it reads only when it runs.
                session.check_reads(&asked).await?;
                session.render(later).await?
            };
            let mut result = rows.finish();
            later.fill(&mut result);
            Ok(result)
        };
        let outcome = Watch::start(&asked).run(work, || self.server.cancel(backend)).await;
        match &outcome {
            // A signal that was sent to stop this statement must not meet the next one.
            _ if was_cut => session.close().await,
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
