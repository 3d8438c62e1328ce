//! What a message asks for, without a model.

use contracts::Schema;

/// placeholder
pub fn classify(_question: &str, _schema: Option<&Schema>) -> &'static str {
    "sql"
}
