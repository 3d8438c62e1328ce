use super::cells;
use super::errors::{self, database_error, failed};
use super::server::{CHARSET, Server, close};
use crate::cell::as_text;
use crate::collect::Collector;
use crate::fault;
use contracts::{Cell, Column};
use futures_util::TryStreamExt;
use ports::source::Error;
use sqlx::mysql::{MySqlColumn, MySqlConnection};
use sqlx::{AssertSqlSafe, Column as _, Connection, Executor, Row, SqlSafeStr, Statement as _, TypeInfo};
use std::time::Duration;

/// Modes of a server that are kept. The others change how a statement is read, and the guard has read it by the
/// defaults (`"a"` is a string, `\` escapes, `||` is OR).
const KEPT_MODES: [&str; 9] = [
    "ONLY_FULL_GROUP_BY",
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_IN_DATE",
    "NO_ZERO_DATE",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "NO_ENGINE_SUBSTITUTION",
    "REAL_AS_FLOAT",
    "TIME_TRUNCATE_FRACTIONAL",
];

/// Bytes that GROUP_CONCAT may make where the server allows more. Other functions make no more than its
/// `max_allowed_packet`, which no session can change.
const LONGEST_GROUP: u32 = 16 << 20;

/// Engines without transactions keep what a statement did, whatever becomes of it.
const CAN_UNDO: &str = "SELECT CAST(COALESCE(e.TRANSACTIONS = 'YES', 0) AS SIGNED) FROM information_schema.TABLES t \
    LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE \
    WHERE t.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND t.TABLE_NAME = ?";

/// The server's number of the error.
const VIEW_IS_HIDDEN: u16 = 1345;

/// A connection of its own, which only reads, unless it was begun for a change.
pub(super) struct Session {
    connection: MySqlConnection,
    /// The server's number of it.
    pub(super) id: u64,
    /// As the server gives it.
    pub(super) version: String,
}

impl Session {
    /// A transaction for one statement.
    pub(super) async fn begin(server: &Server, timeout: Duration) -> Result<Self, Error> {
        let mut session = Self::open(server, timeout).await?;
        session.execute("START TRANSACTION READ ONLY".to_owned()).await?;
        Ok(session)
    }

    /// A transaction for one change. What does not fit into a column is an error, never a shorter value.
    pub(super) async fn begin_change(server: &Server, timeout: Duration) -> Result<Self, Error> {
        let mut session = Self::open(server, timeout).await?;
        session.execute("SET SESSION TRANSACTION READ WRITE".to_owned()).await?;
        session.execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')".to_owned()).await?;
        let seconds = timeout.as_secs().max(1);
        session.execute(format!("SET SESSION innodb_lock_wait_timeout = {seconds}")).await?;
        session.execute(format!("SET SESSION lock_wait_timeout = {seconds}")).await?;
        session.execute("START TRANSACTION READ WRITE".to_owned()).await?;
        Ok(session)
    }

    /// Whether what happens to a table can be undone; `None` when it is not seen.
    pub(super) async fn can_undo(&mut self, database: Option<&str>, table: &str) -> Result<Option<bool>, Error> {
        let asked = sqlx::query(CAN_UNDO).bind(database).bind(table);
        let row = asked.fetch_optional(&mut self.connection).await.map_err(failed)?;
        row.map(|row| row.try_get::<i64, _>(0).map(|can| can == 1).map_err(failed)).transpose()
    }

    /// Runs an approved change and says how many rows it met.
    pub(super) async fn change(&mut self, sql: &str) -> Result<u64, Error> {
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut self.connection).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    /// From here on nothing stops it.
    pub(super) async fn keep(mut self) -> Result<(), Error> {
        let kept = fault::keeping(self.connection.execute("COMMIT"), database_error).await;
        close(self.connection).await;
        kept
    }

