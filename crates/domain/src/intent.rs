//! What a question asks for.

use serde::Deserialize;
use serde_json::{Value, json};

/// What a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// Data of the connection.
    Sql,
    /// Small talk, or a question about the product.
    Chat,
    /// A named workflow.
    Workflow,
}

impl Intent {
    /// For events and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Chat => "chat",
            Self::Workflow => "workflow",
        }
    }
}

/// What a classifier said.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Classification {
    /// What is asked for.
    pub intent: Intent,
    /// Tables that the question seems to name.
    #[serde(default)]
    pub tables: Vec<String>,
    /// Conditions in the user's words.
    #[serde(default)]
    pub filters: Vec<String>,
}

/// Reads a classifier's answer: the first JSON object in it, whatever stands around it. `None` when there is none or
/// it has another shape.
pub fn parse(answer: &str) -> Option<Classification> {
    let start = answer.find('{')?;
    let mut objects = serde_json::Deserializer::from_str(&answer[start..]).into_iter::<Value>();
    serde_json::from_value(objects.next()?.ok()?).ok()
}

/// The shape that a classifier must answer in. Strings and lists are bounded, so that a small model ends.
pub fn schema() -> Value {
    let words = json!({"type": "array", "maxItems": 8, "items": {"type": "string", "maxLength": 80}});
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["intent", "tables", "filters"],
        "properties": {
            "intent": {"type": "string", "enum": ["sql", "chat", "workflow"]},
            "tables": words,
            "filters": words,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_within_prose_and_fences() {
        let answer = "Sure!\n```json\n{\"intent\": \"chat\"}\n```";
        assert_eq!(parse(answer).map(|found| found.intent), Some(Intent::Chat));
    }

    #[test]
    fn garbage_is_no_answer() {
        for answer in ["", "sql", "{", "{\"intent\": \"drop\"}", "[1]", "{\"tables\": []}"] {
            assert_eq!(parse(answer), None, "{answer}");
        }
    }
}
