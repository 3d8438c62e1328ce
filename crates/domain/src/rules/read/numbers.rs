//! More than 50, at least 3 orders, between 5000 and 10000, 4 cylinders, above the average.

use super::{targets, times};
use crate::rules::{
    catalog::{ColumnEntry, ColumnKind, ColumnRef},
    items::What,
    lexicon::{Function, Mark, Op},
    plan::{Expr, Having, Literal, Plan, Scalar, Test},
    reader::Reader,
};

type Hints = &'static [&'static str];

/// Reads every number, and comparisons with an average.
pub fn read(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        if reader.free(at).is_some_and(|item| item.what == What::Number) {
            number(reader, at);
        }
    }
    for at in 0..reader.items.len() {
        if let Some(Mark::Compare(op, hints)) = reader.mark(at) {
            with_aggregate(reader, at, op, hints);
        }
    }
}

struct Amount {
    /// The first item of the comparison.
    from: usize,
    /// The last.
    to: usize,
    op: Op,
    hints: Hints,
    text: String,
    /// The upper end of a range.
    upper: Option<String>,
}

impl Amount {
    fn test(&self, column_is_text: bool) -> Test {
        let literal = |text: &String| match column_is_text {
            true => Literal::Text(text.clone()),
            false => Literal::Number(text.clone()),
        };
        match &self.upper {
            Some(upper) => Test::Between(literal(&self.text), literal(upper)),
            None => Test::Compare(self.op, literal(&self.text)),
        }
    }
}

fn number(reader: &mut Reader, at: usize) {
    let amount = amount(reader, at);
    if having(reader, &amount) {
        return;
    }
    match column(reader, &amount) {
        Some((column, place)) => {
            if let Some(place) = place {
                reader.take(place);
            }
            take_span(reader, &amount);
            let test = amount.test(false);
            reader.condition(amount.from.min(place.unwrap_or(at)), amount.to, Scalar::Column(column), test);
        }
        None => {
            take_span(reader, &amount);
            reader.doubt(amount.text, 0.5);
        }
    }
}

fn take_span(reader: &mut Reader, amount: &Amount) {
    for place in amount.from..=amount.to {
        let keep = matches!(reader.items[place].what, What::Mention(_));
        if !keep {
            reader.take(place);
        }
    }
    if reader.mark(amount.to + 1) == Some(Mark::Unit) {
        reader.take(amount.to + 1);
    }
}

/// The comparison around a number.
fn amount(reader: &mut Reader, at: usize) -> Amount {
    let text = reader.items[at].text.clone();
    let mut amount = Amount { from: at, to: at, op: Op::Eq, hints: &[], text, upper: None };
    if let Some(before) = at.checked_sub(1) {
        match reader.mark(before) {
            Some(Mark::Compare(op, hints)) => {
                amount = Amount { from: before, op, hints, ..amount };
                if before > 0 && reader.mark(before - 1) == Some(Mark::Not) {
                    amount = Amount { from: before - 1, op: op.negated(), ..amount };
                }
            }
            Some(Mark::Between) => return between(reader, amount, before),
            Some(Mark::Not) => amount = Amount { from: before, op: Op::Ne, ..amount },
            _ => {}
        }
    }
    if let Some(Mark::Inclusive(op)) = reader.mark(at + 1) {
        amount = Amount { to: at + 1, op, ..amount };
    }
    amount
}

fn between(reader: &Reader, amount: Amount, before: usize) -> Amount {
    let upper =
        (amount.to + 1..amount.to + 4).find(|place| reader.free(*place).is_some_and(|item| item.what == What::Number));
    let upper_text = upper.map(|place| reader.items[place].text.clone());
    Amount { from: before, to: upper.unwrap_or(amount.to), upper: upper_text, ..amount }
}