    /// The connection's end would undo it too, but later.
    pub(super) async fn undo(mut self) {
        match tokio::time::timeout(fault::CONNECT_TIMEOUT, self.connection.execute("ROLLBACK")).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a change is undone by the end of its connection"),
            Err(_) => tracing::debug!("a change is undone by the end of its connection"),
        }
        close(self.connection).await;
    }

    /// Each query is a read-only transaction of its own, so that no lock on a table is held over several.
    pub(super) async fn open(server: &Server, timeout: Duration) -> Result<Self, Error> {
        let mut connection = server.connect().await?;
        let facts =
            sqlx::query("SELECT CAST(CONNECTION_ID() AS UNSIGNED), VERSION(), @@sql_mode, @@character_set_client");
        let facts = facts.fetch_one(&mut connection).await.map_err(failed)?;
        let id = facts.try_get(0).map_err(failed)?;
        let version = facts.try_get(1).map_err(failed)?;
        let modes: String = facts.try_get(2).map_err(failed)?;
        let charset: String = facts.try_get(3).map_err(failed)?;
        if charset != CHARSET {
            return Err(Error::Settings(format!("the server reads statements as {charset}, not as {CHARSET}")));
        }
        let mut session = Self { connection, id, version };
        session.execute(format!("SET SESSION sql_mode = '{}'", kept(&modes))).await?;
        session.execute("SET SESSION TRANSACTION READ ONLY".to_owned()).await?;
        session
            .execute(format!("SET SESSION group_concat_max_len = LEAST(@@group_concat_max_len, {LONGEST_GROUP})"))
            .await?;
        session.set_timeout(timeout).await?;
        Ok(session)
    }

    /// MariaDB counts seconds, MySQL milliseconds and only for SELECT.
    pub(super) async fn set_timeout(&mut self, timeout: Duration) -> Result<(), Error> {
        let millis = timeout.as_millis().max(1);
        self.execute(if self.version.contains("MariaDB") {
            format!("SET SESSION max_statement_time = {}.{:03}", millis / 1000, millis % 1000)
        } else {
            format!("SET SESSION max_execution_time = {millis}")
        })
        .await
    }

    /// One of our own commands.
    pub(super) async fn execute(&mut self, sql: String) -> Result<(), Error> {
        self.connection.execute(AssertSqlSafe(sql)).await.map_err(failed)?;
        Ok(())
    }

    /// Runs a guarded statement up to the caps. True when it was cut.
    pub(super) async fn collect(&mut self, sql: &str, rows: &mut Collector) -> Result<bool, Error> {
        let mut stream = sqlx::query(AssertSqlSafe(sql)).fetch(&mut self.connection);
        while let Some(row) = stream.try_next().await.map_err(failed)? {
            if !rows.has_columns() {
                rows.set_columns(row.columns().iter().map(column).collect());
            }
            if !rows.keep(cells::row(&row), 0) {
                return Ok(true);
            }
        }
        drop(stream);
        if !rows.has_columns() {
            rows.set_columns(self.columns(sql).await?);
        }
        Ok(false)
    }

    /// Columns of a statement that returned no row.
    async fn columns(&mut self, sql: &str) -> Result<Vec<Column>, Error> {
        let prepared = (&mut self.connection).prepare(AssertSqlSafe(sql).into_sql_str()).await.map_err(failed)?;
        Ok(prepared.columns().iter().map(column).collect())
    }

    /// All rows of one of our own queries.
    pub(super) async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Cell>>, Error> {
        let query = sqlx::query(AssertSqlSafe(sql));
        let rows = query.fetch_all(&mut self.connection).await.map_err(failed)?;
        Ok(rows.iter().map(cells::row).collect())
    }

    /// The plan of a statement as JSON; nothing when it reads a view that the user may not see the making of.
    pub(super) async fn explain(&mut self, sql: &str) -> Result<Option<String>, Error> {
        let explain = format!("EXPLAIN FORMAT=JSON {sql}");
        match sqlx::query(AssertSqlSafe(explain)).fetch_one(&mut self.connection).await {
            Ok(row) => Ok(cells::row(&row).first().and_then(as_text)),
            Err(error) if errors::number(&error) == Some(VIEW_IS_HIDDEN) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Fails when the connection is lost.
    pub(super) async fn ping(&mut self) -> Result<(), Error> {
        self.connection.ping().await.map_err(failed)
    }

    /// Ends the transaction with the connection.
    pub(super) async fn close(self) {
        close(self.connection).await;
    }
}

fn kept(modes: &str) -> String {
    let kept: Vec<&str> = modes.split(',').filter(|mode| KEPT_MODES.contains(mode)).collect();
    kept.join(",")
}

fn column(column: &MySqlColumn) -> Column {
    let data_type = match column.type_info().name() {
        // The driver's name for a TINYINT(1), which holds any small number.
        "BOOLEAN" => "TINYINT",
        name => name,
    };
    Column::new(column.name(), data_type.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_that_change_how_a_statement_is_read_are_dropped() {
        let modes = "ANSI_QUOTES,STRICT_TRANS_TABLES,PIPES_AS_CONCAT,ANSI,NO_BACKSLASH_ESCAPES,ONLY_FULL_GROUP_BY";
        assert_eq!(kept(modes), "STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY");
        assert_eq!(kept(""), "");
    }
}
