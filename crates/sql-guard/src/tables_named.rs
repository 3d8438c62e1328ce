//! The tables that a statement names, for events about statements that never ran.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use contracts::Dialect;
use sqlparser::ast::{ObjectName, Query, Visit, Visitor};

use crate::names;
use crate::parse;

/// The tables that a statement names, as far as it can be read: without common table expressions, unquoted, in order of
/// appearance. Nothing when it cannot be parsed.
pub fn tables_named(sql: &str, dialect: Dialect) -> Vec<String> {
    let Ok(query) = parse::query(sql, dialect) else {
        return Vec::new();
    };
    let mut found = Relations { dialect, names: Vec::new(), defined: BTreeSet::new() };
    let ControlFlow::Continue(()) = query.visit(&mut found);
    let Relations { names, defined, .. } = found;
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| !defined.contains(name) && seen.insert(name.clone())).collect()
}

struct Relations {
    dialect: Dialect,
    names: Vec<String>,
    defined: BTreeSet<String>,
}

impl Visitor for Relations {
    type Break = std::convert::Infallible;

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Self::Break> {
        let parts = names::parts(relation).unwrap_or_default();
        let meanings: Vec<String> = parts.iter().map(|ident| names::meaning(self.dialect, ident)).collect();
        self.names.push(meanings.join("."));
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.defined.extend(ctes.map(|cte| names::meaning(self.dialect, &cte.alias.name)));
        ControlFlow::Continue(())
    }
}
