//! A connection that gives rows as text.

use rusqlite::types::ValueRef;
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row, ValueRef as _};

/// Rows in an order that does not depend on the database.
pub type Rows = Vec<Vec<String>>;

pub enum Database {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
    Mysql(MySqlConnection),
}

impl Database {
    pub async fn rows(&mut self, sql: &str) -> Result<Rows, String> {
        let mut rows = match self {
            Self::Sqlite(connection) => sqlite(connection, sql).map_err(|error| error.to_string())?,
            Self::Postgres(connection) => {
                let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await;
                rows.map_err(|error| error.to_string())?.iter().map(postgres_row).collect()
            }
            Self::Mysql(connection) => {
                let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await;
                rows.map_err(|error| error.to_string())?.iter().map(mysql_row).collect()
            }
        };
        rows.sort();
        Ok(rows)
    }

    pub async fn run(&mut self, sql: &str) {
        let done = match self {
            Self::Sqlite(connection) => connection.execute_batch(sql).map_err(|error| error.to_string()),
            Self::Postgres(connection) => {
                let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
                done.map(|_| ()).map_err(|error| error.to_string())
            }
            Self::Mysql(connection) => {
                let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
                done.map(|_| ()).map_err(|error| error.to_string())
            }
        };
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

fn sqlite(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Rows> {
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let cell = |row: &rusqlite::Row, column: usize| -> rusqlite::Result<String> {
        Ok(match row.get_ref(column)? {
            ValueRef::Null => "NULL".to_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
        })
    };
    let rows = statement.query_map([], |row| (0..columns).map(|column| cell(row, column)).collect())?;
    rows.collect()
}

fn postgres_row(row: &sqlx::postgres::PgRow) -> Vec<String> {
    let cell = |column: usize| {
        let value = row.try_get_raw(column).unwrap();
        if value.is_null() { "NULL".to_owned() } else { value.as_str().unwrap().to_owned() }
    };
    (0..row.len()).map(cell).collect()
}

fn mysql_row(row: &sqlx::mysql::MySqlRow) -> Vec<String> {
    let cell = |column: usize| match row.try_get_unchecked::<Option<Vec<u8>>, _>(column).unwrap() {
        None => "NULL".to_owned(),
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
    };
    (0..row.len()).map(cell).collect()
}
