//! SQLite types each value, not each column: a cell is what the value is.

use crate::cell;
use contracts::Cell;
use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Decode, Row, Sqlite, TypeInfo, ValueRef};

pub(super) fn row(row: &SqliteRow) -> Vec<Cell> {
    (0..row.len()).map(|index| row.try_get_raw(index).map_or(Cell::Null, value)).collect()
}

fn value(value: SqliteValueRef<'_>) -> Cell {
    if value.is_null() {
        return Cell::Null;
    }
    let kind = value.type_info().name().to_owned();
    match kind.as_str() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map_or(Cell::Null, cell::integer),
        "REAL" => <f64 as Decode<Sqlite>>::decode(value).map_or(Cell::Null, cell::double),
        "TEXT" => <&[u8] as Decode<Sqlite>>::decode(value).map_or(Cell::Null, cell::text),
        _ => <&[u8] as Decode<Sqlite>>::decode(value).map_or(Cell::Null, cell::bytes),
    }
}
