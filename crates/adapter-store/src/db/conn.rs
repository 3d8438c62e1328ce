use super::value::bound;
use super::{Row, Value};
use sqlx::{Error, PgConnection, SqliteConnection};

/// One connection of either dialect, inside a transaction or not.
pub(crate) enum Conn<'c> {
    Postgres(&'c mut PgConnection),
    Sqlite(&'c mut SqliteConnection),
}

impl Conn<'_> {
    /// Runs one statement to its end and returns its rows.
    pub(crate) async fn rows(&mut self, sql: &'static str, values: Vec<Value<'_>>) -> Result<Vec<Row>, Error> {
        match self {
            Self::Postgres(conn) => {
                let rows = bound(sql, values).fetch_all(&mut **conn).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
            Self::Sqlite(conn) => {
                let rows = bound(sql, values).fetch_all(&mut **conn).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    /// As `rows`, for a statement that returns at most one.
    pub(crate) async fn row(&mut self, sql: &'static str, values: Vec<Value<'_>>) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql, values).await?.pop())
    }

    /// Runs one statement and says how many rows it wrote.
    pub(crate) async fn execute(&mut self, sql: &'static str, values: Vec<Value<'_>>) -> Result<u64, Error> {
        match self {
            Self::Postgres(conn) => Ok(bound(sql, values).execute(&mut **conn).await?.rows_affected()),
            Self::Sqlite(conn) => Ok(bound(sql, values).execute(&mut **conn).await?.rows_affected()),
        }
    }
}
