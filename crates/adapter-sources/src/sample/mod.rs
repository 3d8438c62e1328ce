//! A small shop that sells coffee, tea and what one needs for them: our own invented data, the same in every dialect
//! and on every run. All amounts are multiples of 0.25, so that their sums are exact also where SQLite keeps them as
//! floating-point numbers.

mod orders;
mod people;
mod products;
mod sql;
mod tables;

use crate::reserved::Reserved;
use crate::sqlite::database_error as sqlite_error;
use crate::{fault, mysql, postgres};
use contracts::Dialect;
use ports::source::{Access, Error};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Everything that makes the database, in order: tables with their keys and comments, then rows.
pub fn statements(dialect: Dialect) -> Vec<String> {
    tables::all().iter().flat_map(|table| sql::statements(table, dialect)).collect()
}

/// Makes the file. One that exists is left as it is, and a half-made one never has the name.
pub async fn create_sqlite(path: &Path) -> Result<(), Error> {
    if tokio::fs::try_exists(path).await.map_err(|error| unusable(path, &error))? {
        return Ok(());
    }
    let draft = draft_of(path);
    if tokio::fs::try_exists(&draft).await.map_err(|error| unusable(&draft, &error))? {
        tokio::fs::remove_file(&draft).await.map_err(|error| unusable(&draft, &error))?;
    }
    let options = SqliteConnectOptions::new().filename(&draft).create_if_missing(true).disable_statement_logging();
    let mut connection = fault::connecting(&draft.display().to_string(), &options, sqlite_error).await?;
    let filled = fill(&mut connection, Dialect::Sqlite).await;
    let closed = connection.close().await;
    filled.and(closed).map_err(|error| fault::while_running(error, sqlite_error))?;
    tokio::fs::rename(&draft, path).await.map_err(|error| unusable(path, &error))
}

/// Fills the database of a role that may write. It fails where a table of that name exists. A SQLite URL names the
/// file to make.
pub async fn load(access: &Access) -> Result<(), Error> {
    match access.dialect {
        Dialect::Sqlite => {
            let path = access.url.strip_prefix("sqlite:").unwrap_or(&access.url);
            create_sqlite(Path::new(path.strip_prefix("//").unwrap_or(path))).await
        }
        Dialect::Postgres => {
            let mut connection = postgres::Server::new(&access.url, &Reserved::default(), &None)?.connect().await?;
            let filled = fill(&mut connection, Dialect::Postgres).await;
            postgres::close(connection).await;
            filled.map_err(|error| fault::while_running(error, postgres::database_error))
        }
        Dialect::Mysql => {
            let mut connection = mysql::Server::new(&access.url, &None)?.connect().await?;
            let filled = fill(&mut connection, Dialect::Mysql).await;
            mysql::close(connection).await;
            filled.map_err(|error| fault::while_running(error, mysql::database_error))
        }
    }
}

/// In one transaction, which MySQL commits at each CREATE TABLE.
async fn fill<C>(connection: &mut C, dialect: Dialect) -> Result<(), sqlx::Error>
where
    C: Connection,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
{
    let mut transaction = connection.begin().await?;
    for statement in statements(dialect) {
        (&mut *transaction).execute(AssertSqlSafe(statement)).await?;
    }
    transaction.commit().await
}

fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(".draft");
    path.with_file_name(name)
}

fn unusable(path: &Path, error: &std::io::Error) -> Error {
    Error::Settings(format!("{} cannot be written ({})", path.display(), error.kind()))
}
