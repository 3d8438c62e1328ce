//! What is shown and what it is grouped by.

use crate::rules::{
    catalog::ColumnRef,
    lexicon::{Direction, Function, Op},
    plan::{Condition, Expr, Plan, Scalar, Test},
    reader::Reader,
};

/// Groups as the question says.
pub fn apply(reader: &Reader, plan: &mut Plan) {
    plan.group.clone_from(&reader.draft.group);
    for key in reader.draft.group.iter().rev() {
        show_first(plan, Expr::Scalar(*key));
    }
    for table in &reader.draft.group_tables {
        group_by_table(reader, plan, *table);
    }
}

fn show_first(plan: &mut Plan, expr: Expr) {
    if !plan.select.contains(&expr) {
        plan.select.insert(0, expr);
    }
}

fn group_by_table(reader: &Reader, plan: &mut Plan, table: usize) {
    let shown = plan.select.iter().any(|expr| !expr.is_aggregate() && expr.tables().contains(&table));
    if !shown {
        for column in reader.catalog.label(table).into_iter().rev() {
            show_first(plan, Expr::Scalar(Scalar::Column(column)));
        }
    }
    add_key(reader, plan, table);
}

fn add_key(reader: &Reader, plan: &mut Plan, table: usize) {
    for column in &reader.catalog.tables[table].identity {
        add_group(plan, Scalar::Column(ColumnRef { table, column: *column }));
    }
}

fn add_group(plan: &mut Plan, key: Scalar) {
    if !plan.group.contains(&key) {
        plan.group.push(key);
    }
}

/// Without anything asked for, the rows of the table that the question is about are.
pub fn default_selection(reader: &Reader, plan: &mut Plan, head: usize) {
    if !plan.select.is_empty() {
        return;
    }
    let computed = plan.having.iter().any(|having| having.left.is_aggregate())
        || plan.order.iter().any(|(expr, _)| expr.is_aggregate());
    let nameless = reader.catalog.tables[head].display.is_empty();
    let columns: Vec<ColumnRef> = match nameless && !computed {
        true => reader.catalog.columns_of(head).collect(),
        false => reader.catalog.label(head),
    };
    plan.select = columns.into_iter().map(|column| Expr::Scalar(Scalar::Column(column))).collect();
}

/// Groups by what is shown where something is computed beside it, and shows a figure that ranks.
pub fn complete(reader: &Reader, plan: &mut Plan, head: usize) {
    show_figures(reader, plan);
    extreme_row(plan);
    let computes = plan.select.iter().chain(plan.order.iter().map(|(expr, _)| expr)).any(Expr::is_aggregate)
        || !plan.having.is_empty();
    let plain: Vec<Scalar> = plan.select.iter().filter_map(scalar).collect();
    if computes && plain.is_empty() && plan.group.is_empty() && !plan.having.is_empty() {
        return having_as_condition(reader, plan, head);
    }
    let grouped = !plan.group.is_empty();
    if !computes {
        plan.group.clear();
    }
    if !computes || plain.is_empty() {
        return;
    }
    for key in &plain {
        add_group(plan, *key);
    }
    if !grouped {
        name_keys(reader, plan, &plain);
    }
    let ordered: Vec<Scalar> = plan.order.iter().filter_map(|(expr, _)| scalar(expr)).collect();
    for key in ordered {
        add_group(plan, key);
    }
}

/// `the lowest price and its product`: the row that has it, not a group for each product.
fn extreme_row(plan: &mut Plan) {
    let figures: Vec<Expr> = plan.select.iter().copied().filter(Expr::is_aggregate).collect();
    let [Expr::Aggregate(function @ (Function::Min | Function::Max), scalar)] = figures.as_slice() else { return };
    let stands_alone = plan.group.is_empty() && plan.order.is_empty() && plan.having.is_empty();
    if !stands_alone || plan.select.len() < 2 {
        return;
    }
    let direction = if *function == Function::Min { Direction::Asc } else { Direction::Desc };
    let shown = Expr::Scalar(*scalar);
    let repeated = plan.select.contains(&shown);
    plan.select.retain(|expr| !repeated || !expr.is_aggregate());
    for expr in plan.select.iter_mut().filter(|expr| expr.is_aggregate()) {
        *expr = shown;
    }
    plan.order.push((shown, direction));
    plan.limit.get_or_insert(1);
}

fn scalar(expr: &Expr) -> Option<Scalar> {
    match expr {
        Expr::Scalar(scalar) => Some(*scalar),
        _ => None,
    }
}

/// Two rows of the same name stay two groups.
fn name_keys(reader: &Reader, plan: &mut Plan, plain: &[Scalar]) {
    for key in plain {
        if let Scalar::Column(column) = key
            && reader.catalog.tables[column.table].display.contains(&column.column)
        {
            add_key(reader, plan, column.table);
        }
    }
}

/// A ranking by revenue shows the revenue.
fn show_figures(reader: &Reader, plan: &mut Plan) {
    let shown = |expr: &Expr| is_figure(expr) || reader.draft.shows_rank && expr.is_aggregate();
    let figures: Vec<Expr> = plan.order.iter().map(|(expr, _)| *expr).filter(shown).collect();
    for figure in figures {
        if !plan.select.contains(&figure) && plan.select.iter().any(|expr| !expr.is_aggregate()) {
            plan.select.push(figure);
        }
    }
}

fn is_figure(expr: &Expr) -> bool {
    matches!(expr, Expr::Aggregate(_, Scalar::Product(..)) | Expr::Aggregate(Function::Sum, _) | Expr::SumPer(..))
}

/// `how many customers have more than 3 orders`: the groups become a condition.
fn having_as_condition(reader: &Reader, plan: &mut Plan, head: usize) {
    let Some(key) = reader.catalog.key(head) else { return };
    let key = Scalar::Column(key);
    let inner = Plan {
        root: head,
        select: vec![Expr::Scalar(key)],
        group: vec![key],
        having: std::mem::take(&mut plan.having),
        ..Plan::default()
    };
    plan.filters.push(vec![Condition { left: key, test: Test::In(Box::new(inner), false) }]);
}

/// `the number of concerts in the largest stadium`: what is ranked picks the rows before they are counted.
pub fn figures_of_extreme(plan: &mut Plan) {
    let figures = !plan.select.is_empty() && plan.select.iter().all(Expr::is_aggregate) && plan.group.is_empty();
    let [(Expr::Scalar(scalar @ Scalar::Column(column)), direction)] = plan.order.as_slice() else { return };
    if !figures || plan.limit != Some(1) {
        return;
    }
    let function = if *direction == Direction::Asc { Function::Min } else { Function::Max };
    let own = |group: &&Vec<Condition>| group.iter().all(|condition| condition.left.tables() == [column.table]);
    let inner = Plan {
        root: column.table,
        select: vec![Expr::Aggregate(function, *scalar)],
        filters: plan.filters.iter().filter(own).cloned().collect(),
        ..Plan::default()
    };
    let test = Test::CompareQuery(Op::Eq, Box::new(inner));
    plan.filters.push(vec![Condition { left: *scalar, test }]);
    plan.order.clear();
    plan.limit = None;
}
