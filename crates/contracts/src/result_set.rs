//! Rows, as they travel and as they are stored.

use serde::{Deserialize, Serialize};

/// A value of a row: `null`, a boolean, a number or a string. Integers beyond 53 bits and exact decimals are strings,
/// dates are ISO 8601 strings, bytes are `\x…` hex strings.
pub type Cell = serde_json::Value;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The name that the statement gave it.
    pub name: String,
    /// The type as the database names it; empty when unknown.
    #[serde(default)]
    pub data_type: String,
}

/// The rows that a statement returned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResultSet {
    /// In statement order.
    pub columns: Vec<Column>,
    /// In result order, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// True when a row or byte cap cut the rows.
    #[serde(default)]
    pub truncated: bool,
}

impl ResultSet {
    /// Its first `count` rows, marked as truncated when that leaves some out.
    pub fn head(&self, count: usize) -> Self {
        Self {
            columns: self.columns.clone(),
            rows: self.rows.iter().take(count).cloned().collect(),
            truncated: self.truncated || self.rows.len() > count,
        }
    }
}
