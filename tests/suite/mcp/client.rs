use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

const VERSION: &str = "2025-11-25";
const SESSION: &str = "mcp-session-id";

/// An MCP client that speaks streamable HTTP, written against the specification and not against the server's crate.
pub struct Agent {
    http: reqwest::Client,
    url: String,
    token: String,
    /// What the server answered to `initialize`.
    pub opened: Value,
    pub session: Option<String>,
    next: AtomicU64,
}

impl Agent {
    /// Logs in and initialises.
    pub async fn open(url: &str, token: &str) -> Self {
        let mut agent = Self::closed(url, token);
        let hello =
            json!({"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let answer = agent.post(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})).await;
        assert_eq!(answer.status(), StatusCode::OK);
        agent.session = answer.headers().get(SESSION).map(|id| id.to_str().unwrap().to_owned());
        agent.opened = messages(answer).await.pop().unwrap()["result"].clone();
        let ready = agent.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        assert_eq!(ready.status(), StatusCode::ACCEPTED);
        agent
    }

    /// Without a session.
    pub fn closed(url: &str, token: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: format!("{url}/mcp"),
            token: token.to_owned(),
            opened: Value::Null,
            session: None,
            next: AtomicU64::new(1),
        }
    }

    /// A request that only lacks its body.
    pub fn request(&self) -> RequestBuilder {
        let request = self.http.post(&self.url).bearer_auth(&self.token);
        let request = request.header("accept", "application/json, text/event-stream");
        match &self.session {
            Some(session) => request.header(SESSION, session).header("mcp-protocol-version", VERSION),
            None => request,
        }
    }

    pub async fn post(&self, message: &Value) -> Response {
        self.request().json(message).send().await.unwrap()
    }

    /// Every message that answers a request; the last one is its response.
    pub async fn exchange(&self, method: &str, params: Value) -> Vec<Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let answer = self.post(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        assert_eq!(answer.status(), StatusCode::OK, "{method}");
        let all = messages(answer).await;
        assert_eq!(all.last().unwrap()["id"], json!(id), "{all:?}");
        all
    }

    /// The result of a request.
    pub async fn ask(&self, method: &str, params: Value) -> Value {
        let last = self.exchange(method, params).await.pop().unwrap();
        assert!(last["result"].is_object(), "{last}");
        last["result"].clone()
    }

    /// The error of a request.
    pub async fn fail(&self, method: &str, params: Value) -> Value {
        let last = self.exchange(method, params).await.pop().unwrap();
        assert!(last["error"].is_object(), "{last}");
        last["error"].clone()
    }

    /// The result of a tool.
    pub async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    /// What a tool gives when it works. Its text says the same.
    pub async fn works(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_ne!(result["isError"], true, "{result}");
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"]);
        result
    }

    /// The sentence of a tool that does not.
    pub async fn refuses(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }
}

/// The messages of an answer, be it JSON or a stream of events.
pub async fn messages(answer: Response) -> Vec<Value> {
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let text = answer.text().await.unwrap();
    if kind.starts_with("application/json") {
        return vec![serde_json::from_str(&text).unwrap()];
    }
    assert!(kind.starts_with("text/event-stream"), "{kind}");
    let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
    data.filter(|data| !data.is_empty()).map(|data| serde_json::from_str(data).unwrap()).collect()
}
