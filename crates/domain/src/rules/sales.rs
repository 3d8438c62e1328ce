//! Where a shop's figures come from: the lines of its orders, else a total that its orders hold.

use super::{
    catalog::{Catalog, ColumnEntry, ColumnKind, ColumnRef},
    joins::Graph,
    lexicon::{Function, Measure},
    plan::{Expr, Scalar},
};

/// The table that holds one row for each thing sold, with the factors of its amount.
#[derive(Clone, Copy, Debug)]
pub struct SalesLines {
    /// The table.
    pub table: usize,
    /// How many were sold.
    pub quantity: ColumnRef,
    /// At what price; in another table when the line holds none.
    pub price: Option<ColumnRef>,
    /// The order that the line belongs to.
    pub order: Option<ColumnRef>,
}

/// Finds the table of lines: one of sales with a quantity, at best with a price too.
pub fn lines(catalog: &Catalog, graph: &Graph) -> Option<SalesLines> {
    let all: Vec<SalesLines> = (0..catalog.tables.len()).filter_map(|table| lines_of(catalog, table)).collect();
    let priced = all.iter().find(|line| line.price.is_some()).copied();
    priced.or_else(|| all.first().and_then(|line| priced_elsewhere(catalog, graph, *line)))
}

fn is_amount(column: &ColumnEntry) -> bool {
    column.kind == ColumnKind::Number && !column.is_key
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn is_sales_word(word: &str) -> bool {
    matches!(word, "order" | "invoic" | "sale" | "purchas" | "transact")
}

fn lines_of(catalog: &Catalog, table: usize) -> Option<SalesLines> {
    let quantity = catalog.column_with_word(table, &words(&["quantiti"]), is_amount)?;
    let price = catalog.column_with_word(table, &words(&["price", "rate"]), is_amount);
    let is_order = |column: &ColumnRef| {
        let entry = catalog.column(*column);
        entry.is_key && entry.words.iter().any(|word| is_sales_word(word)) && catalog.key(table) != Some(*column)
    };
    let order = catalog.columns_of(table).find(is_order);
    let sells = order.is_some() || catalog.tables[table].words.iter().any(|word| is_sales_word(word));
    sells.then_some(SalesLines { table, quantity, price, order })
}

fn priced_elsewhere(catalog: &Catalog, graph: &Graph, line: SalesLines) -> Option<SalesLines> {
    let mut near = (0..catalog.tables.len()).filter(|table| graph.distance(line.table, *table) == Some(1));
    let price = near.find_map(|table| catalog.column_with_word(table, &words(&["price"]), is_amount))?;
    Some(SalesLines { price: Some(price), ..line })
}

/// The total that a table of orders holds itself.
fn total(catalog: &Catalog) -> Option<ColumnRef> {
    let of_sales = |table: &usize| catalog.tables[*table].words.iter().any(|word| is_sales_word(word));
    let mut tables = (0..catalog.tables.len()).filter(of_sales);
    tables.find_map(|table| catalog.column_with_word(table, &words(&["total", "amount", "revenu"]), is_amount))
}

/// A figure of the trade.
pub fn measure(catalog: &Catalog, graph: &Graph, measure: Measure) -> Option<Expr> {
    let lines = lines(catalog, graph);
    let total = || total(catalog).map(Scalar::Column);
    match measure {
        Measure::Units => lines.map(|lines| Expr::Aggregate(Function::Sum, Scalar::Column(lines.quantity))),
        Measure::Revenue => lines.and_then(amount).or_else(total).map(|amount| Expr::Aggregate(Function::Sum, amount)),
        Measure::OrderValue => {
            let per_order = lines.and_then(|lines| Some(Expr::SumPer(amount(lines)?, lines.order?)));
            per_order.or_else(|| total().map(|amount| Expr::Aggregate(Function::Avg, amount)))
        }
    }
}

fn amount(lines: SalesLines) -> Option<Scalar> {
    Some(Scalar::Product(lines.quantity, lines.price?))
}