/// A number of related rows, or of an aggregate: `at least 3 orders`, `revenue over 1000`.
fn having(reader: &mut Reader, amount: &Amount) -> bool {
    let stated = before_amount(reader, amount.from);
    if let Some(place) = stated
        && let Some((expr, _)) = targets::computed(reader, place)
    {
        return add_having(reader, amount, expr, None);
    }
    if let Some(table) = times_of(reader, amount) {
        reader.take(amount.to + 1);
        return add_having(reader, amount, Expr::Rows(table), None);
    }
    let place = amount.to + 1;
    let place = if reader.mark(place) == Some(Mark::Distinct) { place + 1 } else { place };
    let Some(table) = reader.table_at(place) else { return column_of_rows(reader, amount, place) };
    let compared = amount.op != Op::Eq || amount.upper.is_some();
    let named_before =
        (0..amount.from).any(|place| reader.mention(place).is_some() && reader.table_at(place).is_none());
    let other_head = reader.head().is_some_and(|head| head != table);
    let is_clause = amount.from > 0 && (other_head || compared && named_before);
    let narrower = reader.column_where(place, |column| column.kind == ColumnKind::Number && !column.is_key);
    if !is_clause || narrower.is_some() && reader.mention(place).is_some_and(|mention| mention.table_weight() < 0.8) {
        return false;
    }
    add_having(reader, amount, Expr::Rows(table), Some(place))
}

/// `ordered more than 5 times`: the rows of what was named before.
fn times_of(reader: &Reader, amount: &Amount) -> Option<usize> {
    let times = reader
        .free(amount.to + 1)
        .is_some_and(|item| item.what == What::Word && item.text.eq_ignore_ascii_case("times"));
    let before = amount.from.checked_sub(1).filter(|_| times)?;
    let sold = reader.any_mark(before) == Some(Mark::Sale);
    let lines = || targets::sales_lines(reader).filter(|_| sold).map(|lines| lines.table);
    reader.table_at(before).filter(|table| Some(*table) != reader.head()).or_else(lines)
}

/// `more than 3 languages`, where languages are texts.
fn column_of_rows(reader: &mut Reader, amount: &Amount, place: usize) -> bool {
    let is_text = |column: &ColumnEntry| column.kind == ColumnKind::Text || column.is_key;
    if reader.mention(place).is_none() || reader.column_at(place) != reader.column_where(place, is_text) {
        return false;
    }
    let Some(column) = reader.column_where(place, is_text) else { return false };
    let compared = amount.from < amount.to || amount.op != Op::Eq;
    if !compared || reader.catalog.column(column).words.iter().any(|word| word == "year") {
        return false;
    }
    add_having(reader, amount, Expr::Rows(column.table), Some(place))
}

fn add_having(reader: &mut Reader, amount: &Amount, expr: Expr, place: Option<usize>) -> bool {
    if let Some(place) = place {
        reader.take(place);
    }
    take_span(reader, amount);
    reader.draft.having.push(Having { left: expr, test: amount.test(false) });
    true
}

/// The start of a computed figure that ends right before an item.
fn before_amount(reader: &Reader, from: usize) -> Option<usize> {
    let one = from.checked_sub(1)?;
    let is_figure =
        |place: usize| matches!(reader.mark(place), Some(Mark::Measure(_) | Mark::Aggregate(_) | Mark::Count));
    let clause =
        |place: usize| (0..place).any(|before| matches!(reader.any_mark(before), Some(Mark::Clause | Mark::Each)));
    if matches!(reader.mark(one), Some(Mark::Measure(_))) {
        let start = one.checked_sub(1).filter(|place| is_figure(*place)).unwrap_or(one);
        return Some(start);
    }
    let start = from.checked_sub(2)?;
    (is_figure(start) && reader.mention(one).is_some() && clause(start)).then_some(start)
}

/// The column a number is about, with the item that names it.
fn column(reader: &Reader, amount: &Amount) -> Option<(ColumnRef, Option<usize>)> {
    let year = times::is_year(&amount.text);
    let after = amount.to + 1;
    let column_after = reader.number_at(after).filter(|_| reader.table_at(after).is_none() && !year);
    let counts =
        amount.from == amount.to && reader.items[amount.to].end == reader.items.get(after).map_or(0, |item| item.start);
    let adjacent = amount.from > 0 && reader.items[amount.from - 1].end == reader.items[amount.from].start;
    let before = column_before(reader, amount, year).filter(|_| adjacent || !counts || column_after.is_none());
    if before.is_some() {
        return before;
    }
    if let Some(column) = column_after {
        return Some((column, Some(after)));
    }
    let head = reader.head()?;
    if let Some(column) = Some(amount.hints)
        .filter(|hints| !hints.is_empty() && !year)
        .and_then(|hints| targets::hinted(reader, head, hints))
    {
        return Some((column, None)).filter(|_| reader.catalog.column(column).kind == ColumnKind::Number);
    }
    if year && let Some(column) = nearest_year(reader, amount.from) {
        return Some((column, None));
    }
    if let Some(last) = repeated(reader, amount.from) {
        return Some((last, None));
    }
    verb_column(reader, amount)
}

