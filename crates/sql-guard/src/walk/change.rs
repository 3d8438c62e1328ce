//! INSERT, UPDATE and DELETE on one table. The table stands there itself, without the rule that replaces it in a query: so
//! columns that the rule hides or masks are closed, and its row filter becomes part of the condition.

use std::ops::ControlFlow;

use contracts::{ChangeKind, Dialect};
use sqlparser::ast::{
    Assignment, AssignmentTarget, BinaryOperator, Delete, Expr, FromTable, Ident, Insert, ObjectName, Query, SetExpr,
    Statement, TableFactor, TableObject, TableWithJoins, Update, Values, visit_expressions,
};

use super::columns::hidden;
use super::from::as_alias;
use super::replace::bound;
use super::scope::{Columns, Scope, Source};
use super::{Verdict, Walk, absent, empty, growth, unset};
use crate::names;
use crate::policy::{Policy, PolicyTable};
use crate::refusal::{Refusal, rule};

/// What a change is about.
pub struct Target<'p> {
    pub kind: ChangeKind,
    pub table: &'p PolicyTable,
    /// The labels of the tables that it changes and reads.
    pub touched: Vec<String>,
}

/// Checks the change against the policy and normalises it.
pub fn change<'p>(statement: &mut Statement, policy: &'p Policy) -> Result<Target<'p>, Refusal> {
    let mut walk = Walk::new(policy);
    let (kind, table) = match statement {
        Statement::Insert(insert) => (ChangeKind::Insert, walk.insert(insert)?),
        Statement::Update(update) => (ChangeKind::Update, walk.update(update)?),
        Statement::Delete(delete) => (ChangeKind::Delete, walk.delete(delete)?),
        _ => return Err(Refusal::unsupported("This kind of change")),
    };
    growth::check(statement, policy.dialect())?;
    Ok(Target { kind, table, touched: walk.touched })
}

