//! In March 2024, before 2024-05-01, in 2023, after 1980.

use super::targets;
use crate::rules::{
    catalog::{ColumnEntry, ColumnKind, ColumnRef},
    items::What,
    lexicon::{Mark, Op},
    plan::{Literal, Scalar, Test},
    reader::Reader,
};

/// Reads dates, months and years.
pub fn read(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        let Some(item) = reader.free(at) else { continue };
        match item.what {
            What::Month(month) => in_month(reader, at, month),
            What::Date => on_date(reader, at),
            What::Number if is_year(&item.text) => in_year(reader, at),
            _ => {}
        }
    }
}

/// Whether a number may be a year.
pub fn is_year(text: &str) -> bool {
    text.len() == 4 && text.parse::<u32>().is_ok_and(|year| (1700..2100).contains(&year))
}

fn number(reader: &Reader, at: usize) -> Option<u32> {
    reader.free(at).filter(|item| item.what == What::Number).and_then(|item| item.text.parse().ok())
}

/// The comparison before a date; it is read.
fn take_op(reader: &mut Reader, at: usize) -> Op {
    let Some(before) = at.checked_sub(1) else { return Op::Eq };
    match reader.mark(before) {
        Some(Mark::Compare(op, _)) => {
            reader.take(before);
            op
        }
        Some(Mark::Not) => {
            reader.take(before);
            Op::Ne
        }
        _ => Op::Eq,
    }
}

fn in_month(reader: &mut Reader, at: usize, month: u8) {
    let place = if number(reader, at + 1).is_some_and(|day| day <= 31) { at + 2 } else { at + 1 };
    let year = number(reader, place).filter(|year| (1700..2100).contains(year));
    let Some((year, column)) = year.zip(date_near(reader, at)) else {
        reader.take(at);
        return reader.doubt(format!("{} without a year", reader.items[at].text), 0.6);
    };
    let day = (place == at + 2).then(|| number(reader, at + 1)).flatten();
    for part in at..=place {
        reader.take(part);
    }
    let op = take_op(reader, at);
    let (from, to) = match day {
        Some(day) => day_range(year, u32::from(month), day),
        None => month_range(year, u32::from(month)),
    };
    compare_range(reader, at, place, column, op, from, to);
}

fn month_range(year: u32, month: u32) -> (String, String) {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    (format!("{year:04}-{month:02}-01"), format!("{next_year:04}-{next:02}-01"))
}

fn day_range(year: u32, month: u32, day: u32) -> (String, String) {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let from = format!("{year:04}-{month:02}-{day:02}");
    let to = if day >= days { month_range(year, month).1 } else { format!("{year:04}-{month:02}-{:02}", day + 1) };
    (from, to)
}

/// A condition against a stretch of time, whose end is not part of it.
fn compare_range(reader: &mut Reader, at: usize, to_item: usize, column: ColumnRef, op: Op, from: String, to: String) {
    let text = |text: String| Literal::Text(text);
    let test = match op {
        Op::Eq | Op::Ne => Test::Range(from, to),
        Op::Lt => Test::Compare(Op::Lt, text(from)),
        Op::Le => Test::Compare(Op::Lt, text(to)),
        Op::Gt => Test::Compare(Op::Ge, text(to)),
        Op::Ge => Test::Compare(Op::Ge, text(from)),
    };
    if op == Op::Ne {
        reader.doubt("a time that is excluded", 0.5);
    }
    reader.condition(at, to_item, Scalar::Column(column), test);
}

/// The date column named before an item, else the one of what the question is about.
fn date_near(reader: &mut Reader, at: usize) -> Option<ColumnRef> {
    let is_date = |column: &ColumnEntry| column.kind == ColumnKind::Date;
    let named = (at.saturating_sub(3)..at).rev().find(|place| {
        reader.mention(*place).is_some()
            && reader.table_at(*place).is_none()
            && reader.column_where(*place, is_date).is_some()
    });
    if let Some(place) = named {
        let column = reader.column_where(place, is_date);
        reader.take(place);
        return column;
    }
    targets::date_column(reader)
}

fn on_date(reader: &mut Reader, at: usize) {
    let date = reader.items[at].text.clone();
    if between_dates(reader, at) {
        return;
    }
    let op = take_op(reader, at);
    let Some(column) = date_near(reader, at) else { return reader.doubt(date, 0.5) };
    reader.take(at);
    let mut parts = date.split('-').filter_map(|part| part.parse::<u32>().ok());
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else { return };
    let (from, to) = day_range(year, month, day);
    compare_range(reader, at, at, column, op, from, to);
}

fn between_dates(reader: &mut Reader, at: usize) -> bool {
    let opened = at > 0 && reader.mark(at - 1) == Some(Mark::Between);
    let second = reader.free(at + 2).filter(|item| item.what == What::Date).map(|item| item.text.clone());
    let Some(second) = second.filter(|_| opened) else { return false };
    let first = reader.items[at].text.clone();
    let Some(column) = date_near(reader, at - 1) else { return false };
    for place in at - 1..=at + 2 {
        reader.take(place);
    }
    reader.condition(at, at + 2, Scalar::Column(column), Test::Between(Literal::Text(first), Literal::Text(second)));
    true
}

/// A year against a date column, unless a column of numbers is meant; that is left to the rule for numbers.
fn in_year(reader: &mut Reader, at: usize) {
    let before = at.checked_sub(1);
    let timely = before.is_some_and(|place| {
        matches!(reader.mark(place), Some(Mark::In | Mark::Period(_)))
            || matches!(reader.mark(place), Some(Mark::Compare(_, hints)) if hints.contains(&"date"))
            || matches!(reader.any_mark(place), Some(Mark::Or | Mark::And)) && last_is_range(reader)
    });
    let plain_year = (0..reader.catalog.tables.len()).any(|table| has_year(reader, table));
    if !timely || plain_year {
        return;
    }
    let Some(column) = date_near(reader, at) else { return };
    let Some(year) = number(reader, at) else { return };
    let op = take_op(reader, at);
    take_period_before(reader, at);
    reader.take(at);
    compare_range(reader, at, at, column, op, format!("{year:04}-01-01"), format!("{:04}-01-01", year + 1));
}

fn take_period_before(reader: &mut Reader, at: usize) {
    let Some(before) = at.checked_sub(1) else { return };
    if matches!(reader.mark(before), Some(Mark::Period(_))) {
        reader.take(before);
    }
}

fn last_is_range(reader: &Reader) -> bool {
    reader.draft.conditions.last().is_some_and(|last| matches!(last.condition.test, Test::Range(..)))
}

/// Whether a named table has a column of years.
fn has_year(reader: &Reader, table: usize) -> bool {
    let named = reader.tables.iter().any(|(_, named)| *named == table) || reader.head() == Some(table);
    named && year_column(reader, table).is_some()
}

/// The column of years of a table.
pub fn year_column(reader: &Reader, table: usize) -> Option<ColumnRef> {
    let words = ["year".to_owned()];
    reader.catalog.column_with_word(table, &words, |column| column.kind == ColumnKind::Number)
}
