//! Whose title contains 'Hey', names that start with A.

use super::texts;
use crate::rules::{
    catalog::{ColumnEntry, ColumnKind, ColumnRef},
    items::What,
    lexicon::{Mark, Search},
    plan::{Scalar, Test},
    reader::Reader,
};

/// The search a few items before a text, with the words in between.
pub fn take(reader: &mut Reader, at: usize) -> Option<Search> {
    let mut found = None;
    for back in 1..=3 {
        let Some(place) = at.checked_sub(back) else { break };
        match reader.mark(place) {
            Some(Mark::Like(search)) => {
                reader.take(place);
                found = Some(search);
            }
            Some(Mark::In | Mark::Clause) => {}
            _ if matches!(reader.items[place].what, What::Word) => {}
            _ => break,
        }
    }
    found
}

/// Adds the condition that a column holds a text.
pub fn like(reader: &mut Reader, at: usize, search: Search) {
    let text = reader.items[at].text.clone();
    let column = column(reader, at);
    let negated = reader.take_negation(column.map_or(at, |(_, place)| place.min(at))) || reader.take_negation(at);
    reader.take(at);
    match column {
        Some((column, place)) => {
            reader.condition(place.min(at), at, Scalar::Column(column), Test::Like(search, text, negated));
        }
        None => reader.doubt(text, 0.5),
    }
}

/// The column that is searched for a text, with the item that names it.
pub fn column(reader: &mut Reader, at: usize) -> Option<(ColumnRef, usize)> {
    let is_text = |column: &ColumnEntry| column.kind == ColumnKind::Text;
    let after =
        (at + 1..at + 3).find(|place| reader.mention(*place).is_some() && reader.any_mark(at + 1) == Some(Mark::In));
    let before = (0..at).rev().take(5).find(|place| matches!(reader.items[*place].what, What::Mention(_)));
    for place in after.into_iter().chain(before) {
        if let Some(column) = name_of_column(reader, place) {
            reader.take(place);
            reader.take(place - 2);
            return Some((column, place));
        }
        let table = reader.table_at(place).filter(|_| reader.column_where(place, is_text).is_none());
        let column =
            table.and_then(|table| texts::label(reader, table)).or_else(|| reader.column_where(place, is_text));
        if let Some(column) = column {
            if table.is_none() && clause_between(reader, place, at) {
                reader.take(place);
            }
            return Some((column, place));
        }
    }
    None
}

/// In `a state whose name contains` the column `state` is meant.
fn name_of_column(reader: &Reader, place: usize) -> Option<ColumnRef> {
    let is_label = matches!(&reader.items[place].what, What::Mention(mention) if mention.is_label);
    let opened = place >= 2 && reader.any_mark(place - 1) == Some(Mark::Clause);
    if !is_label || !opened || reader.table_at(place - 2).is_some() {
        return None;
    }
    reader.column_where(place - 2, |column| column.kind == ColumnKind::Text)
}

/// Whether a condition opens shortly before a column, so that the column is not what is asked for.
fn clause_between(reader: &Reader, place: usize, at: usize) -> bool {
    place > at || (0..place).any(|before| matches!(reader.any_mark(before), Some(Mark::Clause | Mark::In)))
}

/// Reads a plain word that directly follows a search.
pub fn word_after(reader: &mut Reader, at: usize) {
    let directly = at > 0 && matches!(reader.mark(at - 1), Some(Mark::Like(_)));
    if directly && let Some(search) = take(reader, at) {
        like(reader, at, search);
    }
}
