use super::session::Session;
use crate::cell::as_text;
use crate::samples::{self, LONGEST, PER_TABLE};
use contracts::{Cell, ColumnSchema, ForeignKey, Schema, TableSchema};
use ports::source::{About, DiscoveryLimits, Error, GoOn};

/// Tables and views, without SQLite's own and without the parts of virtual tables.
const TABLES: &str = "SELECT name, type = 'view' FROM pragma_table_list \
    WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
    ORDER BY type = 'view', name";

pub(super) fn about(session: &Session) -> Result<About, Error> {
    let version = session.rows("SELECT sqlite_version()")?;
    let version = version.first().and_then(|row| row.first()).and_then(as_text).unwrap_or_default();
    let mut warnings = Vec::new();
    if session.rows(TABLES)?.is_empty() {
        warnings.push("the database has no tables: there is nothing to ask yet".to_owned());
    }
    Ok(About { version: format!("SQLite {version}"), warnings })
}

pub(super) fn discover(session: &Session, limits: DiscoveryLimits, go_on: &GoOn) -> Result<Schema, Error> {
    let mut schema = Schema::default();
    for row in session.rows(TABLES)?.into_iter().take(limits.max_tables) {
        go_on.ask()?;
        session.stop_after(limits.timeout)?;
        let Some(name) = row.first().and_then(as_text) else { continue };
        let is_view = row.get(1).and_then(Cell::as_i64) == Some(1);
        match table(session, name, is_view) {
            Ok(table) => schema.tables.push(table),
            // A view over a table that is gone, a virtual table whose module is not here.
            Err(Error::Statement(reason)) => tracing::debug!(%reason, "a table cannot be described"),
            Err(error) => return Err(error),
        }
    }
    for index in 0..schema.tables.len() {
        go_on.ask()?;
        sample(session, &mut schema, index, limits)?;
    }
    Ok(schema)
}

fn table(session: &Session, name: String, is_view: bool) -> Result<TableSchema, Error> {
    let (columns, primary_key) = columns(session, &name)?;
    let foreign_keys = foreign_keys(session, &name)?;
    Ok(TableSchema {
        namespace: None,
        name,
        comment: None,
        columns,
        primary_key,
        foreign_keys,
        row_estimate: None,
        is_view,
    })
}

fn columns(session: &Session, table: &str) -> Result<(Vec<ColumnSchema>, Vec<String>), Error> {
    // Hidden 1 is an argument of a virtual table; 2 and 3 are generated columns.
    let sql = format!(
        "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo({}) WHERE hidden <> 1 ORDER BY cid",
        literal(table)
    );
    let mut columns = Vec::new();
    let mut keys = Vec::new();
    for row in session.rows(&sql)? {
        let [name, data_type, not_null, key] = row.as_slice() else { continue };
        let name = as_text(name).unwrap_or_default();
        let key = key.as_i64().unwrap_or_default();
        if key > 0 {
            keys.push((key, name.clone()));
        }
        let data_type = as_text(data_type).unwrap_or_default();
        let nullable = not_null.as_i64() == Some(0) && key == 0;
        columns.push(ColumnSchema { name, data_type, nullable, comment: None, samples: Vec::new() });
    }
    keys.sort();
    Ok((columns, keys.into_iter().map(|(_, name)| name).collect()))
}

fn foreign_keys(session: &Session, table: &str) -> Result<Vec<ForeignKey>, Error> {
    let sql = format!(
        "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list({}) ORDER BY id, seq",
        literal(table)
    );
    let mut keys: Vec<(Cell, ForeignKey)> = Vec::new();
    for row in session.rows(&sql)? {
        let [id, table, from, to] = row.as_slice() else { continue };
        if keys.last().is_none_or(|(last, _)| last != id) {
            let table = as_text(table).unwrap_or_default();
            keys.push((id.clone(), ForeignKey { columns: Vec::new(), table, referenced: Vec::new() }));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.extend(as_text(from));
            // Null when the declaration names only the table.
            key.referenced.extend(as_text(to));
        }
    }
    // SQLite lists the last declared first.
    Ok(keys.into_iter().rev().map(|(_, key)| key).collect())
}

fn sample(session: &Session, schema: &mut Schema, index: usize, limits: DiscoveryLimits) -> Result<(), Error> {
    let Some(table) = schema.tables.get(index) else { return Ok(()) };
    let wanted = samples::columns_to_sample(table, is_text);
    if wanted.is_empty() {
        return Ok(());
    }
    let columns: Vec<String> = wanted.iter().map(|column| excerpt(&table.columns[*column].name)).collect();
    let sql = format!("SELECT {} FROM {} LIMIT {}", columns.join(", "), quoted(&table.name), limits.sampled_rows);
    session.stop_after(limits.timeout.min(PER_TABLE))?;
    match session.rows(&sql) {
        Ok(rows) => samples::fill(schema, index, &wanted, &rows, limits),
        Err(reason) => tracing::debug!(%reason, "a table cannot be sampled"),
    }
    Ok(())
}

/// Columns without a type hold anything; `excerpt` leaves out what is no text.
fn is_text(data_type: &str) -> bool {
    let name = data_type.to_uppercase();
    name.is_empty() || ["CHAR", "CLOB", "TEXT", "STRING", "ENUM"].iter().any(|part| name.contains(part))
}

fn excerpt(column: &str) -> String {
    let column = quoted(column);
    format!("CASE WHEN typeof({column}) = 'text' THEN substr({column}, 1, {}) END", LONGEST + 1)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
