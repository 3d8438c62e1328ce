//! Which columns a name may mean.

use std::sync::Arc;

use crate::policy::PolicyTable;
use crate::restrict::Restriction;

/// A common table expression that is visible.
pub struct Cte<'p> {
    pub name: String,
    pub output: Output<'p>,
}

/// What a query gives.
#[derive(Clone, Default)]
pub struct Output<'p> {
    pub columns: Columns<'p>,
    /// How many whole tables are multiplied with each other in it: 0 where it gives few rows.
    pub weight: usize,
}

/// The columns of something in FROM.
#[derive(Clone, Default)]
pub enum Columns<'p> {
    /// They cannot be known: any name may be one.
    #[default]
    Unknown,
    /// Those of a function whose result is not known. PostgreSQL would call any function on its value.
    Function,
    /// Those of a table of the policy.
    Table(&'p PolicyTable),
    /// Those that a query gives.
    Listed(Arc<[String]>),
}

impl Columns<'_> {
    /// The names, where they are known.
    pub fn names(&self) -> Option<&[String]> {
        match self {
            Self::Unknown | Self::Function => None,
            Self::Table(table) if table.columns.is_empty() => None,
            Self::Table(table) => Some(&table.columns),
            Self::Listed(names) => Some(names),
        }
    }
}

/// One entry of FROM under the name that the query calls it by.
#[derive(Default)]
pub struct Source<'p> {
    pub name: Option<String>,
    pub columns: Columns<'p>,
    /// As in [`Output`].
    pub weight: usize,
    /// The rule that the table was replaced by.
    pub restriction: Option<&'p Restriction>,
    /// Columns that may not be named because the table itself stands here, without the rule that would mask them.
    pub closed: Vec<String>,
}

/// What one SELECT brings into sight.
#[derive(Default)]
pub struct Scope<'p> {
    pub sources: Vec<Source<'p>>,
    /// Names that the select list gives.
    pub aliases: Vec<String>,
}

/// What a double-quoted token of SQLite is.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A column or an alias.
    Name,
    /// A column of a query that is printed with this name.
    Renamed(String),
    /// It names nothing in sight, so it is a string.
    Text,
}

/// Names that every SQLite table answers to.
const ROW_IDS: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// What a double-quoted token means in these scopes, innermost last.
pub fn meaning(scopes: &[Scope], token: &str) -> Meaning {
    if ROW_IDS.iter().any(|name| name.eq_ignore_ascii_case(token)) {
        return Meaning::Name;
    }
    scopes.iter().rev().map(|scope| scope.meaning(token)).find(|found| *found != Meaning::Text).unwrap_or(Meaning::Text)
}

impl Scope<'_> {
    fn meaning(&self, token: &str) -> Meaning {
        if self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(token)) {
            return Meaning::Name;
        }
        let sources = self.sources.iter().map(|source| source.meaning(token));
        sources.reduce(|best, next| if best == Meaning::Text { next } else { best }).unwrap_or(Meaning::Text)
    }
}

impl Source<'_> {
    /// Whether it has a column of this name, where that is known.
    pub fn has(&self, name: &str) -> Option<bool> {
        let names = self.columns.names()?;
        Some(names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Whether the policy hides the column.
    pub fn hides(&self, name: &str) -> bool {
        self.restriction.is_some_and(|restriction| restriction.hides(name))
            || self.closed.iter().any(|closed| closed.eq_ignore_ascii_case(name))
    }

    fn meaning(&self, token: &str) -> Meaning {
        let Some(names) = self.columns.names() else {
            return Meaning::Name;
        };
        if names.iter().any(|name| name.eq_ignore_ascii_case(token)) {
            return Meaning::Name;
        }
        // An expression without alias is a column called like its text, whose spaces printing changes.
        match names.iter().find(|name| name.contains('(') && compact(name).eq_ignore_ascii_case(&compact(token))) {
            Some(name) => Meaning::Renamed(name.clone()),
            None => Meaning::Text,
        }
    }
}

fn compact(text: &str) -> String {
    text.chars().filter(|ch| !ch.is_whitespace()).collect()
}
