use super::errors::failed;
use super::server::{Server, close};
use crate::samples::{self, LONGEST, PER_TABLE};
use contracts::{Cell, ColumnSchema, ForeignKey, Schema, TableSchema};
use ports::source::{DiscoveryLimits, Error, GoOn};
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use std::collections::HashMap;
use std::time::Duration;

/// Partitions are left out: their table stands for them.
const TABLES: &str = "SELECT c.oid, n.nspname, c.relname, c.relkind IN ('v', 'm'), \
        CASE WHEN c.reltuples >= 0 AND c.relkind IN ('r', 'm', 'p') THEN c.reltuples::bigint END, \
        pg_catalog.obj_description(c.oid, 'pg_class') \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT') \
    ORDER BY n.nspname <> 'public', n.nspname, c.relname LIMIT $1";

/// `typcategory` S is strings, E enums; a domain has the category of its base.
const COLUMNS: &str = "SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, \
        pg_catalog.col_description(a.attrelid, a.attnum::integer), t.typcategory IN ('S', 'E') \
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped \
        AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT') \
    ORDER BY a.attrelid, a.attnum";

const KEYS: &str = "SELECT k.conrelid, k.contype = 'p', f.relname::text, \
        ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(num, place) \
            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.place), \
        ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(num, place) \
            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY u.place) \
    FROM pg_catalog.pg_constraint k LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid \
    WHERE k.conrelid = ANY ($1) AND k.contype IN ('p', 'f') ORDER BY k.conrelid, k.conname";

/// Tables by their number in the catalog, and which of their columns hold text.
struct Found {
    schema: Schema,
    places: HashMap<Oid, usize>,
    text_columns: HashMap<usize, Vec<bool>>,
}

pub(super) async fn discover(server: &Server, limits: DiscoveryLimits, go_on: &GoOn) -> Result<Schema, Error> {
    let mut connection = server.connect().await?;
    let schema = read(&mut connection, limits, go_on).await;
    close(connection).await;
    schema
}

/// Each query is a transaction of its own, so that no lock on a table is held over the whole discovery.
async fn read(connection: &mut PgConnection, limits: DiscoveryLimits, go_on: &GoOn) -> Result<Schema, Error> {
    connection.execute("SET default_transaction_read_only = on").await.map_err(failed)?;
    set_timeout(connection, limits.timeout).await?;
    let mut found = tables(connection, limits.max_tables).await?;
    let oids: Vec<Oid> = found.places.keys().copied().collect();
    columns(connection, &oids, &mut found).await?;
    keys(connection, &oids, &mut found).await?;
    set_timeout(connection, limits.timeout.min(PER_TABLE)).await?;
    for index in 0..found.schema.tables.len() {
        go_on.ask()?;
        sample(connection, &mut found, index, limits).await?;
    }
    Ok(found.schema)
}

async fn set_timeout(connection: &mut PgConnection, timeout: Duration) -> Result<(), Error> {
    let set = sqlx::query("SELECT pg_catalog.set_config('statement_timeout', $1, false)");
    set.bind(timeout.as_millis().max(1).to_string()).execute(connection).await.map_err(failed)?;
    Ok(())
}

async fn tables(connection: &mut PgConnection, max_tables: usize) -> Result<Found, Error> {
    let limit = i64::try_from(max_tables).unwrap_or(i64::MAX);
    let rows = sqlx::query(TABLES).bind(limit).fetch_all(connection).await.map_err(failed)?;
    let mut found = Found { schema: Schema::default(), places: HashMap::new(), text_columns: HashMap::new() };
    for row in rows {
        found.places.insert(row.try_get(0).map_err(failed)?, found.schema.tables.len());
        found.schema.tables.push(table(&row).map_err(failed)?);
    }
    Ok(found)
}

fn table(row: &PgRow) -> Result<TableSchema, sqlx::Error> {
    let estimate: Option<i64> = row.try_get(4)?;
    Ok(TableSchema {
        namespace: Some(row.try_get(1)?),
        name: row.try_get(2)?,
        comment: row.try_get(5)?,
        columns: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        row_estimate: estimate.and_then(|rows| u64::try_from(rows).ok()),
        is_view: row.try_get(3)?,
    })
}

