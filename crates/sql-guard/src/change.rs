//! Changes of data: one INSERT, UPDATE or DELETE on one table, and the query that shows the rows it is about.

use contracts::{ChangeKind, Dialect};
use sqlparser::ast::{
    Expr, Insert, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, Statement, TableFactor, Values,
};

use crate::policy::{Policy, PolicyTable};
use crate::refusal::{Refusal, rule};
use crate::restrict::Mask;
use crate::{Checked, finish, lex, names, parse, walk};

/// Rows of VALUES that the preview shows at most.
const SHOWN_VALUES: usize = 100;

/// A change that may run once a person approves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedChange {
    /// Printed from the tree, with the row filter of the policy. This is what is shown, approved and run.
    pub sql: String,
    /// What it does.
    pub kind: ChangeKind,
    /// The table whose rows change, as `namespace.name`.
    pub label: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub table: String,
    /// The tables that it changes and reads, in order of appearance.
    pub tables: Vec<String>,
    /// The query for the rows: as they are, or as they would be added. With the rules and the row limit of the policy.
    pub preview: Checked,
    /// How many rows it concerns.
    pub affected: Affected,
}

/// How many rows a change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affected {
    /// So many stand in it.
    Rows(u64),
    /// This query counts them, in its one cell.
    Counted(String),
}

/// Whether a statement wants to be a change.
pub fn is_change(sql: &str, dialect: Dialect) -> bool {
    lex::begins_change(sql, dialect)
}

/// Checks one change against a policy.
pub fn check_change(sql: &str, policy: &Policy) -> Result<CheckedChange, Refusal> {
    let dialect = policy.dialect();
    let written = parse::change(sql, dialect)?;
    let mut change = written.clone();
    let target = walk::change(&mut change, policy)?;
    let sql = parse::print_change(&change, dialect)?;
    let (preview, counted) = match written {
        Statement::Insert(insert) => added(&insert, dialect)?,
        Statement::Update(update) => matching(&update.table.relation, target.table, update.selection, dialect)?,
        Statement::Delete(delete) => matching(first_of(&delete.from)?, target.table, delete.selection, dialect)?,
        _ => return Err(Refusal::unsupported("This kind of change")),
    };
    Ok(CheckedChange {
        sql,
        kind: target.kind,
        label: target.table.label(),
        namespace: target.table.namespace.clone(),
        table: target.table.name.clone(),
        tables: target.touched,
        preview: finish(preview, policy)?,
        affected: match counted {
            Count::Known(rows) => Affected::Rows(rows),
            Count::Asked(query) => Affected::Counted(finish(*query, policy)?.sql),
        },
    })
}

/// Whether who is under the policy `own` may see all that somebody else's change shows and does: by their own rules it is
/// the same change with the same rows, or the change without any rule. `bare` is the policy without rules.
pub fn sees_change(
    statement: &str,
    sql: &str,
    preview_sql: &str,
    own: &Policy,
    bare: &Policy,
) -> Result<bool, Refusal> {
    let own = check_change(statement, &own.clone().with_row_limit(None))?;
    let bare = check_change(statement, &bare.clone().with_row_limit(None))?;
    let is_bare = own.sql == bare.sql && own.preview.sql == bare.preview.sql;
    Ok(is_bare || (own.sql == sql && own.preview.sql == preview_sql))
}

enum Count {
    Known(u64),
    Asked(Box<Query>),
}

fn first_of(from: &sqlparser::ast::FromTable) -> Result<&TableFactor, Refusal> {
    use sqlparser::ast::FromTable::{WithFromKeyword, WithoutKeyword};
    let (WithFromKeyword(tables) | WithoutKeyword(tables)) = from;
    tables.first().map(|table| &table.relation).ok_or_else(|| Refusal::unsupported("DELETE without a table"))
}

/// The rows that match: the condition as it was written, in a query that goes the way of all queries.
fn matching(
    relation: &TableFactor,
    table: &PolicyTable,
    condition: Option<Expr>,
    dialect: Dialect,
) -> Result<(Query, Count), Refusal> {
    let query = |list: &str| {
        let mut query = parse::query(&format!("SELECT {list} FROM {PLACE}"), dialect)?;
        if let Some(select) = select_of(&mut query) {
            select.selection.clone_from(&condition);
            select.from.iter_mut().for_each(|from| from.relation = relation.clone());
        }
        Ok::<_, Refusal>(query)
    };
    Ok((query(&shown(table, dialect))?, Count::Asked(Box::new(query("COUNT(*) AS affected")?))))
}

