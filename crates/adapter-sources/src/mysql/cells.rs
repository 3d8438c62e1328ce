//! Values of the binary protocol, printed as the server prints them.

use crate::cell;
use contracts::Cell;
use sqlx::mysql::{MySqlRow, MySqlTypeInfo, MySqlValueRef};
use sqlx::{Decode, MySql, Row, Type, TypeInfo, ValueRef};

pub(super) fn row(row: &MySqlRow) -> Vec<Cell> {
    (0..row.len()).map(|index| row.try_get_raw(index).map_or(Cell::Null, value)).collect()
}

/// Bytes are asked for whatever the type: the driver itself takes a zero date for null.
fn value(value: MySqlValueRef<'_>) -> Cell {
    let info = value.type_info().into_owned();
    let Ok(bytes) = <&[u8] as Decode<MySql>>::decode(value) else { return Cell::Null };
    known(info.name(), bytes).unwrap_or_else(|| string(&info, bytes))
}

fn known(name: &str, bytes: &[u8]) -> Option<Cell> {
    Some(match name {
        "BOOLEAN" | "TINYINT" => cell::integer(i8::from_le_bytes(bytes.try_into().ok()?).into()),
        "TINYINT UNSIGNED" => cell::integer(u8::from_le_bytes(bytes.try_into().ok()?).into()),
        "SMALLINT" => cell::integer(i16::from_le_bytes(bytes.try_into().ok()?).into()),
        "SMALLINT UNSIGNED" | "YEAR" => cell::integer(u16::from_le_bytes(bytes.try_into().ok()?).into()),
        "MEDIUMINT" | "INT" => cell::integer(i32::from_le_bytes(bytes.try_into().ok()?).into()),
        "MEDIUMINT UNSIGNED" | "INT UNSIGNED" => cell::integer(u32::from_le_bytes(bytes.try_into().ok()?).into()),
        "BIGINT" => cell::integer(i64::from_le_bytes(bytes.try_into().ok()?)),
        "BIGINT UNSIGNED" => cell::unsigned(u64::from_le_bytes(bytes.try_into().ok()?)),
        "FLOAT" => cell::single(f32::from_le_bytes(bytes.try_into().ok()?)),
        "DOUBLE" => cell::double(f64::from_le_bytes(bytes.try_into().ok()?)),
        "DECIMAL" | "JSON" | "ENUM" | "SET" => cell::text(bytes),
        "BIT" => cell::unsigned(bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))),
        "DATE" => Cell::from(date(bytes)?),
        "DATETIME" | "TIMESTAMP" => Cell::from(format!("{} {}", date(bytes)?, clock(bytes.get(5..)?)?)),
        "TIME" => Cell::from(duration(bytes)?),
        "GEOMETRY" => cell::bytes(bytes),
        _ => return None,
    })
}

/// Text of any collation but `binary` is text; the server sends it as UTF-8.
fn string(info: &MySqlTypeInfo, bytes: &[u8]) -> Cell {
    if <str as Type<MySql>>::compatible(info) { cell::text(bytes) } else { cell::bytes(bytes) }
}

/// Length, then year, month, day; nothing at all for a zero date.
fn date(bytes: &[u8]) -> Option<String> {
    let [_, low, high, month, day, ..] = bytes else { return Some("0000-00-00".to_owned()) };
    Some(format!("{:04}-{month:02}-{day:02}", u16::from_le_bytes([*low, *high])))
}

/// Hour, minute, second and microseconds, as far as they are not zero.
fn clock(bytes: &[u8]) -> Option<String> {
    let [hour, minute, second, fraction @ ..] = bytes else { return Some("00:00:00".to_owned()) };
    Some(format!("{hour:02}:{minute:02}:{second:02}{}", fraction_of(fraction)?))
}

/// Length, sign, days, then as a clock: up to 838 hours.
fn duration(bytes: &[u8]) -> Option<String> {
    let [_, negative, d0, d1, d2, d3, hour, minute, second, fraction @ ..] = bytes else {
        return Some("00:00:00".to_owned());
    };
    let sign = if *negative == 0 { "" } else { "-" };
    let hours = u64::from(u32::from_le_bytes([*d0, *d1, *d2, *d3])) * 24 + u64::from(*hour);
    Some(format!("{sign}{hours:02}:{minute:02}:{second:02}{}", fraction_of(fraction)?))
}

fn fraction_of(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return Some(String::new());
    }
    let micros = u32::from_le_bytes(bytes.try_into().ok()?);
    Some(format!(".{}", format!("{micros:06}").trim_end_matches('0')))
}
