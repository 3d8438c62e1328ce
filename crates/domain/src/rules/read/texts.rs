//! From France, named "Robbin CV", whose title contains 'Hey', official languages.

use crate::rules::{
    catalog::{self, ColumnKind, ColumnRef},
    items::What,
    lexicon::{Mark, Op, Search},
    link::Occurrence,
    plan::{Literal, Scalar, Test},
    reader::{Absence, Reader},
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
            Some(What::Word) => word_after_search(reader, at),
            _ => {}
        }
    }
    flags(reader);
    missing(reader);
}

fn value(reader: &mut Reader, at: usize, occurrences: &[Occurrence]) {
    if let Some(search) = take_search(reader, at) {
        if searched_column(reader, at).is_some() {
            return like(reader, at, search);
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
    if let Some((column, from)) = explicit_column(reader, at) {
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
    if let Some(search) = take_search(reader, at) {
        return like(reader, at, search);
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

fn label(reader: &Reader, table: usize) -> Option<ColumnRef> {
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

/// The search a few items before a text, with the words in between.
fn take_search(reader: &mut Reader, at: usize) -> Option<Search> {
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

fn like(reader: &mut Reader, at: usize, search: Search) {
    let text = reader.items[at].text.clone();
    let column = searched_column(reader, at);
    let negated = reader.take_negation(column.map_or(at, |(_, place)| place.min(at))) || reader.take_negation(at);
    reader.take(at);
    match column {
        Some((column, place)) => {
            reader.condition(place.min(at), at, Scalar::Column(column), Test::Like(search, text, negated));
        }
        None => reader.doubt(text, 0.5),
    }
}

fn searched_column(reader: &mut Reader, at: usize) -> Option<(ColumnRef, usize)> {
    let is_text = |column: &catalog::ColumnEntry| column.kind == ColumnKind::Text;
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
        let column = table.and_then(|table| label(reader, table)).or_else(|| reader.column_where(place, is_text));
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

fn word_after_search(reader: &mut Reader, at: usize) {
    let directly = at > 0 && matches!(reader.mark(at - 1), Some(Mark::Like(_)));
    if directly && let Some(search) = take_search(reader, at) {
        like(reader, at, search);
    }
}

/// An adjective that names a column of yes and no.
fn flags(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        let is_flag = |column: &catalog::ColumnEntry| column.kind == ColumnKind::Flag;
        let Some(mention) = reader.mention(at) else { continue };
        if reader.table_at(at).is_some() || mention.columns.len() > 3 {
            continue;
        }
        let Some(column) = reader.column_where(at, is_flag).filter(|column| reader.column_at(at) == Some(*column))
        else {
            continue;
        };
        if !modifies(reader, at) {
            continue;
        }
        let mut negated = reader.take_negation(at);
        reader.take(at);
        if negated && reader.head() != Some(column.table) {
            negated = false;
            let start = (0..at)
                .rev()
                .find(|place| matches!(reader.any_mark(*place), Some(Mark::Clause | Mark::In | Mark::Ask)));
            reader.draft.absent.push(Absence { at: start.unwrap_or(0), table: column.table });
        }
        let literal = truth(reader, column, !negated);
        reader.condition(at, at, Scalar::Column(column), Test::Compare(Op::Eq, literal));
    }
}

/// Whether a flag describes the rows, rather than being asked for.
fn modifies(reader: &Reader, at: usize) -> bool {
    let follows_table = reader.tables.iter().any(|(place, _)| *place < at);
    let before_name = matches!(reader.items.get(at + 1).map(|item| &item.what), Some(What::Mention(_)));
    let listed = at > 0 && matches!(reader.any_mark(at - 1), Some(Mark::And | Mark::Comma | Mark::Each | Mark::By));
    (follows_table || before_name) && !listed
}

fn truth(reader: &Reader, column: ColumnRef, wanted: bool) -> Literal {
    let raw = reader.catalog.raw(column);
    let spelled =
        |sample: &&String| catalog::truth(sample) == Some(wanted) || sample.as_str() == if wanted { "1" } else { "0" };
    if reader.catalog.column(column).stored_as_text {
        let fallback = if wanted { "1" } else { "0" };
        return Literal::Text(raw.samples.iter().find(spelled).cloned().unwrap_or_else(|| fallback.to_owned()));
    }
    if raw.data_type.to_uppercase().contains("BOOL") {
        return Literal::Truth(wanted);
    }
    Literal::Number(if wanted { "1" } else { "0" }.to_owned())
}

/// `without an email`, `with a missing city`: a column that must be null.
fn missing(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        let direct = match reader.mark(at) {
            Some(Mark::Missing) => Some(at + 1),
            Some(Mark::Not) if reader.table_at(at + 1).is_none() => Some(at + 1),
            _ => None,
        };
        let Some(place) = direct.filter(|place| reader.mention(*place).is_some()) else { continue };
        let last = reader.mark(place + 1).is_none_or(|mark| mark == Mark::Stop)
            && reader.free(place + 1).is_none_or(|item| !matches!(item.what, What::Number | What::Mention(_)));
        if let Some(column) = reader.column_at(place).filter(|_| last) {
            reader.take(at);
            reader.take(place);
            reader.condition(at, place, Scalar::Column(column), Test::Null);
        }
    }
}
