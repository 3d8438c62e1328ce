//! The youngest singer, the top 5 products by revenue, the most orders, the highest price.

use super::targets::{self, Computed};
use crate::rules::{
    catalog::{ColumnEntry, ColumnKind, ColumnRef},
    items::What,
    lexicon::{Direction, Function, Mark, Measure},
    plan::{Expr, Scalar},
    reader::Reader,
};

/// The rows shown when a ranking of several names no number.
const SEVERAL: u64 = 10;

/// Reads every superlative.
pub fn read(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        match reader.mark(at) {
            Some(Mark::Top(direction)) => top(reader, at, direction),
            Some(Mark::Extreme { direction, hints }) => extreme(reader, at, direction, hints, None),
            Some(Mark::Common(direction)) => common(reader, at, direction),
            Some(Mark::Aggregate(function)) => aggregate(reader, at, function),
            _ => {}
        }
    }
}

/// `the car with the minimum weight`: the function picks a row when something else is asked for.
fn aggregate(reader: &mut Reader, at: usize, function: Function) {
    let direction = match function {
        Function::Min => Direction::Asc,
        Function::Max => Direction::Desc,
        _ => return,
    };
    let opened = at > 0 && reader.any_mark(at - 1).is_none_or(|mark| mark == Mark::Clause);
    let asks = (0..at).any(|place| reader.mention(place).is_some());
    let grouped = reader.items.iter().any(|item| item.what == What::Mark(Mark::Each));
    if !opened || !asks || grouped || reader.number_at(at + 1).is_none() {
        return;
    }
    extreme(reader, at, direction, &[], Some(1));
}

/// A small number directly before or after an item.
fn take_count(reader: &mut Reader, at: usize) -> Option<u64> {
    let places = [Some(at + 1), at.checked_sub(1)];
    for place in places.into_iter().flatten() {
        let number =
            reader.free(place).filter(|item| item.what == What::Number).and_then(|item| item.text.parse().ok());
        if let Some(count) = number.filter(|count| (1..=1000).contains(count)) {
            let compared = place < at && place > 0 && matches!(reader.any_mark(place - 1), Some(Mark::Compare(..)));
            if !compared {
                reader.take(place);
                return Some(count);
            }
        }
    }
    None
}

fn after_number(reader: &Reader, at: usize) -> usize {
    let number = reader.items.get(at + 1).is_some_and(|item| item.what == What::Number && item.used);
    if number { at + 2 } else { at + 1 }
}

fn limit(reader: &mut Reader, count: Option<u64>, several: bool) {
    let rows = count.unwrap_or(if several { SEVERAL } else { 1 });
    reader.draft.limit = Some(rows);
}

fn top(reader: &mut Reader, at: usize, direction: Direction) {
    reader.take(at);
    reader.draft.shows_rank = true;
    let count = take_count(reader, at);
    let next = after_number(reader, at);
    if let Some(Mark::Extreme { direction: inner, hints }) = reader.mark(next) {
        return extreme(reader, next, inner, hints, count.or(Some(1)));
    }
    if let Some((expr, _)) = targets::computed(reader, next) {
        return rank(reader, expr, direction, count, false);
    }
    let several = reader.items.get(next).is_some_and(|item| item.plural);
    let by = (next..reader.items.len())
        .find(|place| matches!(reader.mark(*place), Some(Mark::By | Mark::In | Mark::OrderBy(_))));
    if let Some((expr, place)) = by.and_then(|place| Some((ranking(reader, place + 1)?, place))) {
        reader.take(place);
        return rank(reader, expr, direction, count, several);
    }
    if let Some(column) = reader.number_at(next).filter(|_| reader.table_at(next).is_none()) {
        reader.take(next);
        return rank(reader, Expr::Scalar(Scalar::Column(column)), direction, count, several);
    }
    match targets::measure(reader, Measure::Revenue) {
        Some(expr) if reader.table_at(next).is_some() => rank(reader, expr, direction, count, several),
        _ => reader.doubt("what the ranking is by", 0.5),
    }
}

/// What a ranking is by, at an item.
fn ranking(reader: &mut Reader, at: usize) -> Option<Expr> {
    if let Some((expr, _)) = targets::computed(reader, at) {
        return Some(expr);
    }
    if let Some(column) = reader.number_at(at).filter(|_| reader.mention(at).is_some()) {
        reader.take(at);
        return Some(Expr::Scalar(Scalar::Column(column)));
    }
    let expr = targets::count_of(reader, at, false)?;
    reader.take(at);
    Some(expr)
}

