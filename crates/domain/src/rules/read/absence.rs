//! Customers without orders, products that were never sold.

use super::targets;
use crate::rules::{
    items::What,
    lexicon::Mark,
    reader::{Absence, Reader},
};

/// How many items may stand between the negation and the table.
const REACH: usize = 5;

/// Reads every negation that is about related rows.
pub fn read(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        if reader.mark(at) == Some(Mark::Not) && !absent(reader, at) {
            reader.doubt(reader.items[at].text.clone(), 0.5);
        }
    }
}

fn absent(reader: &mut Reader, at: usize) -> bool {
    let head = reader.head();
    let end = (at + 1..at + 1 + REACH).find(|place| ends(reader, *place)).unwrap_or(at + 1 + REACH);
    if let Some(place) = (at + 1..end).find(|place| reader.table_at(*place).is_some_and(|table| Some(table) != head)) {
        let Some(table) = reader.table_at(place) else { return false };
        return note(reader, at, place, table);
    }
    let sale = (at + 1..end).find(|place| reader.mark(*place) == Some(Mark::Sale));
    if let Some(place) = sale
        && let Some(lines) = targets::sales_lines(reader)
    {
        return note(reader, at, place, lines.table);
    }
    column_of_rows(reader, at, end)
}

/// A column of another table stands for its rows: countries that speak no language.
fn column_of_rows(reader: &mut Reader, at: usize, end: usize) -> bool {
    let head = reader.head();
    let named = (at + 1..end).find(|place| {
        reader.mention(*place).is_some() && reader.column_at(*place).is_some_and(|column| Some(column.table) != head)
    });
    let Some((place, column)) = named.and_then(|place| Some((place, reader.column_at(place)?))) else { return false };
    note(reader, at, place, column.table)
}

fn note(reader: &mut Reader, at: usize, place: usize, table: usize) -> bool {
    reader.take(at);
    reader.take(place);
    for between in at + 1..place {
        if matches!(reader.items[between].what, What::Word) {
            reader.take(between);
        }
    }
    reader.draft.absent.push(Absence { at, table });
    true
}

fn ends(reader: &Reader, place: usize) -> bool {
    matches!(reader.any_mark(place), Some(Mark::Stop | Mark::And | Mark::Or)) || place >= reader.items.len()
}
