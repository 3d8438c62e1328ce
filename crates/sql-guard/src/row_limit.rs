//! The row limit of the printed statement.

use contracts::Dialect;
use sqlparser::ast::{Expr, Fetch, LimitClause, Query, SetExpr, Value};

use crate::parse;
use crate::refusal::{Refusal, rule};
use crate::walk::{gives_one_row, number};

/// Lowers the limit of the outermost query to `most`, or adds it.
pub fn apply(query: &mut Query, most: u64, dialect: Dialect) -> Result<(), Refusal> {
    if let Some(fetch) = &mut query.fetch {
        return lower_fetch(fetch, most, dialect);
    }
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit: Some(limit), .. } | LimitClause::OffsetCommaLimit { limit, .. }) => {
            lower(limit, most, dialect)
        }
        Some(LimitClause::LimitOffset { limit, .. }) => {
            *limit = Some(literal(most));
            Ok(())
        }
        None => add(query, most, dialect),
    }
}

fn add(query: &mut Query, most: u64, dialect: Dialect) -> Result<(), Refusal> {
    if query.order_by.is_none()
        && let SetExpr::Query(inner) = &mut *query.body
    {
        return apply(inner, most, dialect);
    }
    match &*query.body {
        SetExpr::Select(select) if gives_one_row(select) => return Ok(()),
        SetExpr::Values(values) if (values.rows.len() as u64) <= most => return Ok(()),
        // SQLite has no LIMIT after VALUES.
        body if dialect == Dialect::Sqlite && ends_in_values(body) => return wrap(query, most, dialect),
        _ => {}
    }
    query.limit_clause = Some(limit_clause(most));
    Ok(())
}

fn ends_in_values(body: &SetExpr) -> bool {
    match body {
        SetExpr::SetOperation { right, .. } => ends_in_values(right),
        SetExpr::Values(_) => true,
        _ => false,
    }
}

fn wrap(query: &mut Query, most: u64, dialect: Dialect) -> Result<(), Refusal> {
    *query = parse::query(&format!("SELECT * FROM ({query}) LIMIT {most}"), dialect)?;
    Ok(())
}

fn limit_clause(most: u64) -> LimitClause {
    LimitClause::LimitOffset { limit: Some(literal(most)), offset: None, limit_by: Vec::new() }
}

fn literal(number: u64) -> Expr {
    Expr::Value(Value::Number(number.to_string(), false).into())
}

fn lower_fetch(fetch: &mut Fetch, most: u64, dialect: Dialect) -> Result<(), Refusal> {
    if fetch.percent {
        return Err(Refusal::unsupported("FETCH … PERCENT"));
    }
    fetch.quantity.as_mut().map_or(Ok(()), |quantity| lower(quantity, most, dialect))
}

fn lower(limit: &mut Expr, most: u64, dialect: Dialect) -> Result<(), Refusal> {
    match number(limit) {
        Some(rows) if rows <= most => return Ok(()),
        Some(_) => {
            *limit = literal(most);
            return Ok(());
        }
        None => {}
    }
    if is_unlimited(limit) {
        *limit = literal(most);
        return Ok(());
    }
    *limit = match dialect {
        Dialect::Postgres => computed(&format!("(LEAST({limit}, {most}))"), dialect)?,
        Dialect::Sqlite => {
            computed(&format!("CASE WHEN ({limit}) BETWEEN 0 AND {most} THEN ({limit}) ELSE {most} END"), dialect)?
        }
        Dialect::Mysql => {
            return Err(Refusal::new(rule::SYNTAX, "LIMIT takes a number in MySQL. Write the number itself."));
        }
    };
    Ok(())
}

/// `-1`, NULL, and what is too large for a number.
fn is_unlimited(limit: &Expr) -> bool {
    match limit {
        Expr::Nested(inner) => is_unlimited(inner),
        Expr::UnaryOp { expr, .. } => matches!(&**expr, Expr::Value(_)),
        Expr::Value(value) => matches!(value.value, Value::Null | Value::Number(..)),
        _ => false,
    }
}

fn computed(text: &str, dialect: Dialect) -> Result<Expr, Refusal> {
    parse::expression(text, dialect)
}
