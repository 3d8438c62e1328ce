//! What a column shows instead of its value.

use contracts::Dialect;
use serde::{Deserialize, Serialize};

/// Instead of the value of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// Nothing, in the column's own type.
    Null,
    /// `***` where there is a value.
    Redact,
    /// A fingerprint: the same for the same value. SQLite has none. Values that can be guessed can be found out.
    Hash,
    /// `***` and this many of the last characters; of shorter values `***` alone.
    KeepLast(u32),
    /// The column does not exist for this role.
    Refuse,
}

impl Mask {
    /// The expression for a quoted column; `None` when the column is left out.
    pub(super) fn expression(self, column: &str, dialect: Dialect) -> Result<Option<String>, &'static str> {
        match self {
            Self::Null => Ok(Some(format!("CASE WHEN 1 = 0 THEN {column} END"))),
            Self::Redact => Ok(Some(format!("CASE WHEN {column} IS NULL THEN NULL ELSE '***' END"))),
            Self::Hash => hash(column, dialect).map(Some),
            Self::KeepLast(0) => Err("keep_last needs at least one character. Use redact to keep none."),
            Self::KeepLast(count) => Ok(Some(keep_last(column, count, dialect))),
            Self::Refuse => Ok(None),
        }
    }
}

fn hash(column: &str, dialect: Dialect) -> Result<String, &'static str> {
    match dialect {
        Dialect::Sqlite => Err("SQLite has no function for hash. Use redact, keep_last, null or refuse."),
        Dialect::Postgres => Ok(format!("encode(sha256(convert_to(CAST({column} AS TEXT), 'UTF8')), 'hex')")),
        Dialect::Mysql => Ok(format!("SHA2(CAST({column} AS CHAR), 256)")),
    }
}

fn keep_last(column: &str, count: u32, dialect: Dialect) -> String {
    let (length, kept) = match dialect {
        Dialect::Sqlite => {
            (format!("length(CAST({column} AS TEXT))"), format!("'***' || substr(CAST({column} AS TEXT), -{count})"))
        }
        Dialect::Postgres => {
            (format!("length(CAST({column} AS TEXT))"), format!("'***' || right(CAST({column} AS TEXT), {count})"))
        }
        Dialect::Mysql => (
            format!("CHAR_LENGTH(CAST({column} AS CHAR))"),
            format!("CONCAT('***', RIGHT(CAST({column} AS CHAR), {count}))"),
        ),
    };
    format!("CASE WHEN {column} IS NULL THEN NULL WHEN {length} > {count} THEN {kept} ELSE '***' END")
}
