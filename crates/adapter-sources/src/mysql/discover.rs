use super::server::{STATEMENTS, Server};
use super::session::Session;
use crate::cell::as_text;
use crate::samples::{self, LONGEST, PER_TABLE};
use contracts::{Cell, ColumnSchema, ForeignKey, Schema, TableSchema};
use ports::source::{DiscoveryLimits, Error, GoOn};
use std::collections::HashMap;

/// MySQL 8 calls the columns of its catalog binary; the casts make them text everywhere.
const TABLES: &str = "SELECT CAST(TABLE_SCHEMA AS CHAR), CAST(TABLE_NAME AS CHAR), TABLE_TYPE LIKE '%VIEW', TABLE_ROWS, \
        CAST(TABLE_COMMENT AS CHAR) \
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE <> 'SEQUENCE' \
    ORDER BY TABLE_TYPE LIKE '%VIEW', TABLE_NAME";

const COLUMNS: &str = "SELECT CAST(TABLE_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR), CAST(COLUMN_TYPE AS CHAR), \
        IS_NULLABLE = 'YES', CAST(COLUMN_COMMENT AS CHAR) \
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION";

const KEYS: &str = "SELECT CAST(TABLE_NAME AS CHAR), CAST(CONSTRAINT_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR), \
        CAST(REFERENCED_TABLE_NAME AS CHAR), CAST(REFERENCED_COLUMN_NAME AS CHAR) \
    FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() \
        AND (CONSTRAINT_NAME = 'PRIMARY' OR REFERENCED_TABLE_NAME IS NOT NULL) \
    ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION";

pub(super) async fn discover(server: &Server, limits: DiscoveryLimits, go_on: &GoOn) -> Result<Schema, Error> {
    let mut session = Session::open(server, limits.timeout).await?;
    let schema = tables(&mut session, limits.max_tables).await;
    session.close().await;
    let mut schema = schema?;
    let all: Vec<usize> = (0..schema.tables.len()).collect();
    for some in all.chunks(STATEMENTS / 2) {
        let mut session = Session::open(server, limits.timeout.min(PER_TABLE)).await?;
        for index in some {
            go_on.ask()?;
            sample(&mut session, &mut schema, *index, limits).await?;
        }
        session.close().await;
    }
    Ok(schema)
}

async fn tables(session: &mut Session, max_tables: usize) -> Result<Schema, Error> {
    let tables = session.rows(TABLES).await?.iter().take(max_tables).filter_map(|row| table(row)).collect();
    let mut schema = Schema { tables };
    let places: HashMap<String, usize> =
        schema.tables.iter().enumerate().map(|(place, table)| (table.name.clone(), place)).collect();
    for row in session.rows(COLUMNS).await? {
        if let Some(table) = place(&row, &places).and_then(|place| schema.tables.get_mut(place)) {
            table.columns.extend(column(&row));
        }
    }
    let mut last = (usize::MAX, None);
    for row in session.rows(KEYS).await? {
        let Some(place) = place(&row, &places) else { continue };
        let key = (place, row.get(1).and_then(as_text));
        add_key(&mut schema.tables[place], &row, key == last);
        last = key;
    }
    Ok(schema)
}

fn place(row: &[Cell], places: &HashMap<String, usize>) -> Option<usize> {
    places.get(&as_text(row.first()?)?).copied()
}

fn table(row: &[Cell]) -> Option<TableSchema> {
    let [namespace, name, is_view, rows, comment] = row else { return None };
    let is_view = is_view.as_i64() == Some(1);
    Some(TableSchema {
        namespace: as_text(namespace),
        name: as_text(name)?,
        // The comment of a view is the word VIEW.
        comment: comment_of(comment).filter(|_| !is_view),
        columns: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        row_estimate: rows.as_u64(),
        is_view,
    })
}

fn column(row: &[Cell]) -> Option<ColumnSchema> {
    let [_, name, data_type, nullable, comment] = row else { return None };
    Some(ColumnSchema {
        name: as_text(name)?,
        data_type: as_text(data_type)?,
        nullable: nullable.as_i64() == Some(1),
        comment: comment_of(comment),
        samples: Vec::new(),
    })
}

fn comment_of(cell: &Cell) -> Option<String> {
    as_text(cell).filter(|comment| !comment.is_empty())
}

/// One column of a key; `continues` when it belongs to the key of the row before.
fn add_key(table: &mut TableSchema, row: &[Cell], continues: bool) {
    let [_, _, column, to_table, to_column] = row else { return };
    let Some(to_table) = as_text(to_table) else {
        table.primary_key.extend(as_text(column));
        return;
    };
    if !continues {
        table.foreign_keys.push(ForeignKey { columns: Vec::new(), table: to_table, referenced: Vec::new() });
    }
    if let Some(key) = table.foreign_keys.last_mut() {
        key.columns.extend(as_text(column));
        key.referenced.extend(as_text(to_column));
    }
}

async fn sample(
    session: &mut Session,
    schema: &mut Schema,
    index: usize,
    limits: DiscoveryLimits,
) -> Result<(), Error> {
    let Some(table) = schema.tables.get(index) else { return Ok(()) };
    let wanted = samples::columns_to_sample(table, is_text);
    if wanted.is_empty() {
        return Ok(());
    }
    let excerpt = |column: &usize| format!("LEFT({}, {})", quoted(&table.columns[*column].name), LONGEST + 1);
    let columns: Vec<String> = wanted.iter().map(excerpt).collect();
    let sql = format!("SELECT {} FROM {} LIMIT {}", columns.join(", "), quoted(&table.name), limits.sampled_rows);
    match session.rows(&sql).await {
        Ok(rows) => samples::fill(schema, index, &wanted, &rows, limits),
        Err(reason) => {
            // Too slow or not allowed costs this table its samples; a lost connection ends the discovery.
            session.ping().await?;
            tracing::debug!(%reason, "a table cannot be sampled");
        }
    }
    Ok(())
}

fn is_text(data_type: &str) -> bool {
    let name = data_type.to_lowercase();
    ["char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"]
        .iter()
        .any(|text| name.strip_prefix(text).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)))
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
