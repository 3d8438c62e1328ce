//! MySQL and MariaDB, by prepared statements, which the server refuses to hold more than one statement.

mod about;
mod cells;
mod discover;
mod errors;
mod gate;
mod plan;
mod scope;
mod server;
mod session;
mod writer;

use crate::collect::Collector;
use crate::statement;
use crate::trust::Authorities;
use crate::watch::{Watch, unless_cancelled};
use async_trait::async_trait;
use contracts::{Dialect, ResultSet, Schema};
pub(crate) use errors::database_error;
use ports::source::{About, DiscoveryLimits, Error, GoOn, Source, Statement};
pub(crate) use server::{Server, close};
use session::Session;
use std::time::Duration;
pub(crate) use writer::MysqlWriter;

const TEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A database of a MySQL or MariaDB server.
pub(crate) struct Mysql {
    server: Server,
}

impl Mysql {
    pub(crate) fn new(url: &str, trusted: &Authorities) -> Result<Self, Error> {
        Ok(Self { server: Server::new(url, trusted)? })
    }
}

#[async_trait]
impl Source for Mysql {
    async fn about(&self) -> Result<About, Error> {
        let mut session = Session::open(&self.server, TEST_TIMEOUT).await?;
        let about = about::about(&mut session).await;
        session.close().await;
        about
    }

    async fn discover(&self, limits: DiscoveryLimits, go_on: GoOn) -> Result<Schema, Error> {
        discover::discover(&self.server, limits, &go_on).await
    }

    async fn query(&self, asked: Statement) -> Result<ResultSet, Error> {
        statement::check(Dialect::Mysql, &asked.sql)?;
        let mut session = unless_cancelled(&asked.cancel, Session::begin(&self.server, asked.timeout)).await?;
        let id = session.id;
        let work = async {
            scope::check(&mut session, asked.reads.as_deref(), &asked.sql).await?;
            gate::check(&mut session, &asked).await?;
            session.set_timeout(asked.timeout).await?;
            let mut rows = Collector::new(&asked);
            if session.collect(&asked.sql, &mut rows).await? {
                self.server.kill(id).await;
            }
            Ok(rows.finish())
        };
        let outcome = Watch::start(&asked).run(work, || self.server.kill(id)).await;
        session.close().await;
        outcome
    }

    async fn plan(&self, asked: Statement) -> Result<(), Error> {
        statement::check(Dialect::Mysql, &asked.sql)?;
        let mut session = unless_cancelled(&asked.cancel, Session::begin(&self.server, asked.timeout)).await?;
        let id = session.id;
        let work = async {
            scope::check(&mut session, asked.reads.as_deref(), &asked.sql).await?;
            gate::check(&mut session, &asked).await
        };
        let outcome = Watch::start(&asked).run(work, || self.server.kill(id)).await;
        session.close().await;
        outcome
    }
}
