//! Decides whether a statement that a model wrote may run, and prints the text that runs instead of it. Queries are checked
//! by [`check`]; changes of data, which a person must approve, by [`check_change`] alone.
//!
//! The statement is parsed in the source's dialect, must be exactly one query, and every node of its tree is walked:
//! tables and functions come from allow-lists, and a node that the walk does not know is refused. What is executed is
//! printed from the tree, never the model's text.
//!
//! Architecture invariant: pure. No I/O, no clock, nothing that waits.

mod carried;
mod change;
mod connection_policy;
mod dialect;
mod extract;
mod functions;
mod lex;
mod names;
mod parse;
mod policy;
mod refusal;
mod restrict;
mod row_limit;
mod tables_named;
mod walk;

pub use carried::Carried;
pub use change::{Affected, CheckedChange, check_change, is_change, sees_change};
pub use connection_policy::ConnectionPolicy;
pub use extract::extract_sql;
pub use policy::{Policy, PolicyTable};
pub use refusal::{Refusal, rule};
pub use restrict::{Attributes, Mask, PolicyError, TableRule};
pub use tables_named::tables_named;

use sqlparser::ast::Query;

/// A statement that may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Printed from the tree, with the rules of the policy and its row limit. This is what runs.
    pub sql: String,
    /// The tables it reads, as `namespace.name`, in order of appearance.
    pub tables: Vec<String>,
    /// What `sql` means, as printing has proved.
    tree: Query,
}

impl Checked {
    /// The columns of its result that may hold values of the columns that are meant, whatever they are called there.
    /// `policy` is the one that it was checked against.
    pub fn carried(&self, policy: &Policy, is_meant: impl Fn(&str) -> bool) -> Carried {
        carried::carried(&self.tree, policy, is_meant)
    }
}

/// Checks one statement against a policy.
pub fn check(sql: &str, policy: &Policy) -> Result<Checked, Refusal> {
    finish(parse::query(sql, policy.dialect())?, policy)
}

fn finish(mut query: Query, policy: &Policy) -> Result<Checked, Refusal> {
    let tables = walk::walk(&mut query, policy)?;
    if let Some(most) = policy.row_limit() {
        row_limit::apply(&mut query, most, policy.dialect())?;
    }
    let sql = parse::print(&query, policy.dialect())?;
    Ok(Checked { sql, tables, tree: query })
}
