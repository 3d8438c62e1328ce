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
    /// Whether it holds personal data, where that is known of more than its name and its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<Personal>,
}

impl Column {
    /// A column of which nothing more is known.
    pub fn new(name: impl Into<String>, data_type: impl Into<String>) -> Self {
        Self { name: name.into(), data_type: data_type.into(), personal: None }
    }
}

/// What is known of a column's personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Personal {
    /// Its values are shown as they are to whom personal data is shown, and to nobody else.
    Values,
    /// The same of a column that the settings name: nothing of its values is shown.
    Hidden,
    /// It was masked.
    Masked,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_is_stored_to_its_last_digit() {
        for float in [1989.9333333333334, 0.1 + 0.2, 5e-324, f64::MAX] {
            let rows = vec![vec![Cell::from(float)]];
            let stored = serde_json::to_string(&ResultSet { rows, ..ResultSet::default() }).unwrap();
            let read: ResultSet = serde_json::from_str(&stored).unwrap();
            assert_eq!(read.rows[0][0].as_f64(), Some(float));
        }
    }
}
