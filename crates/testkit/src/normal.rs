use serde_json::{Map, Value};
use std::collections::HashMap;

const TIMES: &[&str] = &["created_at", "duration_ms"];
const PREFIXES: &[&str] = &["resp_", "conv_", "msg_", "res_", "con_", "biz_", "usr_", "asktest_"];

/// The events without what differs from run to run: identifiers become their order of appearance, times become zero,
/// adjacent deltas become one, and numbers are counted anew.
pub fn normalise(events: &[Value]) -> Vec<Value> {
    let mut names = HashMap::new();
    let mut normal: Vec<Value> = Vec::new();
    for event in events {
        let mut event = rename(event, &mut names);
        if let Some(last) = normal.last_mut().filter(|last| is_delta(last) && is_delta(&event)) {
            let joined = format!("{}{}", text(&last["delta"]), text(&event["delta"]));
            last["delta"] = joined.into();
            continue;
        }
        event["sequence_number"] = normal.len().into();
        normal.push(event);
    }
    normal
}

fn is_delta(event: &Value) -> bool {
    event["type"] == "response.output_text.delta"
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn rename(value: &Value, names: &mut HashMap<String, String>) -> Value {
    match value {
        Value::String(text) if PREFIXES.iter().any(|prefix| text.starts_with(prefix)) => {
            let next = format!("id-{}", names.len());
            Value::String(names.entry(text.clone()).or_insert(next).clone())
        }
        Value::Array(items) => items.iter().map(|item| rename(item, names)).collect(),
        Value::Object(fields) => Value::Object(rename_fields(fields, names)),
        other => other.clone(),
    }
}

fn rename_fields(fields: &Map<String, Value>, names: &mut HashMap<String, String>) -> Map<String, Value> {
    let field = |(name, value): (&String, &Value)| {
        let value = if TIMES.contains(&name.as_str()) { 0.into() } else { rename(value, names) };
        (name.clone(), value)
    };
    fields.iter().map(field).collect()
}
