//! Which columns there are. In PostgreSQL a field that is no column is a call of the function of that name, whatever
//! stands before the dot: `(path).pg_read_file` reads a file.

use contracts::Dialect;
use sqlparser::ast::{AccessExpr, Expr, Ident, ObjectName};

use super::scope::{Columns, Source};
use super::{Verdict, Walk};
use crate::functions;
use crate::names;
use crate::refusal::{Refusal, rule};

/// Columns that every table of PostgreSQL has.
const SYSTEM_COLUMNS: [&str; 7] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid"];
/// Columns that every table of SQLite has.
const ROW_IDS: [&str; 3] = ["rowid", "_rowid_", "oid"];
/// Fields of the rows that functions of PostgreSQL and ROW() give. None of them is a function.
const ROW_FIELDS: [&str; 4] = ["key", "value", "ordinality", "f"];

impl Walk<'_> {
    /// Refuses a column that its table does not have, or that the policy hides.
    pub(super) fn qualified_column(&self, source: &Ident, column: &Ident) -> Verdict {
        let called = names::meaning(self.dialect, source);
        let name = names::meaning(self.dialect, column);
        match self.source_called(&called) {
            Some(source) => self.column_of(source, &called, &name),
            None if self.dialect == Dialect::Postgres => Err(self.no_such_source(&called)),
            None => Ok(()),
        }
    }

    fn source_called(&self, called: &str) -> Option<&Source<'_>> {
        let same = |name: &str| match self.dialect {
            Dialect::Postgres => name == called,
            Dialect::Sqlite | Dialect::Mysql => name.eq_ignore_ascii_case(called),
        };
        let sources = self.scopes.iter().rev().flat_map(|scope| &scope.sources);
        sources.into_iter().find(|source| source.name.as_deref().is_some_and(same))
    }

    /// Whether the table of this name was replaced by a rule.
    pub(super) fn is_replaced(&self, called: &str) -> bool {
        self.source_called(called).is_some_and(|source| source.restriction.is_some())
    }

    /// A quoted name that only a hidden column has would become a string.
    pub(super) fn refuse_hidden(&self, name: &str) -> Verdict {
        let mut sources = self.scopes.iter().rev().flat_map(|scope| &scope.sources);
        match sources.find(|source| source.hides(name) || source.has(name) == Some(true)) {
            Some(source) if source.hides(name) => Err(hidden(name)),
            Some(_) | None => Ok(()),
        }
    }

    /// A column of MATCH … AGAINST.
    pub(super) fn matched_column(&mut self, column: &mut ObjectName) -> Verdict {
        self.object_name(column)?;
        match names::parts(column).unwrap_or_default().as_slice() {
            [name] => self.bare_column(&names::meaning(self.dialect, name)),
            [.., source, name] => self.qualified_column(source, name),
            [] => Ok(()),
        }
    }

    /// Refuses a word that would be read as a closed column.
    pub(super) fn refuse_closed(&self, word: &str) -> Verdict {
        let mut sources = self.scopes.iter().flat_map(|scope| &scope.sources);
        match sources.any(|source| source.closed.iter().any(|closed| closed.eq_ignore_ascii_case(word))) {
            true => Err(hidden(word)),
            false => Ok(()),
        }
    }

    /// Refuses all columns of a table some of which are closed.
    pub(super) fn refuse_closed_row(&self, source: &ObjectName) -> Verdict {
        let called = source.0.last().and_then(|part| part.as_ident()).map(|ident| names::meaning(self.dialect, ident));
        match called.and_then(|called| self.source_called(&called)).and_then(|source| source.closed.first()) {
            Some(closed) => Err(hidden(closed)),
            None => Ok(()),
        }
    }

    fn no_such_source(&self, called: &str) -> Refusal {
        let sources = self.scopes.iter().flat_map(|scope| &scope.sources);
        let near = names::near(called, sources.filter_map(|source| source.name.as_deref()));
        let hint = match near.as_slice() {
            [] => "Name columns by a table or an alias that stands in FROM.".to_owned(),
            near => format!("Did you mean {}?", near.join(" or ")),
        };
        Refusal::new(rule::UNKNOWN_COLUMN, format!("Nothing in FROM is called {called}. {hint}"))
    }

    fn column_of(&self, source: &Source, called: &str, name: &str) -> Verdict {
        if source.hides(name) {
            return Err(hidden(name));
        }
        if let Columns::Function = source.columns
            && self.dialect == Dialect::Postgres
            && !is_row_field(name)
        {
            let message = format!("The columns of {called} are not known. Name them: {called} (a, b).");
            return Err(Refusal::new(rule::UNKNOWN_COLUMN, message));
        }
        let Some(names) = source.columns.names() else {
            return Ok(());
        };
        if source.has(name) == Some(true) || self.is_system_column(source, name) {
            return Ok(());
        }
        Err(unknown_column(&format!("{called} has no column {name}."), name, names))
    }

    fn is_system_column(&self, source: &Source, name: &str) -> bool {
        let named = |columns: &[&str]| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        match self.dialect {
            Dialect::Postgres => {
                matches!(source.columns, Columns::Table(_)) && source.restriction.is_none() && named(&SYSTEM_COLUMNS)
            }
            Dialect::Sqlite => source.restriction.is_none() && named(&ROW_IDS),
            Dialect::Mysql => false,
        }
    }

    /// A column without its table. What the database would look for elsewhere is let through.
    pub(super) fn bare_column(&self, name: &str) -> Verdict {
        let mut known: Vec<&String> = Vec::new();
        for scope in self.scopes.iter().rev() {
            if scope.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name)) {
                return Ok(());
            }
            for source in &scope.sources {
                let is_row = source.name.as_deref().is_some_and(|source| source.eq_ignore_ascii_case(name));
                match source.has(name) {
                    // The whole row holds the closed columns too.
                    Some(false) if is_row && !source.closed.is_empty() => return Err(hidden(name)),
                    None | Some(true) => return Ok(()),
                    Some(false) if is_row || self.is_system_column(source, name) => return Ok(()),
                    Some(false) => known.extend(source.columns.names().unwrap_or_default()),
                }
            }
        }
        let mut sources = self.scopes.iter().flat_map(|scope| &scope.sources).peekable();
        if sources.peek().is_none() {
            return Ok(());
        }
        if sources.any(|source| source.hides(name)) {
            return Err(hidden(name));
        }
        let names: Vec<String> = known.into_iter().cloned().collect();
        Err(unknown_column(&format!("There is no column {name}."), name, &names))
    }

    /// The parts of a value: `(row).field`, `(array)[1]`.
    pub(super) fn fields(&self, root: &Expr, chain: &[AccessExpr]) -> Verdict {
        let mut rest = chain;
        if let (Some(row), [AccessExpr::Dot(Expr::Identifier(field)), following @ ..]) = (row_name(root), chain)
            && self.source_called(&names::meaning(self.dialect, row)).is_some()
        {
            self.qualified_column(row, field)?;
            rest = following;
        }
        for access in rest {
            if let AccessExpr::Dot(Expr::Identifier(field)) = access {
                self.field_of_value(&names::meaning(self.dialect, field))?;
            }
        }
        Ok(())
    }

    /// A field whose row is not known is allowed where it can be no forbidden function.
    fn field_of_value(&self, field: &str) -> Verdict {
        if is_row_field(field) || self.policy.allows_function(field) {
            return Ok(());
        }
        let message = format!(
            "The field {field} of a value cannot be told from a call of the function {field}. Write the query without it."
        );
        Err(Refusal::new(rule::UNKNOWN_COLUMN, message))
    }
}

