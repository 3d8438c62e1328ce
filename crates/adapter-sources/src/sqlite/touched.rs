//! What a change may do: the rows of one table, and what the file's own triggers and foreign keys do then.
//!
//! SQLite names the trigger that an action stands in, but a common table expression can have the same name. So a trigger may
//! do what it does in a plain change of the table, and no more.

use super::authorizer::Scope;
use super::session::{Session, failed};
use crate::cell::as_text;
use contracts::ChangeKind;
use ports::source::{Change, Error};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Columns that can be assigned.
const COLUMNS: &str = "SELECT name FROM pragma_table_xinfo(";

/// An action on a table, in lower case: what, where, on which column, in which trigger.
type Deed = (&'static str, String, String, Option<String>);

/// What a plain change of a table does by itself.
pub(super) struct Allowed {
    scope: Scope,
    kind: ChangeKind,
    table: String,
    deeds: HashSet<Deed>,
}

impl Allowed {
    pub(super) fn of(session: &Session, asked: &Change) -> Result<Self, Error> {
        let scope = session.scope(Some(asked.reads.clone()))?;
        let deeds = deeds_of(session, asked)?;
        Ok(Self { scope, kind: asked.kind, table: asked.table.clone(), deeds })
    }

    pub(super) fn allow(&self, asked: AuthContext<'_>) -> Authorization {
        let noted = deed(&asked).is_some_and(|deed| {
            let reads = deed.0 == "read";
            (reads || deed.3.is_some()) && self.deeds.contains(&deed)
        });
        if noted || self.is_the_change(&asked) { Authorization::Allow } else { self.scope.allow(asked) }
    }

    fn is_the_change(&self, asked: &AuthContext<'_>) -> bool {
        let (kind, table) = match asked.action {
            AuthAction::Insert { table_name } => (ChangeKind::Insert, table_name),
            AuthAction::Update { table_name, .. } => (ChangeKind::Update, table_name),
            AuthAction::Delete { table_name } => (ChangeKind::Delete, table_name),
            _ => return false,
        };
        asked.accessor.is_none() && kind == self.kind && table.eq_ignore_ascii_case(&self.table)
    }
}

fn deed(asked: &AuthContext<'_>) -> Option<Deed> {
    let (what, table, column) = match asked.action {
        AuthAction::Insert { table_name } => ("insert", table_name, ""),
        AuthAction::Delete { table_name } => ("delete", table_name, ""),
        AuthAction::Update { table_name, column_name } => ("update", table_name, column_name),
        AuthAction::Read { table_name, column_name } => ("read", table_name, column_name),
        _ => return None,
    };
    Some((what, table.to_lowercase(), column.to_lowercase(), asked.accessor.map(str::to_lowercase)))
}

/// Compiles a plain change of the table, which runs nothing, and notes what it would do.
fn deeds_of(session: &Session, asked: &Change) -> Result<HashSet<Deed>, Error> {
    let sql = plain(session, asked)?;
    let noted = Arc::new(Mutex::new(HashSet::new()));
    let notes = noted.clone();
    let watch = move |asked: AuthContext<'_>| {
        notes.lock().unwrap_or_else(PoisonError::into_inner).extend(deed(&asked));
        Authorization::Allow
    };
    session.connection.authorizer(Some(watch)).map_err(failed)?;
    if let Err(error) = session.connection.prepare(&sql) {
        tracing::debug!(%error, "a plain change of a table cannot be compiled");
    }
    session.connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).map_err(failed)?;
    Ok(std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner)))
}

fn plain(session: &Session, asked: &Change) -> Result<String, Error> {
    let table = quoted(&asked.table);
    Ok(match asked.kind {
        ChangeKind::Insert => format!("INSERT INTO {table} DEFAULT VALUES"),
        ChangeKind::Delete => format!("DELETE FROM {table} WHERE 0"),
        ChangeKind::Update => {
            let name = asked.table.replace('\'', "''");
            let columns = session.rows(&format!("{COLUMNS}'{name}') WHERE hidden = 0"))?;
            let columns = columns.iter().filter_map(|row| as_text(row.first()?));
            let assigned = columns.map(|column| format!("{0} = {0}", quoted(&column)));
            format!("UPDATE {table} SET {} WHERE 0", assigned.collect::<Vec<_>>().join(", "))
        }
    })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
