//! What an aggregate, an order or a group may be about.

use crate::rules::{
    catalog::{ColumnEntry, ColumnKind, ColumnRef},
    items::What,
    lexicon::{Direction, Function, Grain, Mark, Measure},
    plan::{Expr, Scalar},
    reader::Reader,
    sales::{self, SalesLines},
    tokens::Stems,
};

/// The table of sales lines.
pub fn sales_lines(reader: &Reader) -> Option<SalesLines> {
    sales::lines(reader.catalog, reader.graph)
}

/// A figure of the trade.
pub fn measure(reader: &Reader, measure: Measure) -> Option<Expr> {
    sales::measure(reader.catalog, reader.graph, measure)
}

/// Something to compute, with the first item after it.
pub type Computed = (Expr, usize);

/// What `number of …`, `average …`, `revenue` or the name of a column at an item computes. Its items are read.
pub fn computed(reader: &mut Reader, at: usize) -> Option<Computed> {
    match reader.mark(at)? {
        Mark::Count => counted(reader, at),
        Mark::Aggregate(function) => aggregated(reader, at, function),
        Mark::Measure(kind) => {
            let expr = measure(reader, kind)?;
            reader.take(at);
            let next = skip_sale(reader, at + 1);
            Some((expr, next))
        }
        _ => None,
    }
}

/// `number of orders`, `how many different countries`.
pub fn counted(reader: &mut Reader, at: usize) -> Option<Computed> {
    let mut place = at + 1;
    let mut distinct = false;
    let mut unknown = 0;
    while let Some(item) = reader.items.get(place) {
        match item.what {
            What::Mark(Mark::Distinct) => distinct = true,
            What::Word if !item.used => unknown += 1,
            What::Mark(Mark::Aggregate(Function::Sum)) => {}
            What::Value(_) => {}
            What::Mention(_) if item.used => {}
            _ => break,
        }
        place += 1;
    }
    if let Some(column) = inhabitants(reader, at + 1) {
        take_all(reader, at, at + 1);
        return Some((Expr::Aggregate(Function::Sum, Scalar::Column(column)), at + 2));
    }
    if let Some(Mark::Measure(Measure::Units)) = reader.mark(place) {
        let expr = measure(reader, Measure::Units)?;
        take_all(reader, at, place);
        return Some((expr, skip_sale(reader, place + 1)));
    }
    reader.free(place)?;
    if let Some(expr) = units_sold(reader, place) {
        take_all(reader, at, place);
        return Some((expr, skip_sale(reader, place + 1)));
    }
    let (expr, next) = counted_name(reader, place, distinct)?;
    take_all(reader, at, next - 1);
    if unknown > 0 {
        reader.doubt(reader.items[at + 1].text.clone(), 0.35 * f64::from(unknown));
    }
    Some((expr, next))
}

/// How many people live somewhere is its population, when the database holds no persons.
fn inhabitants(reader: &Reader, at: usize) -> Option<ColumnRef> {
    let people = reader.free(at)?;
    if people.what != What::Word || !people.text.eq_ignore_ascii_case("people") {
        return None;
    }
    let words = ["popul".to_owned()];
    reader.catalog.column_with_word(reader.head()?, &words, |column| column.kind == ColumnKind::Number)
}

/// In `how many different product names` the names are counted.
fn counted_name(reader: &Reader, at: usize, distinct: bool) -> Option<Computed> {
    let adjacent = reader.items.get(at + 1).is_some_and(|next| next.start == reader.items[at].end);
    if let Some(table) = reader.table_at(at).filter(|_| adjacent && distinct && reader.mention(at + 1).is_some()) {
        let column =
            reader.column_at(at + 1).filter(|column| column.table == table && reader.table_at(at + 1).is_none());
        if let Some(column) = column {
            return Some((Expr::Different(column), at + 2));
        }
    }
    count_of(reader, at, distinct).map(|expr| (expr, at + 1))
}

/// `how many items were sold` asks for pieces, not for lines.
fn units_sold(reader: &Reader, at: usize) -> Option<Expr> {
    let lines = sales_lines(reader).filter(|_| reader.mark(at + 1) == Some(Mark::Sale))?;
    let table = reader.table_at(at)?;
    let past = !reader.items[at + 1].text.to_lowercase().starts_with("sell");
    let sells = table == lines.table || reader.graph.distance(table, lines.table) == Some(1);
    measure(reader, Measure::Units).filter(|_| past && sells && reader.catalog.date_column(table).is_none())
}

fn skip_sale(reader: &mut Reader, at: usize) -> usize {
    if reader.mark(at) == Some(Mark::Sale) {
        reader.take(at);
        return at + 1;
    }
    at
}

fn take_all(reader: &mut Reader, from: usize, to: usize) {
    for place in from..=to {
        if !matches!(reader.items[place].what, What::Value(_) | What::Literal) {
            reader.take(place);
        }
    }
}

/// The count of what an item names.
pub fn count_of(reader: &Reader, at: usize, distinct: bool) -> Option<Expr> {
    if let Some(table) = reader.table_at(at) {
        return Some(Expr::Rows(noun_after(reader, at).unwrap_or(table)));
    }
    reader.mention(at)?;
    let column = reader.column_at(at)?;
    let entry = reader.catalog.column(column);
    if !distinct && entry.kind == ColumnKind::Number && !entry.is_key {
        return Some(amount_of(reader, at, column));
    }
    if distinct || entry.kind == ColumnKind::Text && !entry.is_key {
        let rows = !distinct && reader.tables.iter().any(|(_, table)| *table != column.table);
        return Some(if rows { Expr::Rows(column.table) } else { Expr::Different(column) });
    }
    Some(Expr::Rows(column.table))
}