/// `key`, `value`, `f1`.
fn is_row_field(name: &str) -> bool {
    ROW_FIELDS.contains(&name.trim_end_matches(|ch: char| ch.is_ascii_digit()))
}

/// The name of the row in `(t).field`.
fn row_name(root: &Expr) -> Option<&Ident> {
    match root {
        Expr::Nested(inner) => row_name(inner),
        Expr::Identifier(name) => Some(name),
        _ => None,
    }
}

pub(super) fn hidden(name: &str) -> Refusal {
    let message = format!("The column {name} may not be read by your role. Write the query without it.");
    Refusal::new(rule::HIDDEN_COLUMN, message)
}

fn unknown_column(what: &str, name: &str, columns: &[String]) -> Refusal {
    let near = names::near(name, columns.iter().map(String::as_str));
    let hint = match near.as_slice() {
        [] => format!("The columns are: {}.", columns.iter().take(40).cloned().collect::<Vec<_>>().join(", ")),
        near => format!("Did you mean {}?", near.join(" or ")),
    };
    Refusal::new(rule::UNKNOWN_COLUMN, format!("{what} {hint}"))
}

/// The columns of a function in PostgreSQL's FROM.
pub(super) fn of_function<'p>(called: &str, alias: Option<&str>, ordinality: bool) -> Columns<'p> {
    let mut names: Vec<String> = match functions::row_fields(called) {
        Some(fields) => fields.iter().map(|field| (*field).to_owned()).collect(),
        None if functions::gives_any_row(called) => return Columns::Function,
        None => alias.into_iter().chain([called]).map(str::to_owned).collect(),
    };
    if ordinality {
        names.push("ordinality".to_owned());
    }
    Columns::Listed(names.into())
}
