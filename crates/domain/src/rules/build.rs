//! From what was understood to a query.

mod filters;
mod groups;
mod related;
mod sound;

use super::{
    lexicon::Direction,
    plan::{Expr, Plan, Scalar},
    reader::Reader,
};

/// Why no query could be composed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// No table was recognised.
    #[error("no table or column of this database was recognised in the question")]
    NoTable,
    /// Nothing to show was recognised.
    #[error("it does not say what to show")]
    NothingToShow,
    /// A sum or an average of something else than numbers.
    #[error("only numbers can be added up or averaged")]
    NotANumber,
    /// Single rows beside figures over all rows.
    #[error("it asks for single rows and for a figure over all rows at once")]
    MixedFigures,
    /// The tables do not hang together.
    #[error("the tables it needs are not connected by keys")]
    NotConnected,
}

/// Composes the query.
pub fn build(reader: &mut Reader) -> Result<Plan, BuildError> {
    let head = reader.head().or_else(|| computed_table(reader)).ok_or(BuildError::NoTable)?;
    let mut plan = Plan { root: head, distinct: reader.draft.distinct, limit: reader.draft.limit, ..Plan::default() };
    for (_, expr) in &reader.draft.picks {
        if !plan.select.contains(expr) {
            plan.select.push(*expr);
        }
    }
    for key in &reader.draft.order {
        if !plan.order.contains(key) {
            plan.order.push(*key);
        }
    }
    plan.having.clone_from(&reader.draft.having);
    groups::apply(reader, &mut plan);
    groups::default_selection(reader, &mut plan, head);
    if plan.select.is_empty() {
        return Err(BuildError::NothingToShow);
    }
    groups::complete(reader, &mut plan, head);
    root(&mut plan);
    filters::apply(reader, &mut plan)?;
    related::apply(reader, &mut plan)?;
    groups::figures_of_extreme(&mut plan);
    order(reader, &mut plan);
    settle_distinct(&mut plan);
    sound::settle(reader, &mut plan)?;
    Ok(plan)
}

/// Without any named table: the one that a figure is computed from.
fn computed_table(reader: &Reader) -> Option<usize> {
    let picked = reader.draft.picks.iter().map(|(_, expr)| expr);
    let ordered = reader.draft.order.iter().map(|(expr, _)| expr);
    picked.chain(ordered).find_map(|expr| expr.tables().first().copied())
}

/// The query starts from a table that it reads.
fn root(plan: &mut Plan) {
    let read = plan.select.iter().flat_map(Expr::tables).chain(plan.group.iter().flat_map(Scalar::tables));
    let read: Vec<usize> = read.collect();
    if !read.contains(&plan.root)
        && let Some(first) = read.first()
    {
        plan.root = *first;
    }
}

/// The stated order, else the order of time, else the largest figure first.
fn order(reader: &Reader, plan: &mut Plan) {
    if !plan.order.is_empty() {
        return;
    }
    if let Some(direction) = reader.draft.sorted {
        let first = plan.select.iter().find(|expr| !expr.is_aggregate()).copied();
        plan.order.extend(first.map(|expr| (expr, direction)));
        return;
    }
    if let Some(period) = plan.group.iter().find(|key| matches!(key, Scalar::Period(..))) {
        plan.order.push((Expr::Scalar(*period), Direction::Asc));
        return;
    }
    let figures: Vec<Expr> = plan.select.iter().copied().filter(Expr::is_aggregate).collect();
    if let ([figure], false) = (figures.as_slice(), plan.group.is_empty()) {
        plan.order.push((*figure, Direction::Desc));
    }
}

/// Different rows can only be ordered by what they show.
fn settle_distinct(plan: &mut Plan) {
    let computed = plan.select.iter().any(Expr::is_aggregate) || !plan.group.is_empty();
    let shown = plan.order.iter().all(|(expr, _)| plan.select.contains(expr));
    plan.distinct &= !computed && shown;
}
