//! Statements run as they were recorded, each on its own read-only connection, with no code of the pipeline: the only
//! file of this program that names sqlx.

use super::compare::Table;
use anyhow::Result;
use contracts::{Cell, Dialect};
use ports::source::Access;
use sqlx::mysql::{MySqlConnectOptions, MySqlRow, MySqlValueRef};
use sqlx::postgres::{PgConnectOptions, PgRow, PgValueRef};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow, SqliteValueRef};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Decode, Error, Executor, MySql, Row, SqlSafeStr, Sqlite,
    TypeInfo, ValueRef,
};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// A statement that takes longer fails.
pub const LONGEST: Duration = Duration::from_secs(60);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;
/// Beyond this an integer is a text, by the contract for cells.
const LARGEST_EXACT: i128 = (1 << 53) - 1;

/// Runs a statement as it is. The error is what the database says.
pub async fn query(access: &Access, sql: &str) -> Result<Table, String> {
    if sql.trim().is_empty() {
        return Err("there is no statement".into());
    }
    let running = async {
        match access.dialect {
            Dialect::Sqlite => sqlite(access.url.trim_start_matches("sqlite:"), sql).await,
            Dialect::Postgres => postgres(&access.url, sql).await,
            Dialect::Mysql => mysql(&access.url, sql).await,
        }
    };
    match tokio::time::timeout(LONGEST, running).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("it took longer than {} s", LONGEST.as_secs())),
    }
}

/// Runs statements that make or remove a database, or fill one.
pub async fn run(dialect: Dialect, url: &str, script: String) -> Result<()> {
    let script = AssertSqlSafe(script);
    match dialect {
        Dialect::Postgres => {
            let mut connection = PgConnectOptions::from_str(url)?.disable_statement_logging().connect().await?;
            connection.execute(script).await?;
            connection.close().await?;
        }
        Dialect::Mysql => {
            let mut connection = MySqlConnectOptions::from_str(url)?.disable_statement_logging().connect().await?;
            connection.execute(script).await?;
            connection.close().await?;
        }
        Dialect::Sqlite => anyhow::bail!("a SQLite database is a file"),
    }
    Ok(())
}

async fn sqlite(file: &str, sql: &str) -> Result<Table, Error> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).disable_statement_logging();
    let mut connection = options.connect().await?;
    let end = Instant::now() + LONGEST;
    connection.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < end);
    let rows = connection.fetch_all(AssertSqlSafe(sql)).await;
    connection.close().await?;
    table(&rows?, |row: &SqliteRow, column| sqlite_cell(row.try_get_raw(column)?))
}

/// In the simple protocol, where the server prints every value itself. It takes several statements, of which the second
/// could leave the read-only transaction, so that only what can be prepared is run.
async fn postgres(url: &str, sql: &str) -> Result<Table, Error> {
    let mut connection = PgConnectOptions::from_str(url)?.disable_statement_logging().connect().await?;
    connection.execute("BEGIN READ ONLY").await?;
    (&mut connection).prepare(AssertSqlSafe(sql).into_sql_str()).await?;
    let rows = connection.fetch_all(AssertSqlSafe(sql)).await;
    connection.close().await?;
    table(&rows?, |row: &PgRow, column| postgres_cell(row.try_get_raw(column)?))
}

/// In the text protocol, else as for PostgreSQL.
async fn mysql(url: &str, sql: &str) -> Result<Table, Error> {
    let options = MySqlConnectOptions::from_str(url)?.pipes_as_concat(false).no_engine_substitution(false);
    let mut connection = options.disable_statement_logging().connect().await?;
    connection.execute("START TRANSACTION READ ONLY").await?;
    (&mut connection).prepare(AssertSqlSafe(sql).into_sql_str()).await?;
    let rows = connection.fetch_all(AssertSqlSafe(sql)).await;
    connection.close().await?;
    table(&rows?, |row: &MySqlRow, column| mysql_cell(row.try_get_raw(column)?))
}

