//! What a bridge must know of a message. All else passes through it unread.

use serde_json::{Value, json};

/// The first version of the protocol that has no sessions, and names method and object in headers.
const WITHOUT_SESSIONS: &str = "2026-07-28";
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
/// The code of JSON-RPC for what is no JSON.
const NO_JSON: i64 = -32_700;
/// The first of the codes that JSON-RPC leaves to servers.
const SERVER_ERROR: i64 = -32_000;

/// A message of the client.
pub struct Message(Value);

impl Message {
    /// Reads a line.
    pub fn read(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line).map(Self)
    }

    pub fn body(&self) -> &Value {
        &self.0
    }

    pub fn method(&self) -> &str {
        self.0["method"].as_str().unwrap_or_default()
    }

    /// The id under which an answer is expected.
    pub fn asks(&self) -> Option<&Value> {
        self.0.get("id").filter(|id| !id.is_null() && self.0.get("method").is_some())
    }

    /// The call that the client does not want any more.
    pub fn cancels(&self) -> Option<&Value> {
        (self.method() == "notifications/cancelled").then(|| self.0["params"].get("requestId")).flatten()
    }

    pub fn opens_session(&self) -> bool {
        self.method() == "initialize"
    }

    /// The version that the message itself names.
    pub fn version(&self) -> Option<&str> {
        self.0["params"]["_meta"][VERSION_KEY].as_str()
    }

    /// Headers that servers route by, of the versions that have them.
    pub fn routing(&self, version: Option<&str>) -> Vec<(&'static str, String)> {
        if version.is_none_or(|version| version < WITHOUT_SESSIONS) || self.opens_session() {
            return Vec::new();
        }
        let named = match self.method() {
            "tools/call" | "prompts/get" => self.0["params"]["name"].as_str(),
            "resources/read" => self.0["params"]["uri"].as_str(),
            _ => None,
        };
        let name = named.map(|name| ("mcp-name", name.to_owned()));
        [("mcp-method", self.method().to_owned())].into_iter().chain(name).collect()
    }
}

/// The answer to a line that is no message.
pub fn no_json(error: &serde_json::Error) -> Value {
    failure(&Value::Null, NO_JSON, &format!("The line is no JSON: {error}."))
}

/// The answer to a call that could not be passed on.
pub fn not_passed_on(id: &Value, reason: &str) -> Value {
    failure(id, SERVER_ERROR, reason)
}

fn failure(id: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(value: Value) -> Message {
        Message::read(&value.to_string()).unwrap()
    }

    #[test]
    fn a_call_expects_an_answer_and_a_notification_does_not() {
        assert_eq!(message(json!({"id": 0, "method": "ping"})).asks(), Some(&json!(0)));
        assert_eq!(message(json!({"method": "notifications/initialized"})).asks(), None);
        assert_eq!(message(json!({"id": 1, "result": {}})).asks(), None);
        let cancel = message(json!({"method": "notifications/cancelled", "params": {"requestId": "a"}}));
        assert_eq!((cancel.cancels(), cancel.asks()), (Some(&json!("a")), None));
    }

    #[test]
    fn headers_to_route_by_come_with_the_version_that_has_them() {
        let meta = json!({VERSION_KEY: "2026-07-28"});
        let call = message(json!({"id": 1, "method": "tools/call", "params": {"name": "ask", "_meta": meta}}));
        assert_eq!(call.version(), Some("2026-07-28"));
        let headers = call.routing(call.version());
        assert_eq!(headers, [("mcp-method", "tools/call".to_owned()), ("mcp-name", "ask".to_owned())]);
        assert!(call.routing(Some("2025-11-25")).is_empty() && call.routing(None).is_empty());
        let read = message(json!({"id": 1, "method": "resources/read", "params": {"uri": "schema://b/t"}}));
        assert_eq!(read.routing(Some("2026-07-28"))[1], ("mcp-name", "schema://b/t".to_owned()));
    }
}
