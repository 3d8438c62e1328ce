//! For each country, per month, by category.

use super::targets;
use crate::rules::{items::What, lexicon::Mark, plan::Scalar, reader::Reader};

/// Reads every grouping, where something is computed for the groups.
pub fn read(reader: &mut Reader) {
    let computes = computes(reader);
    for at in 0..reader.items.len() {
        match reader.mark(at) {
            Some(Mark::Each) if computes => each(reader, at),
            Some(Mark::Each) => reader.take(at),
            Some(Mark::By) if computes => by(reader, at),
            _ => {}
        }
    }
    adjectives(reader, computes);
}

/// Whether the question asks for anything computed over rows.
fn computes(reader: &Reader) -> bool {
    let figure = |place: usize| {
        matches!(reader.any_mark(place), Some(Mark::Count | Mark::Aggregate(_) | Mark::Measure(_) | Mark::Share))
    };
    let drafted = reader.draft.picks.iter().any(|(_, expr)| expr.is_aggregate())
        || reader.draft.order.iter().any(|(expr, _)| expr.is_aggregate());
    drafted || (0..reader.items.len()).any(figure) || terse(reader)
}

/// `customers per country`: a table and a grouping, and nothing else, asks for a count.
fn terse(reader: &Reader) -> bool {
    let group = (0..reader.items.len()).find(|place| matches!(reader.any_mark(*place), Some(Mark::Each | Mark::By)));
    let Some(group) = group else { return false };
    let first = (0..group).find(|place| !matches!(reader.any_mark(*place), Some(Mark::Ask)));
    first.is_some_and(|place| reader.table_at(place).is_some() && place + 1 == group)
}

fn each(reader: &mut Reader, at: usize) {
    reader.take(at);
    let start = (at + 1..at + 3)
        .find(|place| group_key(reader, *place).is_some() || reader.table_at(*place).is_some())
        .unwrap_or(at + 1);
    if !add(reader, start) {
        return reader.doubt(format!("what follows \"{}\"", reader.items[at].text), 0.3);
    }
    more(reader, start + 1);
}

fn by(reader: &mut Reader, at: usize) {
    let verb = at > 0 && reader.items[at - 1].what == What::Word && reader.items[at - 1].text.ends_with("ed");
    if verb {
        return;
    }
    if !add(reader, at + 1) {
        return;
    }
    reader.take(at);
    more(reader, at + 2);
}

/// `by category and month`.
fn more(reader: &mut Reader, at: usize) {
    let joined = matches!(reader.mark(at), Some(Mark::And | Mark::Comma));
    let ends = matches!(reader.any_mark(at + 2), None | Some(Mark::Stop | Mark::Clause | Mark::In));
    if joined
        && ends
        && reader.free(at + 2).is_none_or(|item| matches!(item.what, What::Mark(_)))
        && add(reader, at + 1)
    {
        reader.take(at);
    }
}

fn add(reader: &mut Reader, at: usize) -> bool {
    if let Some(table) = reader.table_at(at).filter(|_| reader.free(at).is_some()) {
        return add_table(reader, at, table);
    }
    let Some(key) = group_key(reader, at) else { return false };
    reader.take(at);
    push(reader, key);
    true
}

fn push(reader: &mut Reader, key: Scalar) {
    if !reader.draft.group.contains(&key) {
        reader.draft.group.push(key);
    }
}

/// The rows of a table, unless a column of it follows: `each customer's city`.
fn add_table(reader: &mut Reader, at: usize, table: usize) -> bool {
    reader.take(at);
    let own = reader.mention(at + 1).is_some_and(|mention| !mention.is_label);
    let column =
        reader.column_at(at + 1).filter(|column| own && column.table == table && reader.table_at(at + 1).is_none());
    if let Some(column) = column {
        reader.take(at + 1);
        push(reader, Scalar::Column(column));
        return true;
    }
    reader.draft.group_tables.push(table);
    true
}

fn group_key(reader: &Reader, at: usize) -> Option<Scalar> {
    targets::scalar_at(reader, at)
}

/// `monthly revenue`.
fn adjectives(reader: &mut Reader, computes: bool) {
    for at in 0..reader.items.len() {
        let asked = at > 0 && reader.any_mark(at - 1) == Some(Mark::Ask);
        let adverb = asked
            || reader.items[at].text.to_lowercase().ends_with("ly")
            || reader.items[at].text.eq_ignore_ascii_case("annual");
        if let Some(Mark::Period(grain)) = reader.mark(at)
            && computes
            && adverb
            && let Some(key) = targets::period(reader, grain)
        {
            reader.take(at);
            push(reader, key);
        }
    }
}