fn table<R: Row>(rows: &[R], cell: impl Fn(&R, usize) -> Result<Cell, Error>) -> Result<Table, Error> {
    let columns = rows.first().map(R::columns).unwrap_or_default();
    let decimals = columns.iter().map(|column| is_decimal(column.type_info().name())).collect();
    let whole = |row: &R| (0..row.len()).map(|column| cell(row, column)).collect();
    Ok(Table { decimals, rows: rows.iter().map(whole).collect::<Result<_, _>>()? })
}

/// Whether the texts of a column of this type are exact decimals.
pub fn is_decimal(data_type: &str) -> bool {
    ["NUMERIC", "DECIMAL"].iter().any(|decimal| data_type.eq_ignore_ascii_case(decimal))
}

fn sqlite_cell(value: SqliteValueRef<'_>) -> Result<Cell, Error> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let kind = value.type_info().name().to_owned();
    let decoded = match kind.as_str() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map(|number| integer(number.into())),
        "REAL" => <f64 as Decode<Sqlite>>::decode(value).map(float),
        "TEXT" => <&[u8] as Decode<Sqlite>>::decode(value).map(text),
        _ => <&[u8] as Decode<Sqlite>>::decode(value).map(hex),
    };
    decoded.map_err(Error::Decode)
}

fn postgres_cell(value: PgValueRef<'_>) -> Result<Cell, Error> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let printed = value.as_str().map_err(Error::Decode)?;
    match value.type_info().name() {
        "BOOL" => Ok(Cell::Bool(printed == "t")),
        "INT2" | "INT4" | "INT8" | "OID" => number(printed).map(integer),
        "FLOAT4" | "FLOAT8" => number(printed).map(float),
        _ => Ok(Cell::from(printed)),
    }
}

fn mysql_cell(value: MySqlValueRef<'_>) -> Result<Cell, Error> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let kind = value.type_info().name().to_owned();
    let bytes = <&[u8] as Decode<MySql>>::decode(value).map_err(Error::Decode)?;
    let printed = || std::str::from_utf8(bytes).map_err(|error| Error::Decode(error.into()));
    match kind.as_str() {
        "BIT" => Ok(integer(bytes.iter().fold(0, |bits, byte| bits << 8 | i128::from(*byte)))),
        "FLOAT" | "DOUBLE" => number(printed()?).map(float),
        "TIME" | "DATETIME" | "TIMESTAMP" => Ok(Cell::from(without_zeros(printed()?))),
        "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" | "GEOMETRY" => Ok(hex(bytes)),
        name if name == "BOOLEAN" || name == "YEAR" || name.contains("INT") => number(printed()?).map(integer),
        _ => Ok(text(bytes)),
    }
}

fn number<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(printed: &str) -> Result<T, Error> {
    printed.parse().map_err(|error: T::Err| Error::Decode(error.into()))
}

fn integer(value: i128) -> Cell {
    let exact = (-LARGEST_EXACT..=LARGEST_EXACT).contains(&value);
    match i64::try_from(value) {
        Ok(value) if exact => Cell::from(value),
        _ => Cell::from(value.to_string()),
    }
}

fn float(value: f64) -> Cell {
    match serde_json::Number::from_f64(value) {
        Some(number) => Cell::Number(number),
        None if value.is_nan() => Cell::from("NaN"),
        None if value > 0.0 => Cell::from("Infinity"),
        None => Cell::from("-Infinity"),
    }
}

fn text(bytes: &[u8]) -> Cell {
    std::str::from_utf8(bytes).map_or_else(|_| hex(bytes), Cell::from)
}

fn hex(bytes: &[u8]) -> Cell {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Cell::from(format!("\\x{digits}"))
}

/// MySQL prints a fraction of a second as long as its type, the contract for cells as long as needed.
fn without_zeros(printed: &str) -> &str {
    if printed.contains('.') { printed.trim_end_matches('0').trim_end_matches('.') } else { printed }
}