fn rank(reader: &mut Reader, expr: Expr, direction: Direction, count: Option<u64>, several: bool) {
    reader.draft.order.push((expr, direction));
    limit(reader, count, several);
}

type Hints = &'static [&'static str];

fn extreme(reader: &mut Reader, at: usize, direction: Direction, hints: Hints, count: Option<u64>) {
    if is_comparison(reader, at) {
        return;
    }
    let count = count.or_else(|| take_count(reader, at));
    let next = after_number(reader, at);
    if let Some(shared) = shared_object(reader, next) {
        reader.take(at);
        let function = function(direction);
        let expr = Expr::Aggregate(function, Scalar::Column(shared));
        return reader.draft.picks.push((at, expr));
    }
    reader.take(at);
    if let Some((expr, after)) = computed(reader, next) {
        let several = reader.table_at(after).is_some() && reader.items[after].plural;
        return rank(reader, expr, direction, count, several);
    }
    if let Some(column) = plain_column(reader, next) {
        return by_column(reader, at, next, column, direction, hints, count);
    }
    if let Some(table) = reader.table_at(next) {
        return by_table(reader, next, table, direction, hints, count);
    }
    alone(reader, at, direction, hints, count);
}

/// `first` and `last` in front of a number word or in an address are not superlatives.
fn is_comparison(reader: &Reader, at: usize) -> bool {
    matches!(reader.any_mark(at + 1), Some(Mark::Compare(..)))
}

/// In `the lowest and highest price` both share the column.
fn shared_object(reader: &Reader, next: usize) -> Option<ColumnRef> {
    let joined = matches!(reader.mark(next), Some(Mark::And | Mark::Comma | Mark::Or));
    let other = matches!(reader.mark(next + 1), Some(Mark::Extreme { .. } | Mark::Aggregate(_)));
    if joined && other { reader.number_at(next + 2) } else { None }
}

fn function(direction: Direction) -> Function {
    match direction {
        Direction::Asc => Function::Min,
        Direction::Desc => Function::Max,
    }
}

fn computed(reader: &mut Reader, at: usize) -> Option<Computed> {
    let skipped = if matches!(reader.free(at).map(|item| &item.what), Some(What::Word)) { at + 1 } else { at };
    targets::computed(reader, skipped)
}

/// A column of numbers or dates that the superlative is about, when the item does not rather name a table.
fn plain_column(reader: &Reader, at: usize) -> Option<ColumnRef> {
    if reader.table_at(at).is_some() || reader.mention(at).is_none() {
        return None;
    }
    let sortable = |column: &ColumnEntry| {
        let dated =
            column.words.iter().any(|word| word == "date" || word == "year" || word == "rate" || word == "rank");
        !column.is_key && (matches!(column.kind, ColumnKind::Number | ColumnKind::Date) || dated)
    };
    reader.column_where(at, sortable)
}

fn by_column(
    reader: &mut Reader,
    at: usize,
    next: usize,
    column: ColumnRef,
    direction: Direction,
    hints: Hints,
    count: Option<u64>,
) {
    reader.take(next);
    let scalar = Scalar::Column(column);
    if count.is_none() && asks_for_it(reader, at, next) {
        reader.draft.picks.push((at, Expr::Aggregate(function(direction), scalar)));
        return;
    }
    let direction = targets::ranked(reader, column, direction, hints);
    rank(reader, Expr::Scalar(scalar), direction, count, false);
}

/// Whether the extreme value itself is asked for, rather than the row that has it.
fn asks_for_it(reader: &Reader, at: usize, next: usize) -> bool {
    let opening = |place: usize| {
        matches!(
            reader.any_mark(place),
            Some(Mark::Ask | Mark::Distinct | Mark::And | Mark::Comma | Mark::Aggregate(_) | Mark::Extreme { .. })
        ) || reader.draft.picks.iter().any(|(pick, _)| *pick == place)
            || reader.items[place].used
    };
    let first = (0..at).all(opening);
    let grouped = (0..at).any(|place| reader.any_mark(place) == Some(Mark::Each))
        && !(0..at).any(|place| reader.any_mark(place) == Some(Mark::Clause));
    let asks_entity = reader.table_at(next + 1).is_some() && reader.any_mark(next + 2).is_none() && at == 0;
    (first || grouped) && !asks_entity
}

