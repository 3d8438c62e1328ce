//! From France, named "Robbin CV", whose title contains 'Hey', official languages.

use super::searches;
use crate::rules::{
    catalog::{ColumnKind, ColumnRef},
    items::What,
    lexicon::{Mark, Op},
    link::Occurrence,
    plan::{Literal, Scalar, Test},
    reader::Reader,
};

/// Reads every text value and flag.
pub fn read(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        if let Some(What::Value(occurrences)) = reader.free(at).map(|item| item.what.clone()) {
            value(reader, at, &occurrences);
        }
    }
    for at in 0..reader.items.len() {
        match reader.free(at).map(|item| &item.what) {
            Some(What::Literal) => literal(reader, at),
            Some(What::Word) => searches::word_after(reader, at),
            _ => {}
        }
    }
}

fn value(reader: &mut Reader, at: usize, occurrences: &[Occurrence]) {
    if let Some(search) = searches::take(reader, at) {
        if searches::column(reader, at).is_some() {
            return searches::like(reader, at, search);
        }
        return free_value(reader, at, occurrences);
    }
    let named = reader.table_at(at + 1).and_then(|table| label(reader, table));
    if let Some(column) = named.filter(|column| occurrences.iter().any(|found| found.column == *column)) {
        return equals(reader, at, at, column, text_in(occurrences, column));
    }
    let Some((column, from)) =
        column_beside(reader, at, |column| occurrences.iter().any(|found| found.column == column))
    else {
        return free_value(reader, at, occurrences);
    };
    let text = text_in(occurrences, column);
    equals(reader, from, at, column, text);
}

fn text_in(occurrences: &[Occurrence], column: ColumnRef) -> String {
    let found = occurrences.iter().find(|found| found.column == column).or(occurrences.first());
    found.map_or_else(String::new, |found| found.text.clone())
}

/// A value beside none of its columns: the column nearest to what the question is about holds it.
fn free_value(reader: &mut Reader, at: usize, occurrences: &[Occurrence]) {
    let touched = at > 0 && reader.items[at - 1].end == reader.items[at].start || reader.items[at].quoted;
    if let Some((column, from)) = Some(at).filter(|_| touched).and_then(|at| explicit_column(reader, at)) {
        let text = reader.items[at].text.clone();
        return equals(reader, from, at, column, text);
    }
    let inherited = inherited_column(reader, at);
    let cost = |column: ColumnRef| {
        let named = reader.tables.iter().any(|(_, table)| *table == column.table);
        let same = inherited == Some(column);
        let key = reader.catalog.column(column).is_key;
        reader.detour(column.table) - if named { 0.3 } else { 0.0 } - if same { 1.0 } else { 0.0 }
            + if key { 0.05 } else { 0.0 }
    };
    let best = occurrences.iter().map(|found| (found, cost(found.column)));
    let Some((found, _)) = best.reduce(|best, next| if next.1 < best.1 { next } else { best }) else { return };
    let (column, text) = (found.column, found.text.clone());
    equals(reader, at, at, column, text);
}

fn equals(reader: &mut Reader, from: usize, at: usize, column: ColumnRef, text: String) {
    let other = take_other_than(reader, from) || from != at && take_other_than(reader, at);
    let negated = other || reader.take_negation(at) || reader.take_negation(from);
    reader.take(at);
    let op = if negated { Op::Ne } else { Op::Eq };
    reader.condition(from, at, Scalar::Column(column), Test::Compare(op, Literal::Text(text)));
}

fn take_other_than(reader: &mut Reader, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return false };
    let found = matches!(reader.mark(before), Some(Mark::Compare(Op::Ne, _)));
    if found {
        reader.take(before);
    }
    found
}

/// The column a value is said to be in, directly before or after it, that may hold it. It is read.
fn column_beside(reader: &mut Reader, at: usize, usable: impl Fn(ColumnRef) -> bool) -> Option<(ColumnRef, usize)> {
    let before = (1..=3).filter_map(|back| at.checked_sub(back));
    let mut places: Vec<usize> = Vec::new();
    for place in before {
        let passes = reader.items[place].used || connects(reader, place);
        if matches!(reader.items[place].what, What::Mention(_)) {
            let apart = reader.items[place].end < reader.items[at].start;
            if !(apart && place > 0 && reader.any_mark(place - 1) == Some(Mark::Ask)) {
                places.push(place);
            }
            break;
        }
        if !passes {
            break;
        }
    }
    if !reader.items[at].possessive {
        places.push(at + 1);
    }
    for place in places {
        let Some(column) = mentioned_column(reader, place, &usable) else { continue };
        reader.take(place);
        return Some((column, place.min(at)));
    }
    None
}

fn connects(reader: &Reader, place: usize) -> bool {
    matches!(
        reader.any_mark(place),
        Some(Mark::Not | Mark::Compare(Op::Eq | Op::Ne, _) | Mark::Named | Mark::In | Mark::Clause | Mark::Like(_))
    )
}

fn mentioned_column(reader: &Reader, place: usize, usable: impl Fn(ColumnRef) -> bool) -> Option<ColumnRef> {
    let What::Mention(mention) = &reader.items.get(place)?.what else { return None };
    if reader.table_at(place).is_some() && mention.column_weight() < 0.9 {
        return None;
    }
    let best = mention.columns.iter().map(|(column, _)| *column).filter(|column| usable(*column));
    let preferred = reader.column_at(place).filter(|column| usable(*column));
    preferred.or_else(|| best.clone().next())
}

