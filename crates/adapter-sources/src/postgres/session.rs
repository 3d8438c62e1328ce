use super::cells::{self, Decoded};
use super::errors::failed;
use super::render::Later;
use super::server::{Server, close};
use super::{plan, scope};
use crate::collect::Collector;
use crate::cost::Estimate;
use contracts::{Cell, Column};
use futures_util::TryStreamExt;
use ports::source::{Error, Reads, Statement};
use sqlx::postgres::{PgColumn, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Column as _, Executor, Row, SqlSafeStr, Statement as _, TypeInfo};
use std::time::{Duration, Instant};

/// Within the transaction: the time, what a name without a schema means, and how strings are read (the guard reads
/// them by the standard). The last one ends a transaction that a crashed process of ours left behind.
pub(super) const SETTINGS: &str = "SELECT pg_catalog.pg_backend_pid(), \
    pg_catalog.set_config('statement_timeout', $1, true), \
    pg_catalog.set_config('search_path', $3, true), \
    pg_catalog.set_config('standard_conforming_strings', 'on', true), \
    pg_catalog.set_config('transform_null_equals', 'off', true), \
    pg_catalog.set_config('idle_in_transaction_session_timeout', $2, true)";

/// What planning a statement may take. A database that needs longer would not be done in time either.
pub(super) const PLANNING: Duration = Duration::from_secs(5);

/// Columns that indexes of these tables begin with.
const INDEXED: &str = "SELECT c.relname::text, a.attname::text FROM pg_catalog.pg_index i \
    JOIN pg_catalog.pg_class c ON c.oid = i.indrelid \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] \
    WHERE c.relname = ANY ($1) AND a.attnum > 0 GROUP BY 1, 2 ORDER BY 1, min(i.indexrelid)";

/// A read-only transaction, alone on its connection.
pub(super) struct Session {
    connection: PgConnection,
    /// The server's number of it.
    pub(super) backend: i32,
}

impl Session {
    pub(super) async fn begin(server: &Server, timeout: Duration, reads: Option<&Reads>) -> Result<Self, Error> {
        let mut connection = server.acquire().await?;
        connection.execute("BEGIN READ ONLY").await.map_err(failed)?;
        let millis = |time: Duration| time.as_millis().max(1).to_string();
        let settings = sqlx::query(SETTINGS).bind(millis(timeout)).bind(millis(timeout + PLANNING)).bind(path(reads));
        let settings = settings.fetch_one(&mut connection).await.map_err(failed)?;
        let backend = settings.try_get(0).map_err(failed)?;
        Ok(Self { connection, backend })
    }

    /// The dry run: the statement is planned, which tells whether it can run, what it reads and what it costs.
    pub(super) async fn check(&mut self, asked: &Statement) -> Result<(), Error> {
        self.set_timeout(asked.timeout.min(PLANNING)).await?;
        let estimate = self.explain(&asked.sql).await?;
        self.set_timeout(asked.timeout).await?;
        self.check_reads(asked).await?;
        match asked.max_scanned_rows {
            Some(allowed) if estimate.exceeds(allowed) => self.with_indexes(estimate).await?.check(allowed),
            _ => Ok(()),
        }
    }

    /// Refuses a statement that touched what it may not read, when it is known what that is.
    pub(super) async fn check_reads(&mut self, asked: &Statement) -> Result<(), Error> {
        match &asked.reads {
            Some(reads) => scope::check(&mut self.connection, self.backend, reads).await,
            None => Ok(()),
        }
    }

    /// As `check_reads`, for the transaction that another session is in.
    pub(super) async fn check_reads_of(&mut self, backend: i32, asked: &Statement) -> Result<(), Error> {
        match &asked.reads {
            Some(reads) => scope::check_other(&mut self.connection, backend, reads).await,
            None => Ok(()),
        }
    }

    async fn set_timeout(&mut self, timeout: Duration) -> Result<(), Error> {
        let set = sqlx::query("SELECT pg_catalog.set_config('statement_timeout', $1, true)");
        let set = set.bind(timeout.as_millis().max(1).to_string());
        set.execute(&mut self.connection).await.map(|_| ()).map_err(failed)
    }