async fn columns(connection: &mut PgConnection, oids: &[Oid], found: &mut Found) -> Result<(), Error> {
    for row in sqlx::query(COLUMNS).bind(oids).fetch_all(connection).await.map_err(failed)? {
        let Some(place) = place(&row, found).map_err(failed)? else { continue };
        found.schema.tables[place].columns.push(column(&row).map_err(failed)?);
        found.text_columns.entry(place).or_default().push(row.try_get(5).map_err(failed)?);
    }
    Ok(())
}

fn column(row: &PgRow) -> Result<ColumnSchema, sqlx::Error> {
    Ok(ColumnSchema {
        name: row.try_get(1)?,
        data_type: row.try_get(2)?,
        nullable: row.try_get(3)?,
        comment: row.try_get(4)?,
        samples: Vec::new(),
    })
}

fn place(row: &PgRow, found: &Found) -> Result<Option<usize>, sqlx::Error> {
    Ok(found.places.get(&row.try_get::<Oid, _>(0)?).copied())
}

async fn keys(connection: &mut PgConnection, oids: &[Oid], found: &mut Found) -> Result<(), Error> {
    for row in sqlx::query(KEYS).bind(oids).fetch_all(connection).await.map_err(failed)? {
        let Some(place) = place(&row, found).map_err(failed)? else { continue };
        add_key(&mut found.schema.tables[place], &row).map_err(failed)?;
    }
    Ok(())
}

fn add_key(table: &mut TableSchema, row: &PgRow) -> Result<(), sqlx::Error> {
    let columns: Vec<String> = row.try_get(3)?;
    if row.try_get(1)? {
        table.primary_key = columns;
        return Ok(());
    }
    if let Some(to) = row.try_get::<Option<String>, _>(2)? {
        table.foreign_keys.push(ForeignKey { columns, table: to, referenced: row.try_get(4)? });
    }
    Ok(())
}

async fn sample(
    connection: &mut PgConnection,
    found: &mut Found,
    index: usize,
    limits: DiscoveryLimits,
) -> Result<(), Error> {
    let table = &found.schema.tables[index];
    let is_text = found.text_columns.get(&index).map(Vec::as_slice).unwrap_or_default();
    let mut wanted = samples::columns_to_sample(table, |_| true);
    wanted.retain(|column| is_text.get(*column).copied().unwrap_or(false));
    if wanted.is_empty() {
        return Ok(());
    }
    let sql = sample_query(table, &wanted, limits.sampled_rows);
    match sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *connection).await.map_err(failed) {
        Ok(rows) => {
            let rows: Vec<Vec<Cell>> = rows.iter().map(|row| texts(row, wanted.len())).collect();
            samples::fill(&mut found.schema, index, &wanted, &rows, limits);
        }
        Err(reason) => {
            // Too slow or not allowed costs this table its samples; a lost connection ends the discovery.
            connection.ping().await.map_err(failed)?;
            tracing::debug!(%reason, "a table cannot be sampled");
        }
    }
    Ok(())
}

fn sample_query(table: &TableSchema, wanted: &[usize], rows: usize) -> String {
    let excerpt = |column: &usize| format!("left({}::text, {})", quoted(&table.columns[*column].name), LONGEST + 1);
    let columns: Vec<String> = wanted.iter().map(excerpt).collect();
    let namespace = table.namespace.as_deref().unwrap_or("public");
    format!("SELECT {} FROM {}.{} LIMIT {rows}", columns.join(", "), quoted(namespace), quoted(&table.name))
}

fn texts(row: &PgRow, columns: usize) -> Vec<Cell> {
    let text = |index| row.try_get::<Option<String>, _>(index).ok().flatten();
    (0..columns).map(|index| text(index).map_or(Cell::Null, Cell::from)).collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
