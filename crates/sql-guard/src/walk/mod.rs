//! The walk over every node of the tree. Each enumeration of sqlparser is matched without a wildcard that accepts: a node
//! that is not known here is refused.
//!
//! The walk also puts the tree in the form that is printed: literals and quoted names in the one spelling that cannot be
//! read in two ways, optimizer hints removed, SQLite's double-quoted strings in single quotes.

mod change;
mod columns;
mod expr;
mod from;
mod function;
mod growth;
mod idents;
mod joins;
mod literals;
mod operators;
mod query;
mod recursion;
mod replace;
mod scope;
mod select;
mod sizes;
mod tables;
mod types;

use contracts::Dialect;
use sqlparser::ast::{Expr, Query};

use crate::lex;
use crate::policy::{Policy, PolicyTable};
use crate::refusal::Refusal;
use scope::{Columns, Cte, Scope, Source};

pub use change::change;
pub use joins::{gives_one_row, number};

/// How deep the tree may be: comparing two trees is recursive, and takes about a megabyte of stack at this depth.
const MAX_DEPTH: usize = 400;
/// What a level costs that the walk itself recurses into. A link of a chain of operators costs one.
const NESTED: usize = 4;

type Verdict = Result<(), Refusal>;

/// Checks the query against the policy and normalises it. Returns the labels of the tables it reads, in order of
/// appearance.
pub fn walk(query: &mut Query, policy: &Policy) -> Result<Vec<String>, Refusal> {
    let mut walk = Walk::new(policy);
    walk.query(query)?;
    growth::check(query, policy.dialect())?;
    Ok(walk.touched)
}

/// Checks and normalises the condition of a row filter, which sees the columns of its table alone.
pub fn condition(expr: &mut Expr, table: &PolicyTable, policy: &Policy) -> Result<(), Refusal> {
    let source = Source { name: Some(table.name.clone()), columns: Columns::Table(table), ..Source::default() };
    let mut walk = Walk::new(policy);
    walk.within(Scope { sources: vec![source], aliases: Vec::new() }, |walk| walk.expr(expr))
}

struct Walk<'p> {
    policy: &'p Policy,
    dialect: Dialect,
    scopes: Vec<Scope<'p>>,
    ctes: Vec<Vec<Cte<'p>>>,
    touched: Vec<String>,
    depth: usize,
}

impl<'p> Walk<'p> {
    fn new(policy: &'p Policy) -> Self {
        let dialect = policy.dialect();
        Self { policy, dialect, scopes: Vec::new(), ctes: Vec::new(), touched: Vec::new(), depth: 0 }
    }

    /// Runs one level deeper, or refuses.
    fn deeper<T>(&mut self, levels: usize, inside: impl FnOnce(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        if self.depth + levels > MAX_DEPTH {
            return Err(lex::too_complex());
        }
        self.depth += levels;
        let result = inside(self);
        self.depth -= levels;
        result
    }

    /// Runs with a scope in which names are found first.
    fn within<T>(
        &mut self,
        scope: Scope<'p>,
        inside: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.scopes.push(scope);
        let result = inside(self);
        self.scopes.pop();
        result
    }
}

/// Refuses a clause that is there although none of the three databases has it.
fn absent<T>(clause: &Option<T>, what: &str) -> Verdict {
    match clause {
        None => Ok(()),
        Some(_) => Err(Refusal::unsupported(what)),
    }
}

/// Refuses a list that should be empty.
fn empty<T>(list: &[T], what: &str) -> Verdict {
    match list {
        [] => Ok(()),
        _ => Err(Refusal::unsupported(what)),
    }
}

/// Refuses a flag that should not be set.
fn unset(flag: bool, what: &str) -> Verdict {
    match flag {
        false => Ok(()),
        true => Err(Refusal::unsupported(what)),
    }
}
