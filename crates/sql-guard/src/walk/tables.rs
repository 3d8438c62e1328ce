//! Which table a name means, decided as the database decides it.

use contracts::Dialect;
use sqlparser::ast::{Ident, ObjectName};

use super::Walk;
use super::scope::{Columns, Output};
use crate::names;
use crate::policy::PolicyTable;
use crate::refusal::{Refusal, rule};
use crate::restrict::Restriction;

/// What a name in FROM turned out to be.
pub struct Found<'p> {
    pub output: Output<'p>,
    /// The rule that replaces the table.
    pub restriction: Option<&'p Restriction>,
    /// The name was rewritten to the policy's spelling, and this is what the query calls the table by.
    pub called: Option<Ident>,
}

impl<'p> Walk<'p> {
    /// Finds the table, or refuses. A name that fits but for its case is put in the policy's spelling, and a table outside
    /// the default namespaces gets its own: what is printed cannot mean another table.
    pub(super) fn table(&mut self, name: &mut ObjectName) -> Result<Found<'p>, Refusal> {
        self.object_name(name)?;
        let (namespace, table) = self.wanted(name)?;
        if namespace.is_none()
            && let Some(output) = self.cte_named(&table)
        {
            return Ok(Found { output, restriction: None, called: None });
        }
        if self.is_dual(&names::parts(name).unwrap_or_default()) {
            return Ok(Found { output: Output::default(), restriction: None, called: None });
        }
        match self.listed(namespace.as_deref(), &table) {
            Some(found) => Ok(self.touch(name, found, namespace.is_some())),
            None => Err(self.unknown_table(&name.to_string())),
        }
    }

    /// The table whose rows change: it stands there by its name, and no rule takes its place. With what the statement
    /// calls it by, where its name was rewritten.
    pub(super) fn target(&mut self, name: &mut ObjectName) -> Result<(&'p PolicyTable, Option<Ident>), Refusal> {
        self.object_name(name)?;
        let (namespace, table) = self.wanted(name)?;
        let Some(found) = self.listed(namespace.as_deref(), &table) else {
            return Err(self.unknown_table(&name.to_string()));
        };
        let called = self.touch(name, found, namespace.is_some()).called;
        Ok((found, called))
    }

    /// The namespace and the name that are written.
    fn wanted(&self, name: &ObjectName) -> Result<(Option<String>, String), Refusal> {
        let parts = names::parts(name).unwrap_or_default();
        let mut wanted = parts.iter().map(|ident| names::meaning(self.dialect, ident));
        match (wanted.next(), wanted.next(), wanted.next()) {
            (Some(table), None, None) => Ok((None, table)),
            (Some(namespace), Some(table), None) => Ok((Some(namespace), table)),
            _ => Err(self.unknown_table(&name.to_string())),
        }
    }

    fn listed(&self, namespace: Option<&str>, table: &str) -> Option<&'p PolicyTable> {
        match namespace {
            Some(namespace) => self.qualified(namespace, table),
            None => self.unqualified(table),
        }
    }

    /// MySQL's keyword for no table at all.
    fn is_dual(&self, parts: &[&Ident]) -> bool {
        match parts {
            [name] => {
                self.dialect == Dialect::Mysql && name.quote_style.is_none() && name.value.eq_ignore_ascii_case("dual")
            }
            _ => false,
        }
    }

    fn cte_named(&self, name: &str) -> Option<Output<'p>> {
        let same = |known: &str| match self.dialect {
            Dialect::Sqlite => known.eq_ignore_ascii_case(name),
            Dialect::Postgres | Dialect::Mysql => known == name,
        };
        let visible = self.ctes.iter().rev().flatten();
        visible.filter(|cte| same(&cte.name)).map(|cte| cte.output.clone()).next()
    }

    fn same_name(&self, listed: &str, written: &str) -> bool {
        match self.dialect {
            Dialect::Sqlite => listed.eq_ignore_ascii_case(written),
            Dialect::Postgres | Dialect::Mysql => listed == written,
        }
    }

    fn qualified(&self, namespace: &str, name: &str) -> Option<&'p PolicyTable> {
        let policy = self.policy;
        let inside = |table: &&PolicyTable| match &table.namespace {
            Some(own) => own.eq_ignore_ascii_case(namespace),
            None => self.is_home(namespace),
        };
        let exact = |table: &&PolicyTable| {
            self.same_name(&table.name, name) && table.namespace.as_deref().is_none_or(|own| own == namespace)
        };
        policy.named(name).filter(inside).find(exact).or_else(|| only(policy.named(name).filter(inside)))
    }

    /// Where tables lie that the policy lists without a namespace.
    fn is_home(&self, namespace: &str) -> bool {
        match self.dialect {
            Dialect::Sqlite => namespace.eq_ignore_ascii_case("main"),
            Dialect::Postgres | Dialect::Mysql => self.policy.default_namespaces().iter().any(|home| home == namespace),
        }
    }

    fn unqualified(&self, name: &str) -> Option<&'p PolicyTable> {
        let policy = self.policy;
        let default = |table: &&PolicyTable| self.is_default(table);
        let exact = policy.named(name).filter(default).find(|table| self.same_name(&table.name, name));
        exact.or_else(|| only(policy.named(name).filter(default))).or_else(|| only(policy.named(name)))
    }

    fn is_default(&self, table: &PolicyTable) -> bool {
        table.namespace.as_ref().is_none_or(|own| self.policy.default_namespaces().contains(own))
    }

    fn touch(&mut self, name: &mut ObjectName, found: &'p PolicyTable, qualified: bool) -> Found<'p> {
        let label = found.label();
        if !self.touched.contains(&label) {
            self.touched.push(label);
        }
        let restriction = self.policy.restriction(found);
        let columns = match restriction {
            Some(restriction) if restriction.hides_any() => Columns::Listed(restriction.visible()),
            Some(_) | None => Columns::Table(found),
        };
        let called = self.respell(name, found, qualified);
        Found { output: Output { columns, weight: 1 }, restriction, called }
    }

    /// Writes the policy's spelling where the written one could mean another table.
    fn respell(&self, name: &mut ObjectName, found: &PolicyTable, qualified: bool) -> Option<Ident> {
        let written: Vec<Ident> = names::parts(name)?.into_iter().cloned().collect();
        let last = written.last()?.clone();
        let same = self.same_name(&found.name, &names::meaning(self.dialect, &last));
        let same_namespace = match (&found.namespace, written.as_slice()) {
            (Some(own), [namespace, _]) => names::meaning(self.dialect, namespace) == *own,
            _ => qualified || self.is_default(found),
        };
        if same && same_namespace {
            return None;
        }
        let table = if same { last.clone() } else { names::quoted(self.dialect, &found.name) };
        let namespace = found.namespace.as_ref().filter(|_| qualified || !self.is_default(found));
        let namespace = namespace.map(|own| names::quoted(self.dialect, own));
        *name = namespace.into_iter().chain([table]).collect::<Vec<_>>().into();
        (!same).then_some(last)
    }

    fn unknown_table(&self, written: &str) -> Refusal {
        let labels: Vec<String> = self.policy.tables().iter().map(PolicyTable::label).collect();
        let bare = written.rsplit('.').next().unwrap_or(written).trim_matches(['"', '`', '[', ']']);
        let mut near = names::near(bare, self.policy.tables().iter().map(|table| table.name.as_str()));
        near.dedup();
        let hint = match (near.as_slice(), labels.len()) {
            ([], 0) => "This connection has no tables.".to_owned(),
            ([], 1..=20) => format!("The tables are: {}.", labels.join(", ")),
            ([], _) => "Use only the tables of the schema you were given.".to_owned(),
            (near, _) => format!("Did you mean {}?", near.join(" or ")),
        };
        Refusal::new(rule::UNKNOWN_TABLE, format!("There is no table {written} on this connection. {hint}"))
    }
}

fn only<'p>(mut tables: impl Iterator<Item = &'p PolicyTable>) -> Option<&'p PolicyTable> {
    let first = tables.next()?;
    tables.next().is_none().then_some(first)
}
