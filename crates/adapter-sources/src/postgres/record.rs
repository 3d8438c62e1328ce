//! Rows as values (`SELECT (a, b)`). The server writes them but reads them only as named types, so that it cannot
//! render them for us.

use super::cells;
use crate::cell;
use contracts::Cell;

pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let (count, mut rest) = take(bytes)?;
    let mut fields = Vec::new();
    for _ in 0..count {
        let (oid, after) = take(rest)?;
        let (length, after) = take(after)?;
        match usize::try_from(length) {
            Ok(length) => {
                fields.push(field(oid as u32, after.get(..length)?));
                rest = after.get(length..)?;
            }
            // -1 is null.
            Err(_) => {
                fields.push(String::new());
                rest = after;
            }
        }
    }
    Some(format!("({})", fields.join(",")))
}

fn take(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((i32::from_be_bytes(*head), rest))
}

fn field(oid: u32, bytes: &[u8]) -> String {
    match cells::known(oid, bytes).unwrap_or_else(|| cell::bytes(bytes)) {
        Cell::Bool(value) => if value { "t" } else { "f" }.to_owned(),
        Cell::String(text) => quoted(text),
        other => other.to_string(),
    }
}

fn quoted(text: String) -> String {
    let special = |character: char| matches!(character, '"' | '\\' | '(' | ')' | ',') || character.is_whitespace();
    if !text.is_empty() && !text.contains(special) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""))
}
