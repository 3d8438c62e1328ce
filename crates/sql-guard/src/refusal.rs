//! Why a statement is refused.

use serde::Serialize;

/// A statement that must not run, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// A stable word, one of the constants of [`rule`].
    pub rule: &'static str,
    /// What is wrong and what to do, for the model and for a person.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Self { rule, message: message.into() }
    }

    pub(crate) fn unsupported(what: &str) -> Self {
        Self::new(rule::UNSUPPORTED, format!("{what} is not allowed here. Write the query without it."))
    }
}

/// The words that [`Refusal::rule`] takes. They are never renamed.
pub mod rule {
    /// The text cannot be read as SQL of the source's dialect.
    pub const SYNTAX: &str = "syntax";
    /// Longer or deeper than the guard reads.
    pub const TOO_COMPLEX: &str = "too_complex";
    /// The statement is something else than one query.
    pub const NOT_A_QUERY: &str = "not_a_query";
    /// The statement is something else than one change of data.
    pub const NOT_A_CHANGE: &str = "not_a_change";
    /// A change without a condition on the rows of its table.
    pub const NO_CONDITION: &str = "no_condition";
    /// There is more than one statement.
    pub const SEVERAL_STATEMENTS: &str = "several_statements";
    /// A write inside the query.
    pub const WRITE: &str = "write";
    /// The query writes its result somewhere.
    pub const INTO: &str = "into";
    /// The query locks rows.
    pub const LOCK: &str = "lock";
    /// A table that the policy does not list.
    pub const UNKNOWN_TABLE: &str = "unknown_table";
    /// A column that no table in FROM has.
    pub const UNKNOWN_COLUMN: &str = "unknown_column";
    /// A column that the policy hides from this role.
    pub const HIDDEN_COLUMN: &str = "hidden_column";
    /// The policy cannot be applied to this user.
    pub const POLICY: &str = "policy";
    /// Tables that are multiplied with each other.
    pub const CROSS_JOIN: &str = "cross_join";
    /// A recursive query that does not end, or ends late.
    pub const ENDLESS: &str = "endless";
    /// A value or a set of rows of a size that no answer needs.
    pub const TOO_LARGE: &str = "too_large";
    /// A function that the allow-list does not have.
    pub const UNKNOWN_FUNCTION: &str = "unknown_function";
    /// A type that the allow-list does not have.
    pub const UNKNOWN_TYPE: &str = "unknown_type";
    /// An operator that the allow-list does not have.
    pub const UNKNOWN_OPERATOR: &str = "unknown_operator";
    /// A comment that the server would execute.
    pub const EXECUTABLE_COMMENT: &str = "executable_comment";
    /// A user or system variable, or an assignment to one.
    pub const VARIABLE: &str = "variable";
    /// A parameter without a value.
    pub const PLACEHOLDER: &str = "placeholder";
    /// A part of SQL that the guard does not know.
    pub const UNSUPPORTED: &str = "unsupported";
    /// The statement does not survive printing.
    pub const UNSTABLE: &str = "unstable";
}
