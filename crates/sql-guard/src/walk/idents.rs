//! Identifiers: how they are written, and what they must not be.

use contracts::Dialect;
use sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart};

use super::scope::{self, Columns, Meaning};
use super::{Verdict, Walk, literals};
use crate::functions;
use crate::names;
use crate::refusal::{Refusal, rule};

/// Columns that every table of PostgreSQL has.
const SYSTEM_COLUMNS: [&str; 7] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid"];

impl Walk<'_> {
    /// Puts an identifier in a spelling that cannot be read in two ways.
    pub(super) fn ident(&mut self, ident: &mut Ident) -> Verdict {
        match ident.quote_style {
            Some('[') if ident.value.contains(']') => {
                Err(Refusal::new(rule::SYNTAX, "A name in [ ] must not contain ]. Quote it with backticks."))
            }
            Some('[') => {
                ident.value = ident.value.replace('`', "``");
                ident.quote_style = Some('`');
                Ok(())
            }
            Some('\'') if self.dialect == Dialect::Postgres => {
                let message = format!("'{}' is a string, not a name. Put names in double quotes.", ident.value);
                Err(Refusal::new(rule::SYNTAX, message))
            }
            None | Some(_) => Ok(()),
        }
    }

    pub(super) fn object_name(&mut self, name: &mut ObjectName) -> Verdict {
        name.0.iter_mut().try_for_each(|part| match part {
            ObjectNamePart::Identifier(ident) => self.ident(ident),
            ObjectNamePart::Function(_) => Err(Refusal::unsupported("A computed name")),
        })
    }

    /// A name that stands alone in an expression.
    pub(super) fn bare_name(&mut self, expr: &mut Expr) -> Verdict {
        let Expr::Identifier(ident) = expr else {
            return Ok(());
        };
        self.ident(ident)?;
        if ident.quote_style.is_none() && functions::is_bare_function(self.dialect, &ident.value.to_lowercase()) {
            return Err(super::function::unknown(&ident.value));
        }
        if self.dialect != Dialect::Sqlite || ident.quote_style != Some('"') {
            return Ok(());
        }
        let written = names::meaning(self.dialect, ident);
        match scope::meaning(&self.scopes, &written) {
            Meaning::Name => {}
            Meaning::Renamed(name) => ident.value = name.replace('"', "\"\""),
            Meaning::Text => *expr = Expr::Value(literals::text(&written).into()),
        }
        Ok(())
    }

    /// A name with the name of its table in front.
    pub(super) fn qualified_name(&mut self, parts: &mut [Ident]) -> Verdict {
        for part in parts.iter_mut() {
            self.ident(part)?;
        }
        match parts {
            [.., source, column] => self.refuse_function_of_row(source, column),
            _ => Ok(()),
        }
    }

    /// PostgreSQL reads `t.f` as `f(t)` when `t` has no column `f`.
    pub(super) fn refuse_function_of_row(&self, source: &Ident, column: &Ident) -> Verdict {
        if self.dialect != Dialect::Postgres {
            return Ok(());
        }
        let called = names::meaning(self.dialect, source);
        let name = names::meaning(self.dialect, column);
        let sources = self.scopes.iter().rev().flat_map(|scope| &scope.sources);
        let Some(known) =
            sources.filter(|source| source.name.as_deref() == Some(&called)).map(|source| &source.columns).next()
        else {
            return Ok(());
        };
        let (Columns::Table(table), Some(columns)) = (known, known.names()) else {
            return Ok(());
        };
        if SYSTEM_COLUMNS.contains(&name.as_str()) || columns.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            return Ok(());
        }
        let near = names::near(&name, columns.iter().map(String::as_str));
        let hint = match near.as_slice() {
            [] => format!("Its columns are: {}.", columns.join(", ")),
            near => format!("Did you mean {}?", near.join(" or ")),
        };
        let message = format!("The table {} has no column {column}. {hint}", table.label());
        Err(Refusal::new(rule::UNKNOWN_COLUMN, message))
    }
}
