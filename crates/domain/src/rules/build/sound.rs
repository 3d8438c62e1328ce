//! The last look at a query: what every dialect refuses, or what means nothing, is not written.

use super::BuildError;
use crate::rules::{
    catalog::{Catalog, ColumnKind},
    lexicon::Function,
    plan::{Expr, Plan, Scalar, Test},
    reader::Reader,
};

/// Drops an order that figures cannot have, and refuses sums of what is not a number.
pub fn settle(reader: &mut Reader, plan: &mut Plan) -> Result<(), BuildError> {
    if is_senseless(reader.catalog, plan) {
        return Err(BuildError::NotANumber);
    }
    if is_mixed(plan) {
        return Err(BuildError::MixedFigures);
    }
    let ordered = plan.order.len();
    let figures = computes(plan);
    let group = plan.group.clone();
    plan.order.retain(|(expr, _)| !figures || expr.is_aggregate() || in_group(expr, &group));
    let single = figures && plan.group.is_empty();
    if single {
        plan.order.clear();
        plan.limit = None;
    }
    if plan.order.len() < ordered {
        reader.doubt("what the answer is ordered by", 0.4);
    }
    Ok(())
}

fn computes(plan: &Plan) -> bool {
    let ordered = plan.order.iter().any(|(expr, _)| expr.is_aggregate());
    !plan.group.is_empty() || ordered || !plan.having.is_empty() || plan.select.iter().any(Expr::is_aggregate)
}

/// Whether a value of single rows stands beside figures over all of them.
fn is_mixed(plan: &Plan) -> bool {
    computes(plan) && plan.select.iter().any(|expr| !expr.is_aggregate() && !in_group(expr, &plan.group))
}

fn in_group(expr: &Expr, group: &[Scalar]) -> bool {
    matches!(expr, Expr::Scalar(scalar) if group.contains(scalar))
}

fn is_senseless(catalog: &Catalog, plan: &Plan) -> bool {
    let ordered = plan.order.iter().map(|(expr, _)| expr);
    let having = plan.having.iter().map(|having| &having.left);
    let mut figures = plan.select.iter().chain(ordered).chain(having);
    let inner = plan.filters.iter().flatten().filter_map(|condition| match &condition.test {
        Test::CompareQuery(_, inner) | Test::In(inner, _) => Some(inner),
        _ => None,
    });
    figures.any(|expr| adds_no_numbers(catalog, expr)) || inner.into_iter().any(|inner| is_senseless(catalog, inner))
}

fn adds_no_numbers(catalog: &Catalog, expr: &Expr) -> bool {
    match expr {
        Expr::Aggregate(Function::Avg | Function::Sum, Scalar::Column(column)) => {
            catalog.column(*column).kind != ColumnKind::Number
        }
        Expr::Aggregate(Function::Avg | Function::Sum, Scalar::Period(..)) => true,
        _ => false,
    }
}
