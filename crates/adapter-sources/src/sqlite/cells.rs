//! SQLite types each value, not each column: a cell is what the value is.

use crate::cell;
use contracts::Cell;
use rusqlite::types::ValueRef;
use rusqlite::{Error, Row};

pub(super) fn row(row: &Row<'_>, columns: usize) -> Result<Vec<Cell>, Error> {
    (0..columns).map(|index| row.get_ref(index).map(value)).collect()
}

fn value(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => cell::integer(number),
        ValueRef::Real(number) => cell::double(number),
        ValueRef::Text(text) => cell::text(text),
        ValueRef::Blob(bytes) => cell::bytes(bytes),
    }
}

/// What a column's declaration says of its values; empty where it has none or another.
pub(super) fn declared(declaration: Option<&str>) -> &'static str {
    let name = declaration.unwrap_or_default().to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    match name.as_str() {
        "boolean" | "bool" => "BOOLEAN",
        "date" => "DATE",
        "time" => "TIME",
        "datetime" | "timestamp" => "DATETIME",
        _ if has(&["int"]) => "INTEGER",
        _ if has(&["char", "clob", "text"]) => "TEXT",
        _ if has(&["blob"]) => "BLOB",
        _ if has(&["real", "floa", "doub"]) => "REAL",
        _ => "",
    }
}
