//! Values of the binary protocol. What is not decoded here the server renders, see `render`.

use super::{record, time};
use crate::cell;
use contracts::Cell;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgRow, PgTypeKind, PgValueRef};
use sqlx::{Row, ValueRef};

/// Types below are the same on every server.
pub(super) const FIRST_CUSTOM_OID: u32 = 16384;

/// A value, or its type and bytes for the server to render.
pub(super) enum Decoded {
    Cell(Cell),
    Later(Oid, Vec<u8>),
}

pub(super) fn row(row: &PgRow) -> impl Iterator<Item = Decoded> + '_ {
    (0..row.len()).map(|index| row.try_get_raw(index).map_or(Decoded::Cell(Cell::Null), |value| decoded(&value)))
}

fn decoded(value: &PgValueRef<'_>) -> Decoded {
    let Ok(bytes) = value.as_bytes() else { return Decoded::Cell(Cell::Null) };
    let info = value.type_info();
    let oid = info.oid().unwrap_or_default();
    if matches!(info.kind(), PgTypeKind::Enum(_)) {
        return Decoded::Cell(cell::text(bytes));
    }
    match known(oid.0, bytes) {
        Some(cell) => Decoded::Cell(cell),
        None => Decoded::Later(oid, bytes.to_vec()),
    }
}

/// A value of a built-in type; `None` for other types and for values out of the ordinary (a date before Christ).
pub(super) fn known(oid: u32, bytes: &[u8]) -> Option<Cell> {
    Some(match oid {
        16 => Cell::Bool(bytes != [0]),
        17 => cell::bytes(bytes),
        20 => cell::integer(i64::from_be_bytes(bytes.try_into().ok()?)),
        21 => cell::integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        23 => cell::integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        26 => cell::integer(u32::from_be_bytes(bytes.try_into().ok()?).into()),
        700 => cell::single(f32::from_be_bytes(bytes.try_into().ok()?)),
        701 => cell::double(f64::from_be_bytes(bytes.try_into().ok()?)),
        // name, text, json, xml, unknown, bpchar, varchar
        19 | 25 | 114 | 142 | 705 | 1042 | 1043 => cell::text(bytes),
        1082 => Cell::from(time::date(i32::from_be_bytes(bytes.try_into().ok()?))?),
        1083 => Cell::from(time::time_of_day(i64::from_be_bytes(bytes.try_into().ok()?))),
        1114 => Cell::from(time::timestamp(i64::from_be_bytes(bytes.try_into().ok()?))?),
        // The session's time zone is UTC.
        1184 => Cell::from(format!("{}+00", time::timestamp(i64::from_be_bytes(bytes.try_into().ok()?))?)),
        1700 => Cell::from(numeric(bytes)?),
        2249 => Cell::from(record::text(bytes)?),
        2278 => Cell::from(""),
        2950 => Cell::from(uuid(bytes)?),
        // jsonb: a version, then text
        3802 => cell::text(bytes.strip_prefix(&[1])?),
        _ => return None,
    })
}

/// The digits exactly as the server prints them, trailing zeros of the scale too.
fn numeric(bytes: &[u8]) -> Option<String> {
    let words: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let [_, weight, sign, scale, digits @ ..] = words.as_slice() else { return None };
    let negative = match sign {
        0x0000 => "",
        0x4000 => "-",
        0xc000 => return Some("NaN".to_owned()),
        0xd000 => return Some("Infinity".to_owned()),
        0xf000 => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    let weight = i32::from(*weight as i16);
    let group = |power: i32| usize::try_from(weight - power).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0);
    let mut text = format!("{negative}{}", group(weight.max(0)));
    for power in (0..weight.max(0)).rev() {
        text.push_str(&format!("{:04}", group(power)));
    }
    if *scale > 0 {
        let groups = i32::from(scale.div_ceil(4));
        let fraction: String = (1..=groups).map(|place| format!("{:04}", group(-place))).collect();
        text.push('.');
        text.push_str(fraction.get(..usize::from(*scale))?);
    }
    Some(text)
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let hex = u128::from_be_bytes(bytes.try_into().ok()?);
    let hex = format!("{hex:032x}");
    Some(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}