fn by_table(reader: &mut Reader, at: usize, table: usize, direction: Direction, hints: Hints, count: Option<u64>) {
    let several = reader.items[at].plural && hints.first() == Some(&"date");
    if let Some(column) = targets::hinted(reader, table, hints) {
        let direction = targets::ranked(reader, column, direction, hints);
        return rank(reader, Expr::Scalar(Scalar::Column(column)), direction, count, several);
    }
    if reader.items.len() > at + 1 && reader.head() == Some(table) && !hints.is_empty() {
        return reader.doubt(reader.items[at].text.clone(), 0.4);
    }
    if let Some(expr) = targets::count_of(reader, at, false) {
        reader.take(at);
        rank(reader, expr, direction, count, false);
    }
}

/// Nothing to rank follows: `which product is the cheapest`, `who ordered the most`.
fn alone(reader: &mut Reader, at: usize, direction: Direction, hints: Hints, count: Option<u64>) {
    if let Some((expr, _)) = at.checked_sub(1).and_then(|before| targets::computed(reader, before)) {
        return rank(reader, expr, direction, count, false);
    }
    let sold = (at.saturating_sub(1)..at + 2).find(|place| reader.mark(*place) == Some(Mark::Sale));
    if let Some((place, expr)) = sold.and_then(|place| Some((place, targets::measure(reader, Measure::Units)?))) {
        reader.take(place);
        return rank(reader, expr, direction, count, false);
    }
    let head = reader.table_before(at).or_else(|| reader.head());
    if let Some(column) = head.and_then(|table| targets::hinted(reader, table, hints)) {
        let direction = targets::ranked(reader, column, direction, hints);
        return rank(reader, Expr::Scalar(Scalar::Column(column)), direction, count, false);
    }
    let verb =
        at.checked_sub(1).filter(|before| reader.table_at(*before).is_some_and(|table| Some(table) != reader.head()));
    if let Some(expr) = verb.filter(|_| hints.is_empty()).and_then(|before| targets::count_of(reader, before, false)) {
        return rank(reader, expr, direction, count, false);
    }
    if let Some(expr) = text_column_after(reader, at).filter(|_| hints.is_empty()) {
        return rank(reader, expr, direction, count, false);
    }
    reader.doubt(reader.items[at].text.clone(), 0.5);
}

/// `the most languages`, where languages are a column.
fn text_column_after(reader: &mut Reader, at: usize) -> Option<Expr> {
    let place = (at + 1..at + 3).find(|place| reader.mention(*place).is_some())?;
    let expr = targets::count_of(reader, place, false)?;
    reader.take(place);
    Some(expr)
}

/// `the most common country`: groups by it and counts.
fn common(reader: &mut Reader, at: usize, direction: Direction) {
    let count = take_count(reader, at);
    let next = after_number(reader, at);
    reader.take(at);
    let after = reader.mention(next).map(|_| next);
    let before = (0..at).rev().find(|place| reader.mention(*place).is_some());
    let Some(place) = after.or(before) else { return reader.doubt(reader.items[at].text.clone(), 0.5) };
    let several = reader.items[place].plural && count.is_none() && after.is_some();
    match reader.table_at(place) {
        Some(table) => common_table(reader, table, direction, count, several),
        None => common_column(reader, place, direction, count),
    }
}

fn common_column(reader: &mut Reader, place: usize, direction: Direction, count: Option<u64>) {
    let Some(column) = reader.column_at(place) else { return };
    reader.take(place);
    reader.draft.picks.push((place, Expr::Scalar(Scalar::Column(column))));
    reader.draft.group.push(Scalar::Column(column));
    rank(reader, Expr::Rows(column.table), direction, count, false);
}

/// The most popular product is the one sold most; without sales, the one with the most related rows.
fn common_table(reader: &mut Reader, table: usize, direction: Direction, count: Option<u64>, several: bool) {
    let named = reader.tables.iter().map(|(_, named)| *named).find(|named| *named != table);
    let sold = targets::measure(reader, Measure::Units).filter(|_| {
        targets::sales_lines(reader).and_then(|lines| reader.graph.distance(lines.table, table)) == Some(1)
    });
    match named.map(Expr::Rows).or(sold) {
        Some(expr) => rank(reader, expr, direction, count, several),
        None => reader.doubt("what makes one more popular than another", 0.5),
    }
}
