//! The shape of a customer's database, as discovery found it.

use serde::{Deserialize, Serialize};

/// The SQL dialect of a source. MariaDB is `mysql`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// SQLite 3.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
}

impl Dialect {
    /// The stored and transmitted name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// Reads a name; `mariadb` and `postgresql` are accepted too.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::Mysql),
            _ => None,
        }
    }
}

/// Every table and view that a connection may read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// In the order in which discovery found them.
    pub tables: Vec<TableSchema>,
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The database schema (PostgreSQL) or database (MySQL) it lies in; `None` in SQLite.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The name, unquoted.
    pub name: String,
    /// The comment of the database's owner. Untrusted text.
    #[serde(default)]
    pub comment: Option<String>,
    /// In table order.
    pub columns: Vec<ColumnSchema>,
    /// Columns of the primary key, in key order.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Declared foreign keys.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    /// The database's own estimate of the number of rows, where it has one.
    #[serde(default)]
    pub row_estimate: Option<u64>,
    /// True for a view.
    #[serde(default)]
    pub is_view: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnSchema {
    /// The name, unquoted.
    pub name: String,
    /// The type as the database names it.
    pub data_type: String,
    /// Whether it may be null.
    #[serde(default)]
    pub nullable: bool,
    /// The comment of the database's owner. Untrusted text.
    #[serde(default)]
    pub comment: Option<String>,
    /// A few values that occur, as text. Untrusted text.
    #[serde(default)]
    pub samples: Vec<String>,
}

/// A declared reference from columns of one table to columns of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Columns of this table.
    pub columns: Vec<String>,
    /// The table referred to, unquoted, without namespace.
    pub table: String,
    /// The columns referred to, in the same order. Empty when the database names only the table (its primary key).
    pub referenced: Vec<String>,
}
