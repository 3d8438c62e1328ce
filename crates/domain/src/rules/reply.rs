//! Prose.

use contracts::ResultSet;

/// placeholder
pub fn reply(_question: &str, _result: Option<&ResultSet>) -> String {
    String::new()
}
