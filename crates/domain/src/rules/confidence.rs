//! How sure the rules are of what they understood.

use super::{
    items::What,
    joins::{self, Join},
    lexicon::Op,
    plan::{Condition, Expr, Plan, Test},
    reader::Reader,
};

/// Below this the rules abstain.
pub const THRESHOLD: f64 = 0.65;

/// From 0 to 1: everything explained, in few joins, is 1.
pub fn confidence(reader: &Reader, plan: &Plan, joins: &[Join]) -> f64 {
    let doubts: f64 = reader.draft.doubts.iter().map(|(_, loss)| loss).sum();
    let far = joins.len().saturating_sub(2) as f64 * 0.1;
    let contradicts = if contradicts(plan) { 0.5 } else { 0.0 };
    let repeated = if repeats_figures(plan, joins) { 0.5 } else { 0.0 };
    let unnamed = if reader.tables.is_empty() { 0.1 } else { 0.0 };
    let vague = vague_names(reader) as f64 * 0.05;
    (1.0 - doubts - far - contradicts - repeated - unnamed - vague).max(0.0)
}

/// No row has two values in one column.
fn contradicts(plan: &Plan) -> bool {
    let equal =
        |group: &&Vec<Condition>| matches!(group.as_slice(), [Condition { test: Test::Compare(Op::Eq, _), .. }]);
    let single: Vec<&Condition> = plan.filters.iter().filter(equal).flatten().collect();
    let nested = |condition: &Condition| matches!(&condition.test, Test::In(inner, _) if contradicts(inner));
    let twice = |condition: &&Condition| {
        single.iter().any(|other| other.left == condition.left && other.test != condition.test)
    };
    single.iter().any(twice) || plan.filters.iter().flatten().any(nested)
}

/// A sum or average over rows that a join repeats is wrong.
fn repeats_figures(plan: &Plan, joins: &[Join]) -> bool {
    let scalars = plan.select.iter().chain(plan.order.iter().map(|(expr, _)| expr));
    scalars.filter_map(aggregated_table).any(|table| joins::repeats(table, joins))
}

fn aggregated_table(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Aggregate(_, scalar) | Expr::SumPer(scalar, _) => scalar.tables().first().copied(),
        _ => None,
    }
}

/// Names of which only a small part was said.
fn vague_names(reader: &Reader) -> usize {
    let vague = |what: &What| matches!(what, What::Mention(mention) if !mention.is_label && mention.weight() < 0.6);
    reader.items.iter().filter(|item| vague(&item.what)).count()
}

/// The words that were not understood, for the message.
pub fn not_understood(reader: &Reader) -> Vec<String> {
    let mut doubts: Vec<&(String, f64)> = reader.draft.doubts.iter().filter(|(text, _)| !text.is_empty()).collect();
    doubts.sort_by(|one, other| other.1.total_cmp(&one.1));
    doubts.into_iter().take(3).map(|(text, _)| text.clone()).collect()
}