    async fn explain(&mut self, sql: &str) -> Result<Estimate, Error> {
        let explain = format!("EXPLAIN (FORMAT JSON) {sql}");
        let started = Instant::now();
        let row = sqlx::query(AssertSqlSafe(explain)).persistent(true).fetch_one(&mut self.connection).await;
        let row = match row.map_err(failed) {
            Err(Error::Interrupted(_)) if started.elapsed() >= PLANNING => {
                let sentence = "the database did not find a way to run it within 5 s. Use fewer tables at a time.";
                return Err(Error::TooExpensive(sentence.to_owned()));
            }
            row => row?,
        };
        let Some(Decoded::Cell(Cell::String(text))) = cells::row(&row).next() else { return Ok(Estimate::default()) };
        Ok(serde_json::from_str(&text).map(|explained| plan::read(&explained)).unwrap_or_default())
    }

    async fn with_indexes(&mut self, mut estimate: Estimate) -> Result<Estimate, Error> {
        let tables: Vec<String> = estimate.scans.iter().map(|scan| scan.table.clone()).collect();
        for row in sqlx::query(INDEXED).bind(tables).fetch_all(&mut self.connection).await.map_err(failed)? {
            let table: String = row.try_get(0).map_err(failed)?;
            if let Some(scan) = estimate.scans.iter_mut().find(|scan| scan.table == table) {
                scan.indexed.push(row.try_get(1).map_err(failed)?);
            }
        }
        Ok(estimate)
    }

    /// Runs a guarded statement up to the caps. True when it was cut, and what only the server can render.
    pub(super) async fn collect(&mut self, sql: &str, rows: &mut Collector) -> Result<(bool, Later), Error> {
        let mut later = Later::default();
        // A named statement: an unnamed one is gone when the driver then asks for the names of unknown types.
        let mut stream = sqlx::query(AssertSqlSafe(sql)).persistent(true).fetch(&mut self.connection);
        while let Some(row) = stream.try_next().await.map_err(failed)? {
            if !rows.has_columns() {
                rows.set_columns(row.columns().iter().map(column).collect());
            }
            if !keep(&row, rows, &mut later) {
                return Ok((true, later));
            }
        }
        drop(stream);
        if !rows.has_columns() {
            rows.set_columns(self.columns(sql).await?);
        }
        Ok((false, later))
    }

    /// Columns of a statement that returned no row.
    async fn columns(&mut self, sql: &str) -> Result<Vec<Column>, Error> {
        let prepared = (&mut self.connection).prepare(AssertSqlSafe(sql).into_sql_str()).await.map_err(failed)?;
        Ok(prepared.columns().iter().map(column).collect())
    }

    pub(super) async fn render(&mut self, later: Later) -> Result<Later, Error> {
        later.render(&mut self.connection).await
    }

    /// Ends the transaction and keeps the connection.
    pub(super) async fn release(self, server: &Server) {
        server.release(self.connection).await;
    }

    /// Ends the transaction with the connection.
    pub(super) async fn close(self) {
        close(self.connection).await;
    }
}

/// Where a name without a schema is looked for: where the guard looks for it.
pub(super) fn path(reads: Option<&Reads>) -> String {
    let mut namespaces: Vec<&str> = reads.into_iter().flat_map(Reads::tables).filter_map(|(place, _)| place).collect();
    namespaces.dedup();
    match namespaces.as_slice() {
        [only] if *only != "public" => format!("pg_catalog, \"{}\", pg_temp", only.replace('"', "\"\"")),
        _ => "pg_catalog, public, pg_temp".to_owned(),
    }
}

fn keep(row: &PgRow, rows: &mut Collector, later: &mut Later) -> bool {
    let mut cells = Vec::with_capacity(row.len());
    let mut unseen = Vec::new();
    for (index, decoded) in cells::row(row).enumerate() {
        match decoded {
            Decoded::Cell(cell) => cells.push(cell),
            Decoded::Later(oid, bytes) => {
                unseen.push((index, oid, bytes));
                cells.push(Cell::Null);
            }
        }
    }
    let at = rows.rows();
    let kept = rows.keep(cells, unseen.iter().map(|(_, _, bytes)| bytes.len()).sum());
    if kept {
        unseen.into_iter().for_each(|(column, oid, bytes)| later.push(oid, at, column, bytes));
    }
    kept
}

fn column(column: &PgColumn) -> Column {
    let info = column.type_info();
    let data_type = match info.oid() {
        // The driver writes the names of built-in types in capitals.
        Some(oid) if oid.0 < cells::FIRST_CUSTOM_OID => info.name().to_lowercase(),
        _ => info.name().to_owned(),
    };
    Column::new(column.name(), data_type)
}