impl<'p> Walk<'p> {
    fn insert(&mut self, insert: &mut Insert) -> Result<&'p PolicyTable, Refusal> {
        refuse_clauses_of_insert(insert)?;
        insert.optimizer_hints.clear();
        insert.into = true;
        let Insert { table, columns, source, .. } = insert;
        let TableObject::TableName(name) = table else {
            return Err(Refusal::unsupported("INSERT into something that is no table"));
        };
        let (table, _) = self.target(name)?;
        self.refuse_filtered(table)?;
        if columns.is_empty() {
            return Err(Refusal::new(rule::SYNTAX, "Name the columns: INSERT INTO table (a, b) VALUES (1, 2)."));
        }
        let named = columns.iter_mut().map(|column| self.written(table, column)).collect::<Result<Vec<_>, _>>()?;
        refuse_twice(&named)?;
        let Some(source) = source else {
            return Err(Refusal::unsupported("INSERT without VALUES or SELECT"));
        };
        refuse_odd_source(source, named.len())?;
        self.query(source)?;
        Ok(table)
    }

    fn update(&mut self, update: &mut Update) -> Result<&'p PolicyTable, Refusal> {
        let Update {
            update_token: _,
            optimizer_hints,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        optimizer_hints.clear();
        absent(from, "FROM in an UPDATE")?;
        absent(returning, "RETURNING")?;
        absent(output, "OUTPUT")?;
        absent(or, "UPDATE OR …")?;
        empty(order_by, "ORDER BY in an UPDATE")?;
        absent(limit, "LIMIT in an UPDATE")?;
        let (table, source) = self.changed_table(table)?;
        let named = self.within(Scope { sources: vec![source], aliases: Vec::new() }, |walk| {
            walk.condition_of(selection)?;
            assignments.iter_mut().map(|assignment| walk.assignment(table, assignment)).collect::<Result<Vec<_>, _>>()
        })?;
        refuse_twice(&named)?;
        self.stays_inside(table, &named)?;
        self.add_filter(table, selection)?;
        Ok(table)
    }

    fn delete(&mut self, delete: &mut Delete) -> Result<&'p PolicyTable, Refusal> {
        let Delete {
            delete_token: _,
            optimizer_hints,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = delete;
        optimizer_hints.clear();
        empty(tables, "DELETE from several tables")?;
        absent(using, "USING in a DELETE")?;
        absent(returning, "RETURNING")?;
        absent(output, "OUTPUT")?;
        empty(order_by, "ORDER BY in a DELETE")?;
        absent(limit, "LIMIT in a DELETE")?;
        let FromTable::WithFromKeyword(from) = from else {
            return Err(Refusal::unsupported("DELETE without FROM"));
        };
        let [only] = from.as_mut_slice() else {
            return Err(Refusal::unsupported("DELETE from several tables"));
        };
        let (table, source) = self.changed_table(only)?;
        if let (Dialect::Mysql, TableFactor::Table { alias: Some(_), .. }) = (self.dialect, &only.relation) {
            return Err(Refusal::unsupported("An alias in a DELETE"));
        }
        self.within(Scope { sources: vec![source], aliases: Vec::new() }, |walk| walk.condition_of(selection))?;
        self.add_filter(table, selection)?;
        Ok(table)
    }

    /// The one table of an UPDATE or DELETE, and what its condition sees of it.
    fn changed_table(&mut self, changed: &mut TableWithJoins) -> Result<(&'p PolicyTable, Source<'p>), Refusal> {
        let TableWithJoins { relation, joins } = changed;
        empty(joins, "A join in a change")?;
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } = relation
        else {
            return Err(Refusal::unsupported("A change of something that is no table"));
        };
        absent(args, "A function as the table of a change")?;
        empty(with_hints, "WITH hints")?;
        absent(version, "A version of a table")?;
        unset(*with_ordinality, "WITH ORDINALITY")?;
        empty(partitions, "PARTITION in a change")?;
        absent(json_path, "A path into a table")?;
        absent(sample, "TABLESAMPLE in a change")?;
        empty(index_hints, "Index hints in a change")?;
        let (table, called) = self.target(name)?;
        if let (Some(called), None) = (called, &alias) {
            *alias = Some(as_alias(called));
        }
        let mut calling =
            name.0.last().and_then(|part| part.as_ident()).map(|ident| names::meaning(self.dialect, ident));
        if let Some(alias) = alias {
            empty(&alias.columns, "Names of columns after an alias")?;
            self.alias(alias)?;
            calling = Some(names::meaning(self.dialect, &alias.name));
        }
        let closed: Vec<String> = table.masks.keys().cloned().collect();
        let columns = match closed.is_empty() {
            true => Columns::Table(table),
            false => Columns::Listed(open_columns(table).cloned().collect()),
        };
        Ok((table, Source { name: calling, columns, weight: 1, closed, ..Source::default() }))
    }

    /// A change without a condition, or with one that looks at no row, is a mistake more often than not.
    fn condition_of(&mut self, selection: &mut Option<Expr>) -> Verdict {
        let Some(condition) = selection else {
            let message = "The change has no WHERE: it would concern every row. Say which rows are meant.";
            return Err(Refusal::new(rule::NO_CONDITION, message));
        };
        self.expr(condition)?;
        if !names_a_column(condition) {
            let message = "The WHERE of the change looks at no column: it would concern every row or none. Say which \
                           rows are meant.";
            return Err(Refusal::new(rule::NO_CONDITION, message));
        }
        Ok(())
    }

    /// Checks `column = value` and gives the name of the column.
    fn assignment(&mut self, table: &PolicyTable, assignment: &mut Assignment) -> Result<String, Refusal> {
        let Assignment { target, value } = assignment;
        let AssignmentTarget::ColumnName(column) = target else {
            return Err(Refusal::unsupported("A list of columns in SET"));
        };
        let name = self.written(table, column)?;
        self.expr(value)?;
        Ok(name)
    }

    /// A column that the change writes: one of the table, and open to this role.
    fn written(&mut self, table: &PolicyTable, column: &mut ObjectName) -> Result<String, Refusal> {
        self.object_name(column)?;
        let parts = names::parts(column).unwrap_or_default();
        let [ident] = parts.as_slice() else {
            return Err(Refusal::unsupported("A column with the name of its table, where it is written,"));
        };
        let name = names::meaning(self.dialect, ident);
        let same = |known: &String| match self.dialect {
            Dialect::Postgres => *known == name,
            Dialect::Sqlite | Dialect::Mysql => known.eq_ignore_ascii_case(&name),
        };
        if table.masks.keys().any(same) {
            return Err(hidden(&name));
        }
        if !table.columns.is_empty() && !table.columns.iter().any(same) {
            let columns = open_columns(table).map(String::as_str);
            let near = names::near(&name, columns.clone());
            let hint = match near.as_slice() {
                [] => format!("The columns are: {}.", columns.take(40).collect::<Vec<_>>().join(", ")),
                near => format!("Did you mean {}?", near.join(" or ")),
            };
            let message = format!("{} has no column {name}. {hint}", table.label());
            return Err(Refusal::new(rule::UNKNOWN_COLUMN, message));
        }
        Ok(name)
    }

    fn refuse_filtered(&self, table: &PolicyTable) -> Verdict {
        if table.filter.is_none() {
            return Ok(());
        }
        let message = format!(
            "Your role sees only some rows of {}, so it may add none: they could be out of its sight. Ask a manager.",
            table.label()
        );
        Err(Refusal::new(rule::POLICY, message))
    }

    /// What the row filter looks at stays as it is, so that a row stays where this role may see it.
    fn stays_inside(&self, table: &PolicyTable, written: &[String]) -> Verdict {
        let Some(filter) = self.policy.restriction(table).and_then(|restriction| restriction.condition()) else {
            return Ok(());
        };
        let looked_at = columns_named(filter, self.dialect);
        match written.iter().find(|name| looked_at.contains(&name.to_lowercase())) {
            None => Ok(()),
            Some(name) => {
                let message = format!(
                    "The column {name} decides which rows of {} your role sees, so it may not change it. Ask a manager.",
                    table.label()
                );
                Err(Refusal::new(rule::POLICY, message))
            }
        }
    }

    fn add_filter(&self, table: &PolicyTable, selection: &mut Option<Expr>) -> Verdict {
        let Some(restriction) = self.policy.restriction(table) else {
            return Ok(());
        };
        bound(restriction)?;
        let Some(filter) = restriction.condition() else {
            return Ok(());
        };
        let Some(condition) = selection.take() else {
            return Err(Refusal::new(rule::NO_CONDITION, "The change has no WHERE. Say which rows are meant."));
        };
        let part = |expr: Expr| Box::new(Expr::Nested(Box::new(expr)));
        let both = Expr::BinaryOp { left: part(condition), op: BinaryOperator::And, right: part(filter.clone()) };
        *selection = Some(both);
        Ok(())
    }
}

