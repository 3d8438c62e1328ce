//! The tools: what each takes, does and gives. Nothing here knows how a message travels.

mod ask;
mod describe;
mod execute;
mod search;

pub use describe::description;

use crate::caller::{CallKey, Caller, Problem};
use crate::follow::Client;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A tool as clients are told of it.
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it does, for models.
    pub description: &'static str,
    /// Whether calling it again changes nothing.
    pub idempotent: bool,
    /// JSON schema of its arguments.
    pub input: fn() -> Map<String, Value>,
    /// JSON schema of what it gives.
    pub output: fn() -> Map<String, Value>,
}

/// Every tool.
pub const ALL: &[Definition] = &[search::DEFINITION, describe::DEFINITION, execute::DEFINITION, ask::DEFINITION];

/// One call of a tool.
pub struct Call<'a> {
    /// On whose behalf.
    pub caller: &'a dyn Caller,
    /// What stands for it, where the client has a session.
    pub key: Option<&'a CallKey>,
    /// The other end.
    pub client: Client<'a>,
    /// Bytes of rows in one answer.
    pub max_result_bytes: usize,
}

/// Calls a tool by its name; `None` when there is no such tool.
pub async fn call(name: &str, arguments: Value, call: &Call<'_>) -> Option<Result<Value, Problem>> {
    Some(match name {
        search::NAME => search::run(arguments, call).await.and_then(|output| json(&output)),
        describe::NAME => describe::run(arguments, call).await.and_then(|output| json(&output)),
        execute::NAME => execute::run(arguments, call).await.and_then(|output| json(&output)),
        ask::NAME => ask::run(arguments, call).await.and_then(|output| json(&output)),
        _ => return None,
    })
}

/// A column of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Column {
    /// The name that the statement gave it.
    name: String,
    /// The type as the database names it; empty when unknown.
    data_type: String,
}

impl From<contracts::Column> for Column {
    fn from(column: contracts::Column) -> Self {
        Self { name: column.name, data_type: column.data_type }
    }
}

fn arguments<T: DeserializeOwned>(tool: &str, arguments: Value) -> Result<T, Problem> {
    serde_json::from_value(arguments)
        .map_err(|error| Problem::new("invalid_arguments", format!("The arguments of {tool} cannot be used: {error}.")))
}

/// A text that holds something.
fn text(name: &str, text: String) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new("invalid_arguments", format!("`{name}` is empty. Send a text.")));
    }
    if text.contains('\0') {
        let message = format!("`{name}` holds a NUL character. Remove it.");
        return Err(Problem::new("invalid_arguments", message));
    }
    Ok(text)
}

/// A number within bounds.
fn within<T: PartialOrd + std::fmt::Display>(name: &str, number: T, least: T, most: T) -> Result<T, Problem> {
    if number < least || number > most {
        let message = format!("`{name}` is {number}. Send a number from {least} to {most}.");
        return Err(Problem::new("invalid_arguments", message));
    }
    Ok(number)
}

fn json(value: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| {
        tracing::error!(%error, "the answer of a tool could not be written as JSON");
        Problem::new("internal_error", "Something went wrong on the server. Try again.")
    })
}

/// The JSON schema of a type, without references: not every client follows them.
fn schema<T: JsonSchema>() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    match schema.to_value() {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_one_of_an_object_without_references() {
        for tool in ALL {
            for schema in [(tool.input)(), (tool.output)()] {
                assert_eq!(schema["type"], "object", "{}", tool.name);
                assert!(!Value::Object(schema).to_string().contains("$ref"), "{}", tool.name);
            }
            assert_eq!((tool.input)()["additionalProperties"], false, "{}", tool.name);
        }
    }

    #[test]
    fn what_is_no_argument_is_told_by_name() {
        let error = arguments::<search::Arguments>("search_schema", serde_json::json!({"query": "x", "business": "b"}));
        let message = error.unwrap_err().message;
        assert!(message.contains("search_schema") && message.contains("business"), "{message}");
    }

    #[test]
    fn a_number_out_of_bounds_is_told_with_its_bounds() {
        assert_eq!(within("top_k", 5, 1, 50), Ok(5));
        let message = within("top_k", 0, 1, 50).unwrap_err().message;
        assert!(message.contains("top_k") && message.contains("1 to 50"), "{message}");
        assert!(text("sql", " \n".into()).is_err() && text("sql", "a\0".into()).is_err());
    }
}
