//! Approved changes: one prepared statement in a transaction of its own, on a connection that is closed after it.

use super::TEST_TIMEOUT;
use super::scope;
use super::server::Server;
use super::session::Session;
use crate::statement;
use crate::trust::Authorities;
use crate::watch::{Watch, unless_cancelled};
use async_trait::async_trait;
use contracts::Dialect;
use ports::source::{Change, Changed, Error, Writer};

/// A database of a MySQL or MariaDB server, by the credential for changes.
pub(crate) struct MysqlWriter {
    server: Server,
}

impl MysqlWriter {
    pub(crate) fn new(url: &str, trusted: &Authorities) -> Result<Self, Error> {
        Ok(Self { server: Server::new(url, trusted)? })
    }
}

#[async_trait]
impl Writer for MysqlWriter {
    async fn check(&self) -> Result<(), Error> {
        Session::begin_change(&self.server, TEST_TIMEOUT).await?.undo().await;
        Ok(())
    }

    async fn change(&self, asked: Change) -> Result<Changed, Error> {
        statement::check_change(Dialect::Mysql, asked.kind, &asked.sql)?;
        let beginning = Session::begin_change(&self.server, asked.timeout);
        let mut session = unless_cancelled(&asked.cancel, beginning).await?;
        let id = session.id;
        let work = async {
            scope::check(&mut session, Some(&asked.reads), &asked.sql).await?;
            must_be_undoable(&mut session, &asked).await?;
            session.change(&asked.sql).await
        };
        let found = Watch::over(&asked.cancel, asked.timeout).run(work, || self.server.kill(id)).await;
        match found {
            Ok(rows) if rows == asked.expected_rows => session.keep().await.map(|()| Changed { rows }),
            Ok(found) => {
                session.undo().await;
                Err(Error::OtherRows { expected: asked.expected_rows, found })
            }
            Err(error) => {
                session.undo().await;
                Err(error)
            }
        }
    }
}

async fn must_be_undoable(session: &mut Session, asked: &Change) -> Result<(), Error> {
    match session.can_undo(asked.namespace.as_deref(), &asked.table).await? {
        Some(false) => Err(Error::Forbidden(format!(
            "the table {} keeps no transactions, so that a change could not be undone; convert it to InnoDB",
            asked.table
        ))),
        Some(true) | None => Ok(()),
    }
}
