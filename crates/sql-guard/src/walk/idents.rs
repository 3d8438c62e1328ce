//! Identifiers: how they are written, and what they must not be.

use contracts::Dialect;
use sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart};

use super::scope::{self, Meaning};
use super::{Verdict, Walk, literals};
use crate::functions;
use crate::names;
use crate::refusal::{Refusal, rule};

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
        let written = names::meaning(self.dialect, ident);
        if self.dialect != Dialect::Sqlite || ident.quote_style != Some('"') {
            return self.bare_column(&written);
        }
        self.refuse_hidden(&written)?;
        match scope::meaning(&self.scopes, &written) {
            Meaning::Name => {}
            Meaning::Renamed(name) => ident.value = name.replace('"', "\"\""),
            Meaning::Text => *expr = Expr::Value(literals::text(&written).into()),
        }
        Ok(())
    }

    /// A name with the name of its table in front.
    pub(super) fn qualified_name(&mut self, parts: &mut Vec<Ident>) -> Verdict {
        for part in parts.iter_mut() {
            self.ident(part)?;
        }
        if let [.., source, column] = parts.as_slice() {
            self.qualified_column(source, column)?;
            self.drop_namespace(parts, 2);
        }
        Ok(())
    }

    /// A table that a rule replaces is a subquery, which has no namespace.
    fn drop_namespace<T: AsName>(&self, parts: &mut Vec<T>, kept: usize) {
        let Some(extra) = parts.len().checked_sub(kept).filter(|extra| *extra > 0) else {
            return;
        };
        let called = parts[extra].as_name().map(|ident| names::meaning(self.dialect, ident));
        if called.is_some_and(|called| self.is_replaced(&called)) {
            parts.drain(..extra);
        }
    }

    /// `namespace.table.*`
    pub(super) fn all_columns(&mut self, name: &mut ObjectName) -> Verdict {
        self.object_name(name)?;
        self.refuse_closed_row(name)?;
        self.drop_namespace(&mut name.0, 1);
        Ok(())
    }
}

/// A part of a name that may be an identifier.
trait AsName {
    fn as_name(&self) -> Option<&Ident>;
}

impl AsName for Ident {
    fn as_name(&self) -> Option<&Ident> {
        Some(self)
    }
}

impl AsName for ObjectNamePart {
    fn as_name(&self) -> Option<&Ident> {
        self.as_ident()
    }
}
