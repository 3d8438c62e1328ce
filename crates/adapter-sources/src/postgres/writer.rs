//! Approved changes: one statement in a transaction of its own, on a connection that is closed after it.

use super::errors::{database_error, failed};
use super::scope;
use super::server::{Server, close};
use super::session::{PLANNING, SETTINGS, path};
use crate::fault;
use crate::reserved::Reserved;
use crate::statement;
use crate::trust::Authorities;
use crate::watch::{Watch, unless_cancelled};
use async_trait::async_trait;
use contracts::Dialect;
use ports::source::{Change, Changed, Error, Writer};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, Row};
use std::time::Duration;

/// A database of a PostgreSQL server, by the credential for changes.
pub(crate) struct PostgresWriter {
    server: Server,
}

impl PostgresWriter {
    pub(crate) fn new(url: &str, reserved: &Reserved, trusted: &Authorities) -> Result<Self, Error> {
        Ok(Self { server: Server::new(url, reserved, trusted)? })
    }
}

#[async_trait]
impl Writer for PostgresWriter {
    async fn check(&self) -> Result<(), Error> {
        let mut connection = self.server.connect().await?;
        let begun = connection.execute("BEGIN READ WRITE").await.map(|_| ()).map_err(failed);
        close(connection).await;
        begun
    }

    async fn change(&self, asked: Change) -> Result<Changed, Error> {
        statement::check_change(Dialect::Postgres, asked.kind, &asked.sql)?;
        let mut session = unless_cancelled(&asked.cancel, Session::begin(&self.server, &asked)).await?;
        let backend = session.backend;
        let watch = Watch::over(&asked.cancel, asked.timeout);
        let found = watch.run(session.run(&asked), || self.server.cancel(backend)).await;
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

/// A transaction that writes, alone on its connection.
struct Session {
    connection: PgConnection,
    /// The server's number of it.
    backend: i32,
}

impl Session {
    async fn begin(server: &Server, asked: &Change) -> Result<Self, Error> {
        let mut connection = server.connect().await?;
        connection.execute("BEGIN READ WRITE").await.map_err(failed)?;
        let millis = |time: Duration| time.as_millis().max(1).to_string();
        let settings = sqlx::query(SETTINGS)
            .bind(millis(asked.timeout))
            .bind(millis(asked.timeout + PLANNING))
            .bind(path(Some(&asked.reads)));
        let settings = settings.fetch_one(&mut connection).await.map_err(failed)?;
        let backend = settings.try_get(0).map_err(failed)?;
        Ok(Self { connection, backend })
    }

    /// Plans the statement, which tells what it touches by itself, then runs it. What the database's own triggers touch
    /// is its owner's rule.
    async fn run(&mut self, asked: &Change) -> Result<u64, Error> {
        let explain = format!("EXPLAIN {}", asked.sql);
        let plan = sqlx::query(AssertSqlSafe(explain)).persistent(true).fetch_all(&mut self.connection).await;
        plan.map_err(failed)?;
        scope::check(&mut self.connection, self.backend, &asked.reads).await?;
        let statement = sqlx::query(AssertSqlSafe(asked.sql.as_str())).persistent(true);
        let done = statement.execute(&mut self.connection).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    /// From here on nothing stops it.
    async fn keep(mut self) -> Result<(), Error> {
        let kept = fault::keeping(self.connection.execute("COMMIT"), database_error).await;
        close(self.connection).await;
        kept
    }

    /// The connection's end would undo it too, but later.
    async fn undo(mut self) {
        match tokio::time::timeout(fault::CONNECT_TIMEOUT, self.connection.execute("ROLLBACK")).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a change is undone by the end of its connection"),
            Err(_) => tracing::debug!("a change is undone by the end of its connection"),
        }
        close(self.connection).await;
    }
}
