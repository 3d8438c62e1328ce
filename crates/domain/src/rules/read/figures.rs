//! Counts, averages, sums, revenue: what is asked for that is computed over rows.

use super::targets;
use crate::rules::{
    items::What,
    lexicon::{Function, Mark, Measure},
    plan::{Expr, Scalar},
    reader::Reader,
};

/// Reads every figure.
pub fn read(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        match reader.mark(at) {
            Some(Mark::Aggregate(_)) if lists_functions(reader, at) => function_list(reader, at),
            Some(Mark::Count) => count(reader, at),
            Some(Mark::Aggregate(function)) => aggregate(reader, at, function),
            Some(Mark::Measure(_)) => figure(reader, at),
            Some(Mark::Share) => share(reader, at),
            _ => {}
        }
    }
    implied_count(reader);
}

/// `the average, minimum and maximum age`.
fn lists_functions(reader: &Reader, at: usize) -> bool {
    matches!(reader.mark(at + 1), Some(Mark::And | Mark::Comma)) && next_function(reader, at).is_some()
}

fn next_function(reader: &Reader, at: usize) -> Option<usize> {
    (at + 1..at + 4)
        .take_while(|place| matches!(reader.mark(*place), Some(Mark::And | Mark::Comma | Mark::Aggregate(_))))
        .find(|place| matches!(reader.mark(*place), Some(Mark::Aggregate(_))))
}

fn function_list(reader: &mut Reader, at: usize) {
    let mut places = vec![at];
    while let Some(next) = places.last().and_then(|last| next_function(reader, *last)) {
        places.push(next);
    }
    let last = *places.last().unwrap_or(&at);
    let column = (last + 1..last + 4)
        .find(|place| reader.mention(*place).is_some())
        .and_then(|place| Some((place, reader.number_at(place)?)));
    let Some((place, column)) = column else { return reader.doubt(reader.items[at].text.clone(), 0.4) };
    for function_at in places {
        if let Some(Mark::Aggregate(function)) = reader.mark(function_at) {
            reader.take(function_at);
            reader.draft.picks.push((function_at, Expr::Aggregate(function, Scalar::Column(column))));
        }
    }
    reader.take(place);
}

fn count(reader: &mut Reader, at: usize) {
    if let Some((expr, next)) = targets::counted(reader, at) {
        reader.draft.picks.push((at, expr));
        return count_list(reader, next, expr);
    }
    reader.take(at);
    if let Some(Mark::Measure(kind @ Measure::Units)) = reader.mark(at + 1)
        && let Some(expr) = targets::measure(reader, kind)
    {
        reader.take(at + 1);
        return reader.draft.picks.push((at, expr));
    }
    match reader.head() {
        Some(table) => reader.draft.picks.push((at, Expr::Rows(table))),
        None => reader.doubt("what to count", 0.6),
    }
}

/// `the number of different names and contents` counts both.
fn count_list(reader: &mut Reader, at: usize, first: Expr) {
    let grouped = !reader.draft.group.is_empty() || !reader.draft.group_tables.is_empty();
    if !matches!(first, Expr::Different(_))
        || grouped
        || reader.mark(at) != Some(Mark::And)
        || reader.mention(at + 1).is_none()
    {
        return;
    }
    if let Some(expr) = targets::count_of(reader, at + 1, true) {
        reader.take(at + 1);
        reader.draft.picks.push((at + 1, expr));
    }
}

fn aggregate(reader: &mut Reader, at: usize, function: Function) {
    if let Some((expr, next)) = targets::aggregated(reader, at, function) {
        reader.draft.picks.push((at, expr));
        return more_columns(reader, next, function, expr);
    }
    reader.take(at);
    if is_spare_total(reader, at, function) {
        return;
    }
    let before = at
        .checked_sub(1)
        .and_then(|place| Some((place, reader.number_at(place)?)))
        .filter(|(place, _)| reader.mention(*place).is_some());
    match before {
        Some((place, column)) => {
            reader.take(place);
            reader.draft.picks.push((at, Expr::Aggregate(function, Scalar::Column(column))));
        }
        None => reader.doubt(format!("\"{}\" of what", reader.items[at].text), 0.4),
    }
}

/// `in total`, `overall`.
fn is_spare_total(reader: &Reader, at: usize, function: Function) -> bool {
    let last = matches!(reader.any_mark(at + 1), None | Some(Mark::Stop))
        && !matches!(reader.free(at + 1).map(|item| &item.what), Some(What::Mention(_)));
    function == Function::Sum
        && (last || reader.any_mark(at + 1) == Some(Mark::Count) || at > 0 && reader.any_mark(at - 1) == Some(Mark::In))
}

/// `the average price and quantity` when both are numbers and nothing else is asked for.
fn more_columns(reader: &mut Reader, at: usize, function: Function, first: Expr) {
    let joined = matches!(reader.mark(at), Some(Mark::And));
    let Expr::Aggregate(_, Scalar::Column(column)) = first else { return };
    let second = reader.number_at(at + 1).filter(|_| joined && reader.mention(at + 1).is_some());
    let Some(second) = second.filter(|second| second.table == column.table && reader.table_at(at + 1).is_none()) else {
        return;
    };
    if reader.draft.group.contains(&Scalar::Column(second)) {
        return;
    }
    reader.take(at + 1);
    reader.draft.picks.push((at, Expr::Aggregate(function, Scalar::Column(second))));
}

/// `the percentage of orders that were cancelled`.
fn share(reader: &mut Reader, at: usize) {
    let Some(table) = reader.table_at(at + 1) else { return };
    reader.take(at);
    reader.take(at + 1);
    reader.draft.picks.push((at, Expr::Share(table)));
}

fn figure(reader: &mut Reader, at: usize) {
    let Some(Mark::Measure(kind)) = reader.mark(at) else { return };
    match targets::measure(reader, kind) {
        Some(expr) => {
            reader.take(at);
            reader.draft.picks.push((at, expr));
        }
        None => reader.doubt(reader.items[at].text.clone(), 0.6),
    }
}

/// `customers per country` counts the customers.
fn implied_count(reader: &mut Reader) {
    let grouped = !reader.draft.group.is_empty() || !reader.draft.group_tables.is_empty();
    let computed = reader.draft.picks.iter().any(|(_, expr)| expr.is_aggregate());
    let ranked = reader.draft.order.iter().any(|(expr, _)| expr.is_aggregate());
    if !grouped || computed || ranked {
        return;
    }
    let Some((place, table)) = reader.tables.iter().copied().find(|(place, _)| reader.free(*place).is_some()) else {
        return;
    };
    reader.take(place);
    reader.draft.picks.push((place, Expr::Rows(table)));
}
