//! Ordered by age, in descending order of price, in alphabetical order.

use super::targets;
use crate::rules::{
    lexicon::{Direction, Mark},
    plan::{Expr, Scalar},
    reader::Reader,
};

/// Reads every order.
pub fn read(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        if let Some(Mark::OrderBy(direction)) = reader.mark(at) {
            reader.take(at);
            by_list(reader, at + 1, direction);
        }
    }
    for at in 0..reader.items.len() {
        if let Some(Mark::Sorted(direction)) = reader.mark(at) {
            reader.take(at);
            reader.draft.sorted.get_or_insert(direction);
        }
    }
}

fn by_list(reader: &mut Reader, start: usize, direction: Option<Direction>) {
    let mut place = start;
    let mut found = 0;
    while let Some((expr, next)) = key(reader, place) {
        let (stated, next) = stated_direction(reader, next);
        let direction = stated.or(direction).unwrap_or(Direction::Asc);
        reader.draft.order.push((expr, direction));
        found += 1;
        match reader.mark(next) {
            Some(Mark::And | Mark::Comma)
                if reader.mention(next + 1).is_some() && direction_follows(reader, next + 1) =>
            {
                place = next + 1;
            }
            _ => break,
        }
    }
    if found == 0 {
        reader.draft.sorted = Some(direction.unwrap_or(Direction::Asc));
        if reader.mention(start).is_some() {
            reader.doubt(reader.items[start].text.clone(), 0.3);
        }
    }
}

/// A list of keys goes on only up to the end of the sentence.
fn direction_follows(reader: &Reader, at: usize) -> bool {
    matches!(reader.any_mark(at + 1), None | Some(Mark::Stop | Mark::Sorted(_) | Mark::Comma))
}

fn key(reader: &mut Reader, at: usize) -> Option<(Expr, usize)> {
    if let Some((expr, next)) = targets::computed(reader, at) {
        return Some((expr, next));
    }
    if reader.mark(at) == Some(Mark::Count) {
        reader.take(at);
        let table = reader.head()?;
        return Some((Expr::Rows(table), at + 1));
    }
    reader.mention(at)?;
    let column = match reader.table_at(at) {
        Some(table) if reader.column_at(at).is_none_or(|column| column.table != table) => {
            let inner = reader.column_at(at + 1)?;
            reader.take(at + 1);
            return Some((Expr::Scalar(Scalar::Column(inner)), at + 2));
        }
        _ => reader.column_at(at)?,
    };
    reader.take(at);
    Some((Expr::Scalar(Scalar::Column(column)), at + 1))
}

fn stated_direction(reader: &mut Reader, at: usize) -> (Option<Direction>, usize) {
    for place in at..at + 2 {
        if let Some(Mark::Sorted(direction)) = reader.mark(place) {
            reader.take(place);
            return (Some(direction), place + 1);
        }
        if !matches!(reader.any_mark(place), Some(Mark::In | Mark::Comma)) && reader.table_at(place).is_none() {
            break;
        }
    }
    (None, at)
}