/// Stands for what the tree gets in its place.
const PLACE: &str = "place";

/// The columns that the role may see.
fn shown(table: &PolicyTable, dialect: Dialect) -> String {
    let visible = table.columns.iter().filter(|column| table.masks.get(*column) != Some(&Mask::Refuse));
    let quoted: Vec<String> = visible.map(|column| names::quoted(dialect, column).to_string()).collect();
    if quoted.is_empty() { "*".to_owned() } else { quoted.join(", ") }
}

/// The rows that would be added.
fn added(insert: &Insert, dialect: Dialect) -> Result<(Query, Count), Refusal> {
    let names: Vec<String> = insert.columns.iter().map(ToString::to_string).collect();
    let Some(source) = &insert.source else {
        return Err(Refusal::unsupported("INSERT without VALUES or SELECT"));
    };
    if let SetExpr::Values(values) = &*source.body {
        return Ok((values_as_query(values, &names, dialect)?, Count::Known(values.rows.len() as u64)));
    }
    let mut rows = (**source).clone();
    name_columns(&mut rows, &names, dialect)?;
    let mut count = parse::query(&format!("SELECT COUNT(*) AS affected FROM (SELECT 1) AS {PLACE}"), dialect)?;
    if let Some(select) = select_of(&mut count) {
        for from in &mut select.from {
            if let TableFactor::Derived { subquery, .. } = &mut from.relation {
                **subquery = rows.clone();
            }
        }
    }
    Ok((rows, Count::Asked(Box::new(count))))
}

/// VALUES under the names of the columns. PostgreSQL finds the type of a column over all rows of VALUES alone; the others
/// have no VALUES whose columns can be named.
fn values_as_query(values: &Values, names: &[String], dialect: Dialect) -> Result<Query, Refusal> {
    let rows = values.rows.iter().take(SHOWN_VALUES).map(|row| row.content.as_slice());
    if dialect == Dialect::Postgres {
        let text = format!("SELECT * FROM (VALUES (1)) AS {PLACE} ({})", names.join(", "));
        let mut query = parse::query(&text, dialect)?;
        if let Some(select) = select_of(&mut query)
            && let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|from| &mut from.relation)
            && let SetExpr::Values(shown) = &mut *subquery.body
        {
            shown.rows = values.rows.iter().take(SHOWN_VALUES).cloned().collect();
        }
        return Ok(query);
    }
    let mut query = parse::query("SELECT 1", dialect)?;
    let mut body: Option<SetExpr> = None;
    for row in rows {
        let next = row_as_select(row, names, dialect)?;
        body = Some(match body {
            None => next,
            Some(left) => SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                left: Box::new(left),
                right: Box::new(next),
            },
        });
    }
    let Some(body) = body else {
        return Err(Refusal::new(rule::SYNTAX, "VALUES has no row."));
    };
    *query.body = body;
    Ok(query)
}

fn row_as_select(row: &[Expr], names: &[String], dialect: Dialect) -> Result<SetExpr, Refusal> {
    let list: Vec<String> = names.iter().map(|name| format!("1 AS {name}")).collect();
    let mut query = parse::query(&format!("SELECT {}", list.join(", ")), dialect)?;
    if let Some(select) = select_of(&mut query) {
        for (item, value) in select.projection.iter_mut().zip(row) {
            if let SelectItem::ExprWithAlias { expr, .. } = item {
                *expr = value.clone();
            }
        }
    }
    Ok(*query.body)
}

/// Gives the columns of a SELECT the names of those that they go into.
fn name_columns(query: &mut Query, names: &[String], dialect: Dialect) -> Result<(), Refusal> {
    let Some(select) = select_of(query) else { return Ok(()) };
    let plain = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
    if !select.projection.iter().all(plain) {
        return Ok(());
    }
    if select.projection.len() != names.len() {
        let message = format!(
            "The SELECT gives {} columns, and {} are named to take them.",
            select.projection.len(),
            names.len()
        );
        return Err(Refusal::new(rule::SYNTAX, message));
    }
    for (item, name) in select.projection.iter_mut().zip(names) {
        if let SelectItem::UnnamedExpr(expr) = item {
            let mut alias = parse::query(&format!("SELECT 1 AS {name}"), dialect)?;
            if let Some(SelectItem::ExprWithAlias { alias, .. }) =
                select_of(&mut alias).and_then(|select| select.projection.pop())
            {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
    }
    Ok(())
}

fn select_of(query: &mut Query) -> Option<&mut Select> {
    match &mut *query.body {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}
