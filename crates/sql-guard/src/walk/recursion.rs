//! Recursive queries that count must say where they stop. One that walks through a table ends with the table, or at the
//! limits of the session.

use std::ops::ControlFlow;

use contracts::Dialect;
use sqlparser::ast::{
    BinaryOperator, Expr, ObjectName, Query, Select, SetExpr, TableFactor, Value, visit_expressions, visit_relations,
};

use super::Verdict;
use super::joins::number;
use crate::names;
use crate::refusal::{Refusal, rule};

/// Steps that a counting query may take.
const MAX_STEPS: f64 = 1_000_000.0;

/// Refuses a recursive query that nothing ends, or that counts too far.
pub fn check(query: &Query, name: &str, dialect: Dialect) -> Verdict {
    let limited = query.limit_clause.is_some();
    for select in terms(&query.body) {
        if reads_only_itself(select, name, dialect) {
            step(select, limited)?;
        }
    }
    Ok(())
}

fn terms(body: &SetExpr) -> Vec<&Select> {
    match body {
        SetExpr::Select(select) => vec![select],
        SetExpr::Query(query) => terms(&query.body),
        SetExpr::SetOperation { left, right, .. } => {
            let mut found = terms(right);
            let mut rest = left;
            while let SetExpr::SetOperation { left, right, .. } = &**rest {
                found.extend(terms(right));
                rest = left;
            }
            found.extend(terms(rest));
            found
        }
        _ => Vec::new(),
    }
}

fn reads_only_itself(select: &Select, name: &str, dialect: Dialect) -> bool {
    let is_itself = |relation: &ObjectName| match names::parts(relation).as_deref() {
        Some([only]) => names::meaning(dialect, only).eq_ignore_ascii_case(name),
        _ => false,
    };
    let mut itself = false;
    let mut others = false;
    for table in &select.from {
        let flow: ControlFlow<()> = visit_relations(table, |relation| {
            match is_itself(relation) {
                true => itself = true,
                false => others = true,
            }
            ControlFlow::Continue(())
        });
        debug_assert!(flow.is_continue());
        others |= table.joins.iter().any(|join| matches!(join.relation, TableFactor::UNNEST { .. }));
    }
    itself && !others
}

fn step(select: &Select, limited: bool) -> Verdict {
    let joins = select.from.iter().flat_map(|table| &table.joins).count();
    let Some(condition) = &select.selection else {
        return match limited || joins > 0 {
            true => Ok(()),
            false => Err(endless()),
        };
    };
    if !limited && !compares(condition) {
        return Err(endless());
    }
    let bound = largest(condition);
    let step = select.projection.iter().map(largest).fold(1.0, f64::max);
    match bound / step > MAX_STEPS {
        true => Err(far(bound)),
        false => Ok(()),
    }
}

fn compares(condition: &Expr) -> bool {
    let found = visit_expressions(condition, |part| match part {
        Expr::BinaryOp { left, op, right } if is_bound(op) && !(is_value(left) && is_value(right)) => {
            ControlFlow::Break(())
        }
        Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::IsNotNull(_)
        | Expr::Like { .. }
        | Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

fn is_bound(operator: &BinaryOperator) -> bool {
    matches!(
        operator,
        BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::NotEq
            | BinaryOperator::Eq
    )
}

fn is_value(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(_))
}

/// The largest number that stands in it.
fn largest(node: &impl sqlparser::ast::Visit) -> f64 {
    let mut largest = 0.0_f64;
    let flow: ControlFlow<()> = visit_expressions(node, |part| {
        if let Expr::Value(value) = part
            && let Value::Number(digits, _) = &value.value
        {
            largest = largest.max(digits.parse().unwrap_or(f64::MAX));
        }
        ControlFlow::Continue(())
    });
    debug_assert!(flow.is_continue());
    largest
}

fn endless() -> Refusal {
    let message = "The recursive query never ends. Add a condition that stops it, such as WHERE n < 100.";
    Refusal::new(rule::ENDLESS, message)
}

fn far(bound: f64) -> Refusal {
    let message = format!("The recursive query counts to {bound}. Let it stop after at most {MAX_STEPS} steps.");
    Refusal::new(rule::ENDLESS, message)
}

/// Refuses a series of more rows than an answer needs, where its ends are written as numbers.
pub fn series(arguments: &[&Expr]) -> Verdict {
    let bounds: Option<Vec<f64>> = arguments.iter().map(|argument| signed(argument)).collect();
    let Some(bounds) = bounds else {
        return Ok(());
    };
    let (start, stop, step) = match bounds.as_slice() {
        [start, stop] => (start, stop, 1.0),
        [start, stop, step, ..] => (start, stop, step.abs()),
        _ => return Ok(()),
    };
    match (stop - start).abs() / step > MAX_STEPS {
        true => {
            Err(Refusal::new(rule::TOO_LARGE, format!("The series has more than {MAX_STEPS} rows. Make it shorter.")))
        }
        false => Ok(()),
    }
}

/// A number with its sign.
pub fn signed(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => signed(inner),
        Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Minus, expr } => signed(expr).map(|number| -number),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => number(expr).map(|number| number as f64),
        },
        _ => None,
    }
}