/// A column of numbers named shortly before the comparison.
fn column_before(reader: &Reader, amount: &Amount, year: bool) -> Option<(ColumnRef, Option<usize>)> {
    let exact = amount.op == Op::Eq && amount.upper.is_none() && amount.from == amount.to;
    for back in 1..=4 {
        let usable = |column: &ColumnEntry| column.kind == ColumnKind::Number && (!column.is_key || exact && back == 1);
        let place = amount.from.checked_sub(back)?;
        match &reader.items[place].what {
            What::Mention(_) => {
                let column = reader.column_where(place, usable)?;
                let own = reader
                    .table_at(place)
                    .is_none_or(|table| table == column.table && reader.number_at(place).is_some());
                let dated = !year
                    || reader.catalog.column(column).words.iter().any(|word| matches!(word.as_str(), "year" | "found"))
                    || amount.from == place + 1;
                return (own && dated).then_some((column, Some(place)));
            }
            What::Word | What::Mark(Mark::In | Mark::Clause | Mark::Not | Mark::Period(_)) => {}
            _ => return None,
        }
    }
    None
}

/// In `2014 or 2015` and `more than 3 and less than 5` the second number is about the same column.
fn repeated(reader: &Reader, from: usize) -> Option<ColumnRef> {
    let joined = matches!(reader.any_mark(from.checked_sub(1)?), Some(Mark::And | Mark::Or | Mark::Comma));
    let last = reader.draft.conditions.last().filter(|last| joined && from <= last.to + 3)?;
    match last.condition.left {
        Scalar::Column(column) if reader.catalog.column(column).kind != ColumnKind::Text => Some(column),
        _ => None,
    }
}

fn nearest_year(reader: &Reader, from: usize) -> Option<ColumnRef> {
    let before = reader.table_before(from);
    let named = reader.tables.iter().map(|(_, table)| *table);
    let all = before.into_iter().chain(named).chain(reader.head());
    if let Some(column) = all.clone().find_map(|table| times::year_column(reader, table)) {
        return Some(column);
    }
    let near = (0..reader.catalog.tables.len())
        .filter_map(|table| Some((reader.graph.distance(reader.head()?, table)?, times::year_column(reader, table)?)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, column)| column)
}

/// A price when something costs, an amount when nothing else is said and only one column can be meant.
fn verb_column(reader: &Reader, amount: &Amount) -> Option<(ColumnRef, Option<usize>)> {
    let place = amount.from.checked_sub(1)?;
    let unit = reader.mark(amount.to + 1) == Some(Mark::Unit);
    let priced = |column: &ColumnEntry| {
        column.kind == ColumnKind::Number
            && column.words.iter().any(|word| matches!(word.as_str(), "price" | "cost" | "amount"))
    };
    if unit {
        let head = reader.head()?;
        return reader
            .catalog
            .columns_of(head)
            .find(|column| priced(reader.catalog.column(*column)))
            .map(|column| (column, None));
    }
    let column = reader.number_at(place).filter(|_| reader.table_at(place).is_none())?;
    Some((column, Some(place)))
}

/// `above the average`, `more than the average price`.
fn with_aggregate(reader: &mut Reader, at: usize, op: Op, hints: Hints) {
    let Some(Mark::Aggregate(function @ (Function::Avg | Function::Min | Function::Max))) = reader.mark(at + 1) else {
        return;
    };
    let after = reader.number_at(at + 2).filter(|_| reader.mention(at + 2).is_some());
    let before =
        (1..=2).filter_map(|back| at.checked_sub(back)).find_map(|place| Some((reader.number_at(place)?, place)));
    let hinted = || reader.head().filter(|_| !hints.is_empty()).and_then(|head| targets::hinted(reader, head, hints));
    let Some(column) = after.or(before.map(|(column, _)| column)).or_else(hinted) else { return };
    reader.take(at);
    reader.take(at + 1);
    if after.is_some() {
        reader.take(at + 2);
    }
    if let Some((_, place)) = before.filter(|(named, _)| *named == column) {
        reader.take(place);
    }
    let scalar = Scalar::Column(column);
    let inner = Plan { root: column.table, select: vec![Expr::Aggregate(function, scalar)], ..Plan::default() };
    reader.condition(at, at + 2, scalar, Test::CompareQuery(op, Box::new(inner)));
}