/// The columns that are neither hidden nor masked.
fn open_columns(table: &PolicyTable) -> impl Iterator<Item = &String> + Clone {
    table.columns.iter().filter(|column| !table.masks.contains_key(*column))
}

fn refuse_clauses_of_insert(insert: &Insert) -> Verdict {
    let Insert {
        insert_token: _,
        optimizer_hints: _,
        or,
        ignore,
        into: _,
        table: _,
        table_alias,
        columns: _,
        overwrite,
        source: _,
        assignments,
        partitioned,
        after_columns,
        has_table_keyword,
        on,
        returning,
        output,
        replace_into,
        priority,
        insert_alias,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = insert;
    absent(or, "INSERT OR …")?;
    unset(*ignore, "IGNORE")?;
    absent(table_alias, "An alias in an INSERT")?;
    unset(*overwrite, "OVERWRITE")?;
    empty(assignments, "SET in an INSERT; write (columns) VALUES (values). It")?;
    absent(partitioned, "PARTITION in a change")?;
    empty(after_columns, "Columns after PARTITION")?;
    unset(*has_table_keyword, "TABLE in an INSERT")?;
    absent(on, "ON CONFLICT and ON DUPLICATE KEY")?;
    absent(returning, "RETURNING")?;
    absent(output, "OUTPUT")?;
    unset(*replace_into, "REPLACE")?;
    absent(priority, "A priority of an INSERT")?;
    absent(insert_alias, "An alias in an INSERT")?;
    absent(settings, "SETTINGS")?;
    absent(format_clause, "FORMAT")?;
    absent(multi_table_insert_type, "INSERT into several tables")?;
    empty(multi_table_into_clauses, "INSERT into several tables")?;
    empty(multi_table_when_clauses, "INSERT into several tables")?;
    absent(multi_table_else_clause, "INSERT into several tables")
}

/// The rows of VALUES are counted as they stand there, so nothing else may stand beside them.
fn refuse_odd_source(source: &mut Query, width: usize) -> Verdict {
    let Query { with, body, order_by, limit_clause, fetch, .. } = source;
    let SetExpr::Values(Values { explicit_row, value_keyword, rows }) = &mut **body else {
        return Ok(());
    };
    absent(with, "WITH before VALUES")?;
    absent(order_by, "ORDER BY after VALUES")?;
    absent(limit_clause, "LIMIT after VALUES")?;
    absent(fetch, "FETCH after VALUES")?;
    (*explicit_row, *value_keyword) = (false, false);
    for row in rows {
        if row.content.len() != width {
            let message = format!("A row of VALUES has {} values, and {width} columns are named.", row.content.len());
            return Err(Refusal::new(rule::SYNTAX, message));
        }
        if row.content.iter().any(is_default) {
            let message = "DEFAULT among VALUES is not allowed. Leave the column out of the list of columns instead.";
            return Err(Refusal::new(rule::UNSUPPORTED, message));
        }
    }
    Ok(())
}

fn is_default(value: &Expr) -> bool {
    matches!(value, Expr::Identifier(Ident { value, quote_style: None, .. }) if value.eq_ignore_ascii_case("default"))
}

fn refuse_twice(names: &[String]) -> Verdict {
    for (at, name) in names.iter().enumerate() {
        if names[..at].iter().any(|before| before.eq_ignore_ascii_case(name)) {
            return Err(Refusal::new(rule::SYNTAX, format!("The column {name} is written twice. Write it once.")));
        }
    }
    Ok(())
}

fn names_a_column(condition: &Expr) -> bool {
    let found = visit_expressions(condition, |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// The names of the columns in a condition, in lower case.
fn columns_named(condition: &Expr, dialect: Dialect) -> Vec<String> {
    let mut found = Vec::new();
    let flow: ControlFlow<()> = visit_expressions(condition, |expr| {
        let column = match expr {
            Expr::Identifier(column) => Some(column),
            Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        found.extend(column.map(|column| names::meaning(dialect, column).to_lowercase()));
        ControlFlow::Continue(())
    });
    debug_assert!(flow.is_continue());
    found
}
