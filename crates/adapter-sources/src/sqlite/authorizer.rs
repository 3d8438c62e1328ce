//! What SQLite itself lets a guarded statement do: its authorizer is asked about every table, column and function
//! while the statement is compiled, and whatever is not named here is refused.

use ports::source::Reads;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Table-valued functions of SQLite that read nothing but their arguments.
const OVER_ARGUMENTS: [&str; 4] = ["json_each", "json_tree", "jsonb_each", "jsonb_tree"];
/// Functions that load code, touch files or write to the log.
const FUNCTIONS: [&str; 7] =
    ["load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "sqlite_log", "sqlite_offset"];
/// Parts that a full-text or r-tree table keeps its data in.
const PARTS: [&str; 10] =
    ["content", "data", "idx", "docsize", "config", "segments", "segdir", "stat", "node", "rowid"];

/// Columns by table, as one view reads them.
pub(super) type Columns = HashMap<String, HashSet<String>>;

/// What a guarded statement may read.
#[derive(Clone, Default)]
pub(super) struct Scope {
    /// `None`: every table of the file.
    pub(super) reads: Option<Arc<Reads>>,
    /// What the listed views read, by view. A statement may read it only through them.
    pub(super) views: HashMap<String, Columns>,
    /// Listed tables that keep their data in others.
    pub(super) virtual_tables: Vec<String>,
}

impl Scope {
    pub(super) fn allow(&self, asked: AuthContext<'_>) -> Authorization {
        let allowed = match asked.action {
            AuthAction::Select | AuthAction::Recursive => true,
            AuthAction::Function { function_name } => {
                !FUNCTIONS.iter().any(|name| name.eq_ignore_ascii_case(function_name))
            }
            AuthAction::Read { table_name, column_name } => {
                asked.database_name.is_none_or(|database| database == "main")
                    && self.may_read(table_name, column_name, asked.accessor)
            }
            // A full-text table asks it whether the file has changed.
            AuthAction::Pragma { pragma_name, pragma_value: None } => pragma_name.eq_ignore_ascii_case("data_version"),
            _ => false,
        };
        if allowed { Authorization::Allow } else { Authorization::Deny }
    }

    fn may_read(&self, table: &str, column: &str, accessor: Option<&str>) -> bool {
        if is_own(table) {
            return false;
        }
        let Some(reads) = &self.reads else { return true };
        reads.allow(None, table)
            || OVER_ARGUMENTS.contains(&table)
            || self.is_part(table)
            || accessor.is_some_and(|view| self.through(view, table, column))
    }

    /// The name of a common table may be that of a view, so that only what the view reads counts.
    fn through(&self, view: &str, table: &str, column: &str) -> bool {
        let columns = self.views.get(&view.to_lowercase()).and_then(|tables| tables.get(&table.to_lowercase()));
        columns.is_some_and(|columns| column.is_empty() || columns.contains(&column.to_lowercase()))
    }

    fn is_part(&self, table: &str) -> bool {
        self.virtual_tables.iter().any(|whole| {
            let part = table.strip_prefix(whole.as_str()).and_then(|rest| rest.strip_prefix('_'));
            part.is_some_and(|part| PARTS.contains(&part))
        })
    }
}

/// SQLite's catalog, statistics and settings as tables.
fn is_own(table: &str) -> bool {
    let name = table.to_ascii_lowercase();
    name.starts_with("sqlite_") || name.starts_with("pragma_") || name == "dbstat"
}

/// The read of a column, noted for a view.
pub(super) fn note(columns: &mut Columns, asked: &AuthContext<'_>) {
    if let AuthAction::Read { table_name, column_name } = asked.action {
        columns.entry(table_name.to_lowercase()).or_default().insert(column_name.to_lowercase());
    }
}
