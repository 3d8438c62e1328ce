//! Rules on the rows and columns of a table: what of it a role may see.
//!
//! A rule becomes a subquery when the policy is loaded, and the walk puts it in the place of the table. So a masked column
//! holds nothing else anywhere in the statement, and an outer join sees only the permitted rows.

mod attributes;
mod mask;

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::Dialect;
use serde::{Deserialize, Serialize};
use sqlparser::ast::{Expr, Query, SetExpr, Visit, Visitor};
use std::ops::ControlFlow;

pub use attributes::Attributes;
pub use mask::Mask;

use crate::names;
use crate::parse;
use crate::policy::{Policy, PolicyTable};
use crate::walk;

/// What a role may see of one table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRule {
    /// The database schema (PostgreSQL) or database (MySQL). Needed where several have a table of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name of the table, unquoted.
    pub name: String,
    /// Rows for which this condition holds. It is written in the source's dialect over the table's own columns;
    /// `{user.region}` stands for an attribute of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// What a column shows instead of its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub masks: BTreeMap<String, Mask>,
}

/// A policy that cannot be used, and where in it the mistake is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct PolicyError {
    /// The part of the policy, such as `tables.customers.filter`.
    pub at: String,
    /// What is wrong there and what to do.
    pub message: String,
}

impl PolicyError {
    pub(crate) fn new(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into() }
    }
}

/// A rule, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Restriction {
    query: Query,
    hidden: Vec<String>,
    visible: Arc<[String]>,
    unbound: Option<String>,
}

impl Restriction {
    /// Reads the rule of a table; `None` when there is none. `policy` has no rules yet.
    pub fn read(table: &PolicyTable, policy: &Policy) -> Result<Option<Self>, PolicyError> {
        if table.filter.is_none() && table.masks.is_empty() {
            return Ok(None);
        }
        let at = format!("tables.{}", table.label());
        let (visible, hidden) = columns(table, &at)?;
        let text = subquery(table, policy, &at)?;
        let mut query = parse::query(&text, policy.dialect())
            .map_err(|refusal| PolicyError::new(&at, format!("The rule cannot be written as SQL: {refusal}")))?;
        if let Some(filter) = &table.filter {
            let condition = condition(filter, table, policy).map_err(|mut error| {
                error.at = format!("{at}.filter");
                error
            })?;
            if let SetExpr::Select(select) = &mut *query.body {
                select.selection = Some(condition);
            }
        }
        let unbound = attributes::first(&query);
        Ok(Some(Self { query, hidden, visible: visible.into(), unbound }))
    }

    /// The same rule for one user.
    pub fn bound(&self, attributes: &Attributes, dialect: Dialect) -> Result<Self, PolicyError> {
        let mut bound = self.clone();
        attributes::bind(&mut bound.query, attributes, dialect)?;
        bound.unbound = attributes::first(&bound.query);
        Ok(bound)
    }

    /// What stands for the table.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The row filter.
    pub fn condition(&self) -> Option<&Expr> {
        match &*self.query.body {
            SetExpr::Select(select) => select.selection.as_ref(),
            _ => None,
        }
    }

    /// An attribute that has no value yet.
    pub fn unbound(&self) -> Option<&str> {
        self.unbound.as_deref()
    }

    /// Whether the column may not be named.
    pub fn hides(&self, column: &str) -> bool {
        self.hidden.iter().any(|hidden| hidden.eq_ignore_ascii_case(column))
    }

    /// Whether any column may not be named.
    pub fn hides_any(&self) -> bool {
        !self.hidden.is_empty()
    }

    /// The columns that the subquery gives.
    pub fn visible(&self) -> Arc<[String]> {
        Arc::clone(&self.visible)
    }
}

/// The columns that remain, and those that do not.
fn columns(table: &PolicyTable, at: &str) -> Result<(Vec<String>, Vec<String>), PolicyError> {
    for column in table.masks.keys() {
        if !table.columns.contains(column) {
            let near = names::near(column, table.columns.iter().map(String::as_str));
            let hint = match near.as_slice() {
                [] => format!("The columns are: {}.", table.columns.join(", ")),
                near => format!("Did you mean {}?", near.join(" or ")),
            };
            return Err(PolicyError::new(
                format!("{at}.masks.{column}"),
                format!("The table has no column {column}. {hint}"),
            ));
        }
    }
    let refused = |column: &&String| matches!(table.masks.get(*column), Some(Mask::Refuse));
    let hidden: Vec<String> = table.columns.iter().filter(refused).cloned().collect();
    let visible: Vec<String> = table.columns.iter().filter(|column| !refused(column)).cloned().collect();
    if visible.is_empty() && !table.masks.is_empty() {
        return Err(PolicyError::new(format!("{at}.masks"), "No column is left. Leave the table out of the policy."));
    }
    Ok((visible, hidden))
}

fn subquery(table: &PolicyTable, policy: &Policy, at: &str) -> Result<String, PolicyError> {
    let dialect = policy.dialect();
    let quoted = |name: &str| names::quoted(dialect, name).to_string();
    let mut list = vec!["*".to_owned()];
    if !table.masks.is_empty() {
        list = table
            .columns
            .iter()
            .filter_map(|column| item(table, column, dialect, at).transpose())
            .collect::<Result<_, _>>()?;
    }
    // With its namespace, so that no common table expression of the statement can take its place.
    let home = match dialect {
        Dialect::Sqlite => Some("main".to_owned()),
        Dialect::Postgres | Dialect::Mysql => {
            table.namespace.clone().or_else(|| policy.default_namespaces().first().cloned())
        }
    };
    let prefix = home.map(|home| format!("{}.", quoted(&home))).unwrap_or_default();
    Ok(format!("SELECT {} FROM {prefix}{}", list.join(", "), quoted(&table.name)))
}

fn item(table: &PolicyTable, column: &str, dialect: Dialect, at: &str) -> Result<Option<String>, PolicyError> {
    let quoted = names::quoted(dialect, column).to_string();
    let Some(mask) = table.masks.get(column) else {
        return Ok(Some(quoted));
    };
    let shown = mask
        .expression(&quoted, dialect)
        .map_err(|message| PolicyError::new(format!("{at}.masks.{column}"), message))?;
    Ok(shown.map(|shown| format!("{shown} AS {quoted}")))
}

/// Reads a row filter.
fn condition(filter: &str, table: &PolicyTable, policy: &Policy) -> Result<Expr, PolicyError> {
    let wrong = |message: String| PolicyError::new("", message);
    let mut expr = attributes::parse(filter, policy.dialect()).map_err(|refusal| wrong(refusal.message))?;
    if let Some(message) = not_of_one_row(&expr) {
        return Err(wrong(message.to_owned()));
    }
    walk::condition(&mut expr, table, policy).map_err(|refusal| wrong(refusal.message))?;
    Ok(expr)
}

const AGGREGATES: [&str; 12] = [
    "count",
    "sum",
    "avg",
    "total",
    "group_concat",
    "string_agg",
    "array_agg",
    "json_agg",
    "bool_and",
    "bool_or",
    "every",
    "row_number",
];

fn not_of_one_row(expr: &Expr) -> Option<&'static str> {
    struct Alone;
    impl Visitor for Alone {
        type Break = &'static str;
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<Self::Break> {
            ControlFlow::Break("A row filter decides by the table's own columns. Write it without a subquery.")
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
            match expr {
                Expr::Function(function)
                    if function.over.is_some()
                        || AGGREGATES.contains(&function.name.to_string().to_lowercase().as_str()) =>
                {
                    ControlFlow::Break("A row filter decides row by row. Write it without aggregates and windows.")
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Alone).break_value()
}