/// `how many cylinders does the car have` asks for what the column holds, `the total number of staff` for its sum.
fn amount_of(reader: &Reader, at: usize, column: ColumnRef) -> Expr {
    let summed = (at.saturating_sub(2)..at).any(|place| reader.items[place].text.to_lowercase().starts_with("total"));
    if summed { Expr::Aggregate(Function::Sum, Scalar::Column(column)) } else { Expr::Scalar(Scalar::Column(column)) }
}

/// In `customer orders` the orders are meant.
fn noun_after(reader: &Reader, at: usize) -> Option<usize> {
    let plural = reader.items[at].plural;
    if plural { None } else { reader.table_at(at + 1) }
}

/// `average price`, `total of the order amounts`.
pub fn aggregated(reader: &mut Reader, at: usize, function: Function) -> Option<Computed> {
    let mut place = at + 1;
    while matches!(reader.free(place).map(|item| &item.what), Some(What::Word | What::Mark(Mark::Count))) {
        place += 1;
    }
    if let Some(Mark::Measure(kind)) = reader.mark(place) {
        let expr = aggregate_measure(measure(reader, kind)?, function)?;
        take_all(reader, at, place);
        return Some((expr, skip_sale(reader, place + 1)));
    }
    let expr = aggregate_of(reader, place, function)?;
    take_all(reader, at, place);
    Some((expr, place + 1))
}

/// The sum of a revenue is the revenue; its average needs an order to average over.
fn aggregate_measure(expr: Expr, function: Function) -> Option<Expr> {
    match (expr, function) {
        (Expr::SumPer(amount, _), Function::Sum) => Some(Expr::Aggregate(Function::Sum, amount)),
        (Expr::SumPer(..), Function::Avg) | (Expr::Aggregate(..), Function::Sum) => Some(expr),
        (Expr::Aggregate(_, scalar @ Scalar::Column(_)), _) => Some(Expr::Aggregate(function, scalar)),
        _ => None,
    }
}

fn aggregate_of(reader: &Reader, at: usize, function: Function) -> Option<Expr> {
    reader.mention(at)?;
    let ordered = matches!(function, Function::Min | Function::Max);
    let usable = |column: &ColumnEntry| {
        let number = column.kind == ColumnKind::Number && (!column.is_key || ordered);
        number || ordered && column.kind == ColumnKind::Date
    };
    if let Some(column) = reader.column_where(at, usable) {
        return Some(Expr::Aggregate(function, Scalar::Column(column)));
    }
    if function == Function::Sum {
        return count_of(reader, at, false);
    }
    None
}

/// A column or period at an item to group or order by.
pub fn scalar_at(reader: &Reader, at: usize) -> Option<Scalar> {
    if let Some(Mark::Period(grain)) = reader.mark(at) {
        return period(reader, grain);
    }
    reader.mention(at)?;
    reader.column_at(at).map(Scalar::Column)
}

/// The period of the date that belongs to what the question is about.
pub fn period(reader: &Reader, grain: Grain) -> Option<Scalar> {
    date_column(reader).map(|column| Scalar::Period(grain, column))
}

/// The date column of the named tables, else of the nearest table that has one.
pub fn date_column(reader: &Reader) -> Option<ColumnRef> {
    let named = reader.tables.iter().find_map(|(_, table)| reader.catalog.date_column(*table));
    let measured = reader.items.iter().any(|item| matches!(item.what, What::Mark(Mark::Measure(_) | Mark::Sale)));
    if !measured && named.is_some() {
        return named;
    }
    let start = match measured {
        true => sales_lines(reader).map(|lines| lines.table),
        false => reader.head(),
    };
    nearest_date(reader, start?).or(named)
}

fn nearest_date(reader: &Reader, start: usize) -> Option<ColumnRef> {
    let tables = 0..reader.catalog.tables.len();
    let dated =
        tables.filter_map(|table| Some((reader.graph.distance(start, table)?, reader.catalog.date_column(table)?)));
    dated.min_by_key(|(distance, _)| *distance).map(|(_, column)| column)
}

/// The column that an adjective such as `oldest` or `cheapest` is about, near a table.
pub fn hinted(reader: &Reader, table: usize, hints: &[&str]) -> Option<ColumnRef> {
    let stems = Stems::default();
    let words: Vec<String> = hints.iter().map(|hint| stems.of(hint)).collect();
    let ordered = |column: &ColumnEntry| {
        !column.is_key && matches!(column.kind, ColumnKind::Number | ColumnKind::Date)
            || column.words.iter().any(|word| word == "date")
    };
    let own = reader.catalog.column_with_word(table, &words, ordered);
    let dated = || hints.contains(&"date").then(|| reader.catalog.date_column(table)).flatten();
    own.or_else(dated).or_else(|| {
        let near = reader.tables.iter().map(|(_, named)| *named).filter(|named| *named != table);
        let beside = (0..reader.catalog.tables.len()).filter(|other| reader.graph.distance(table, *other) == Some(1));
        near.chain(beside).find_map(|other| reader.catalog.column_with_word(other, &words, ordered))
    })
}

/// The direction in which a column ranks: what is oldest has the largest age and the smallest birthday.
pub fn ranked(reader: &Reader, column: ColumnRef, direction: Direction, hints: &[&str]) -> Direction {
    let by_age = hints.contains(&"age") && hints.len() > 1;
    let entry = reader.catalog.column(column);
    let is_age = entry.words.iter().any(|word| word == "age");
    let flips = by_age && !is_age || hints.contains(&"rank") && entry.words.iter().any(|word| word == "rank");
    if flips { direction.reversed() } else { direction }
}
