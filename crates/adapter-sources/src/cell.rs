//! Values as `contracts::Cell`, without loss.

use contracts::Cell;
use std::fmt::Write;

/// Beyond this a number of JSON is not exact in every reader.
const LARGEST_EXACT: u64 = (1 << 53) - 1;

pub(crate) fn integer(value: i64) -> Cell {
    if value.unsigned_abs() <= LARGEST_EXACT { Cell::from(value) } else { Cell::from(value.to_string()) }
}

pub(crate) fn unsigned(value: u64) -> Cell {
    if value <= LARGEST_EXACT { Cell::from(value) } else { Cell::from(value.to_string()) }
}

/// JSON knows no NaN and no infinity: they are words.
pub(crate) fn double(value: f64) -> Cell {
    match serde_json::Number::from_f64(value) {
        Some(number) => Cell::Number(number),
        None if value.is_nan() => Cell::from("NaN"),
        None if value > 0.0 => Cell::from("Infinity"),
        None => Cell::from("-Infinity"),
    }
}

/// By its shortest text: 0.1 stays 0.1, where widening alone gives 0.10000000149011612.
pub(crate) fn single(value: f32) -> Cell {
    double(value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
}

pub(crate) fn bytes(value: &[u8]) -> Cell {
    let mut text = String::with_capacity(2 + value.len() * 2);
    text.push_str("\\x");
    for byte in value {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    Cell::from(text)
}

/// Text where the bytes are text, else the bytes.
pub(crate) fn text(value: &[u8]) -> Cell {
    std::str::from_utf8(value).map_or_else(|_| bytes(value), Cell::from)
}

/// Text of a cell of a catalog query.
pub(crate) fn as_text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Bytes that a cell counts for.
pub(crate) fn weight(cell: &Cell) -> usize {
    match cell {
        Cell::String(text) => text.len(),
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_beyond_53_bits_are_strings() {
        assert_eq!(integer(9_007_199_254_740_991), Cell::from(9_007_199_254_740_991_i64));
        assert_eq!(integer(-9_007_199_254_740_992), Cell::from("-9007199254740992"));
        assert_eq!(unsigned(u64::MAX), Cell::from("18446744073709551615"));
    }

    #[test]
    fn floats_keep_their_text() {
        assert_eq!(single(0.1).to_string(), "0.1");
        assert_eq!(double(0.1 + 0.2).to_string(), "0.30000000000000004");
        assert_eq!(double(f64::NEG_INFINITY), Cell::from("-Infinity"));
        assert_eq!(double(f64::NAN), Cell::from("NaN"));
    }

    #[test]
    fn bytes_are_hex() {
        assert_eq!(bytes(&[0, 0xab]), Cell::from("\\x00ab"));
        assert_eq!(text(&[0xff]), Cell::from("\\xff"));
    }
}
