//! The app database, read with SQL of the recorder's own.

use crate::faults::evidence::{AuditRow, Turn};
use sqlx::any::{AnyConnectOptions, AnyRow, install_default_drivers};
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Connection, Executor, Row};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Where turns and audit rows lie.
#[derive(Clone)]
pub struct AppDatabase {
    url: String,
    held: Arc<Mutex<Option<AnyConnection>>>,
}

impl AppDatabase {
    /// `postgres://…`, or `sqlite:FILE`.
    pub fn new(url: String) -> Self {
        install_default_drivers();
        Self { url, held: Arc::default() }
    }

    /// The turns whose question holds a text.
    pub async fn turns(&self, holding: &str) -> Vec<Turn> {
        let columns = "id, COALESCE(idempotency_key, '') AS key, state, COALESCE(answer, '') AS answer, \
                       COALESCE(conversation_id, '') AS conversation";
        let rows =
            self.rows(&format!("SELECT {columns} FROM turns WHERE question LIKE '%{holding}%' ORDER BY id")).await;
        let turn = |row: &AnyRow| Turn {
            id: row.get("id"),
            key: row.get("key"),
            state: row.get("state"),
            answer: row.get("answer"),
            conversation: row.get("conversation"),
        };
        rows.iter().map(turn).collect()
    }

    /// The audit rows of those turns.
    pub async fn audit(&self, holding: &str) -> Vec<AuditRow> {
        let columns = "a.turn_id, a.hop, a.attempt, a.verdict, a.at_ms";
        let of = format!("SELECT id FROM turns WHERE question LIKE '%{holding}%'");
        let rows = self.rows(&format!("SELECT {columns} FROM audit a WHERE a.turn_id IN ({of}) ORDER BY a.id")).await;
        let audit = |row: &AnyRow| AuditRow {
            turn: row.get("turn_id"),
            hop: row.get("hop"),
            attempt: row.get("attempt"),
            verdict: row.get("verdict"),
            at_ms: row.get("at_ms"),
        };
        rows.iter().map(audit).collect()
    }

    /// Outcomes that are stored and not published.
    pub async fn unpublished(&self) -> i64 {
        self.count("hops WHERE published IS FALSE").await
    }

    /// Messages of an embedded installation's journal by place.
    pub async fn places(&self) -> Vec<(String, String, i64)> {
        let rows = self.rows("SELECT kind, place, COUNT(*) AS n FROM messages GROUP BY kind, place").await;
        rows.iter().map(|row| (row.get("kind"), row.get("place"), row.get("n"))).collect()
    }

    /// The jobs at the dead-letter desk: the id of each, and the turn that it names.
    pub async fn dead_jobs(&self) -> BTreeMap<String, Option<String>> {
        let rows = self.rows("SELECT id, turn_id FROM dead_jobs").await;
        rows.iter().map(|row| (row.get("id"), row.get("turn_id"))).collect()
    }

    /// How many rows there are `FROM`.
    pub async fn count(&self, from: &str) -> i64 {
        self.rows(&format!("SELECT COUNT(*) AS n FROM {from}")).await[0].get("n")
    }

    /// Changes it, for a fault.
    pub async fn execute(&self, statement: &str) {
        drop(self.rows(statement).await);
    }

    /// SQLite: nobody else may write while this does, or until it is told to end that.
    pub async fn hold_the_only_writer(&self, on: bool) {
        let mut held = self.held.lock().await;
        if !on {
            // Closed, its transaction is rolled back.
            held.take();
            return;
        }
        let mut connection = AnyConnection::connect(&self.url).await.expect("another connection to the store");
        connection.execute("BEGIN EXCLUSIVE").await.expect("the writer's lock");
        *held = Some(connection);
    }

    async fn rows(&self, query: &str) -> Vec<AnyRow> {
        let mut left = 20;
        loop {
            left -= 1;
            match self.try_rows(query).await {
                Ok(rows) => return rows,
                Err(error) if left == 0 => panic!("the recorder cannot read {query}: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
            }
        }
    }

    async fn try_rows(&self, query: &str) -> sqlx::Result<Vec<AnyRow>> {
        let options = self.url.parse::<AnyConnectOptions>()?.disable_statement_logging();
        let mut connection = AnyConnection::connect_with(&options).await?;
        let rows = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(&mut connection).await;
        connection.close().await?;
        rows
    }
}
