//! Conditions about related rows: they must not repeat or lose the rows that are asked for.

use super::BuildError;
use crate::rules::{
    catalog::ColumnRef,
    joins::{Edge, Join},
    lexicon::Op,
    plan::{Condition, Expr, Plan, Scalar, Test},
    reader::Reader,
};

/// The tables that the result itself reads.
fn core(plan: &Plan) -> Vec<usize> {
    let bare = Plan { filters: Vec::new(), ..plan.clone() };
    bare.tables()
}

/// The first step on the way to a table that leads from a row to many.
fn branching(reader: &Reader, from: &[usize], to: usize) -> Result<Option<(Edge, Vec<Join>)>, BuildError> {
    let path = reader.graph.path(from, to).ok_or(BuildError::NotConnected)?;
    let many = path.iter().position(|join| join.edge.child == join.table && join.edge.pairs.len() == 1);
    Ok(many.map(|at| (path[at].edge.clone(), path)))
}

/// Adds conditions; those on related rows become `IN (SELECT …)`.
pub fn add(reader: &Reader, plan: &mut Plan, groups: Vec<Vec<Condition>>) -> Result<(), BuildError> {
    let tables = core(plan);
    let mut inner: Vec<(Edge, bool, Vec<Vec<Condition>>)> = Vec::new();
    for group in groups {
        match branch_of(reader, &tables, &group)? {
            Some(edge) => {
                let denied = group.len() == 1 && matches!(group[0].test, Test::Compare(Op::Ne, _));
                let group = if denied { group.into_iter().map(affirm).collect() } else { group };
                match inner.iter_mut().find(|(known, deny, _)| *known == edge && !*deny && !denied) {
                    Some((_, _, conditions)) => conditions.push(group),
                    None => inner.push((edge, denied, vec![group])),
                }
            }
            None => plan.filters.push(group),
        }
    }
    for (edge, denied, conditions) in inner {
        plan.filters.push(vec![member(&edge, conditions, denied)]);
    }
    Ok(())
}

fn branch_of(reader: &Reader, tables: &[usize], group: &[Condition]) -> Result<Option<Edge>, BuildError> {
    let read: Vec<usize> = group.iter().flat_map(|condition| condition.left.tables()).collect();
    let outside: Vec<usize> = read.iter().copied().filter(|table| !tables.contains(table)).collect();
    let [first, rest @ ..] = outside.as_slice() else { return Ok(None) };
    if outside.len() < read.len() || rest.iter().any(|table| table != first) {
        return Ok(None);
    }
    Ok(branching(reader, tables, *first)?.map(|(edge, _)| edge))
}

fn affirm(mut condition: Condition) -> Condition {
    if let Test::Compare(op @ Op::Ne, _) = &mut condition.test {
        *op = Op::Eq;
    }
    condition
}

/// Rows that have, or have not, related rows for which the conditions hold.
fn member(edge: &Edge, filters: Vec<Vec<Condition>>, denied: bool) -> Condition {
    let (inner, outer) = edge.pairs[0];
    let left = Scalar::Column(outer);
    let plan = Plan { root: edge.child, select: vec![Expr::Scalar(Scalar::Column(inner))], filters, ..Plan::default() };
    Condition { left, test: Test::In(Box::new(plan), denied) }
}

/// Rows without related rows in a table, or without such for which the conditions hold.
pub fn exclude(reader: &Reader, plan: &mut Plan, table: usize, inside: Vec<Condition>) -> Result<(), BuildError> {
    let tables = core(plan);
    let Some((edge, _)) = branching(reader, &tables, table)? else {
        return Err(BuildError::NotConnected);
    };
    let filters = inside.into_iter().map(|condition| vec![condition]).collect();
    let mut condition = member(&edge, filters, true);
    if let Test::In(inner, _) = &mut condition.test
        && inner.root != table
        && needs_table(reader, &edge, table)
    {
        inner.also.push(table);
    }
    plan.filters.push(vec![condition]);
    Ok(())
}

/// A parent of the related rows exists anyway.
fn needs_table(reader: &Reader, edge: &Edge, table: usize) -> bool {
    let path = reader.graph.path(&[edge.child], table).unwrap_or_default();
    path.iter().any(|join| join.edge.child == join.table)
}

/// Two conditions that cannot hold for one related row hold for two.
pub fn both(reader: &Reader, plan: &mut Plan, one: Condition, other: Condition) -> Result<(), BuildError> {
    let tables = core(plan);
    let column = match one.left {
        Scalar::Column(column) => column,
        _ => return Err(BuildError::NotConnected),
    };
    if !tables.contains(&column.table) || plan.select.iter().all(Expr::is_aggregate) {
        add(reader, plan, vec![vec![one]])?;
        return add_apart(reader, plan, other);
    }
    let Some(shown) = first_column(plan) else { return Err(BuildError::NotConnected) };
    plan.filters.push(vec![one]);
    let inner = Plan {
        root: shown.table,
        select: vec![Expr::Scalar(Scalar::Column(shown))],
        filters: vec![vec![other]],
        ..Plan::default()
    };
    plan.filters.push(vec![Condition { left: Scalar::Column(shown), test: Test::In(Box::new(inner), false) }]);
    plan.distinct = true;
    Ok(())
}

fn add_apart(reader: &Reader, plan: &mut Plan, condition: Condition) -> Result<(), BuildError> {
    let mut apart = Plan { filters: Vec::new(), ..plan.clone() };
    add(reader, &mut apart, vec![vec![condition]])?;
    plan.filters.extend(apart.filters);
    Ok(())
}

fn first_column(plan: &Plan) -> Option<ColumnRef> {
    plan.select.iter().find_map(|expr| match expr {
        Expr::Scalar(Scalar::Column(column)) => Some(*column),
        _ => None,
    })
}

/// Named tables that nothing reads: rows must have related rows there.
pub fn apply(reader: &Reader, plan: &mut Plan) -> Result<(), BuildError> {
    let absent: Vec<usize> = reader.draft.absent.iter().map(|absence| absence.table).collect();
    for (place, table) in &reader.tables {
        let tables = plan.tables();
        let denied = reader.draft.absent.iter().any(|absence| absence.at < *place && place - absence.at < 8);
        if denied || tables.contains(table) || absent.contains(table) || is_filtered(plan, *table) {
            continue;
        }
        if let Some((edge, path)) = branching(reader, &tables, *table)? {
            let mut condition = member(&edge, Vec::new(), false);
            let further = path.last().is_some_and(|last| last.edge != edge);
            if let Test::In(inner, _) = &mut condition.test
                && further
                && needs_table(reader, &edge, *table)
            {
                inner.also.push(*table);
            }
            plan.filters.push(vec![condition]);
        }
    }
    Ok(())
}

/// Whether a condition already asks for related rows in a table, or beyond it.
fn is_filtered(plan: &Plan, table: usize) -> bool {
    plan.filters.iter().flatten().any(|condition| match &condition.test {
        Test::In(inner, _) => inner.tables().contains(&table) || is_filtered(inner, table) || inner.root == table,
        _ => false,
    })
}