/// The text column named directly before a value or after it.
fn explicit_column(reader: &mut Reader, at: usize) -> Option<(ColumnRef, usize)> {
    let catalog = reader.catalog;
    let is_text = move |column: ColumnRef| {
        let entry = catalog.column(column);
        entry.kind == ColumnKind::Text && (!entry.is_key || entry.words.iter().any(|word| word == "code"))
    };
    if at > 0 && reader.any_mark(at - 1) == Some(Mark::In) {
        return None;
    }
    if reader.table_at(at + 1).is_some()
        && at.checked_sub(1).is_none_or(|before| !matches!(reader.items[before].what, What::Mention(_)))
    {
        return None;
    }
    column_beside(reader, at, is_text)
}

/// The column of the value that stands in the same list, before or after.
fn inherited_column(reader: &Reader, at: usize) -> Option<ColumnRef> {
    let joins = |place: usize| matches!(reader.any_mark(place), Some(Mark::And | Mark::Or | Mark::Comma));
    let before = reader.draft.conditions.iter().find(|known| known.to < at && at - known.to <= 3);
    let after = reader.draft.conditions.iter().find(|known| known.from == at + 2);
    let listed_before = before.filter(|_| at > 0 && joins(at - 1));
    let known = listed_before.or(after.filter(|_| joins(at + 1)))?;
    match (&known.condition.left, &known.condition.test) {
        (Scalar::Column(column), Test::Compare(Op::Eq | Op::Ne, Literal::Text(_))) => Some(*column),
        _ => None,
    }
}

/// A text that no sample holds: in quotes, or with a capital letter.
fn literal(reader: &mut Reader, at: usize) {
    if let Some(search) = searches::take(reader, at) {
        return searches::like(reader, at, search);
    }
    let text = reader.items[at].text.clone();
    if let Some(column) = last_name(reader, at).or_else(|| inherited_column(reader, at)) {
        return equals(reader, at, at, column, text);
    }
    if let Some((column, from)) = explicit_column(reader, at) {
        return equals(reader, from, at, column, text);
    }
    if let Some(column) = named_row(reader, at) {
        return equals_name(reader, at, column, text);
    }
    if let Some(column) = place_column(reader, at) {
        let certain = reader.items[at].quoted || is_place(reader, column.table);
        reader.doubt(text.clone(), if certain { 0.1 } else { 0.35 });
        return equals(reader, at, at, column, text);
    }
    reader.take(at);
    reader.doubt(text, 0.4);
}

/// `the document named X`, `the city X`, `the X department`.
fn named_row(reader: &mut Reader, at: usize) -> Option<ColumnRef> {
    let named = at > 0 && reader.mark(at - 1) == Some(Mark::Named);
    if named {
        reader.take(at - 1);
        let table = reader.table_before(at).or_else(|| reader.head())?;
        return label(reader, table);
    }
    let after = reader.table_at(at + 1).filter(|_| !reader.items[at].possessive);
    let touches = |before: &usize| reader.items[*before].end == reader.items[at].start || reader.items[at].quoted;
    let before = at.checked_sub(1).filter(touches).and_then(|before| reader.table_at(before));
    let table = before.or(after)?;
    label(reader, table)
}

/// A name of two words against a first and a last name.
fn equals_name(reader: &mut Reader, at: usize, column: ColumnRef, text: String) {
    let columns = reader.catalog.label(column.table);
    match (columns.as_slice(), text.split_once(' ')) {
        ([first, last], Some((given, family))) => {
            let (first, last) = (*first, *last);
            equals(reader, at, at, first, given.to_owned());
            reader.condition(at, at, Scalar::Column(last), Test::Compare(Op::Eq, Literal::Text(family.to_owned())));
        }
        _ => equals(reader, at, at, column, text),
    }
}

/// After a first name the last name follows.
fn last_name(reader: &Reader, at: usize) -> Option<ColumnRef> {
    let known = reader.draft.conditions.iter().find(|known| known.to + 1 == at)?;
    let Scalar::Column(first) = known.condition.left else { return None };
    let label = reader.catalog.label(first.table);
    label.get(1).copied().filter(|_| label[0] == first)
}

/// The text that names a row of a table.
pub fn label(reader: &Reader, table: usize) -> Option<ColumnRef> {
    reader
        .catalog
        .label(table)
        .first()
        .copied()
        .filter(|column| reader.catalog.column(*column).kind == ColumnKind::Text)
}

const PLACES: [&str; 7] = ["countri", "citi", "state", "region", "locat", "nation", "continent"];

fn is_place(reader: &Reader, table: usize) -> bool {
    reader.catalog.tables[table].words.iter().any(|word| PLACES.contains(&word.as_str()))
}

/// `in X`: the name of a named table's row, else a column that holds places.
fn place_column(reader: &Reader, at: usize) -> Option<ColumnRef> {
    let tables: Vec<usize> = reader.tables.iter().map(|(_, table)| *table).chain(reader.head()).collect();
    if let Some(table) = tables.iter().find(|table| is_place(reader, **table)) {
        return label(reader, *table);
    }
    if at == 0 || reader.any_mark(at - 1) != Some(Mark::In) {
        return reader.head().and_then(|table| label(reader, table));
    }
    let words: Vec<String> = PLACES.iter().map(|word| (*word).to_owned()).collect();
    tables
        .iter()
        .find_map(|table| reader.catalog.column_with_word(*table, &words, |column| column.kind == ColumnKind::Text))
}
