use crate::llm_server::{LlmServer, Script};
use serde_json::Value;
use std::sync::Arc;

/// A language model that says what a test wants, over HTTP.
pub struct ScriptedLlm {
    /// The server: what it was asked, and which answers were broken off.
    pub server: LlmServer,
}

/// What a request is for, told by its prompt, as a person would.
pub fn purpose_of(request: &Value) -> &'static str {
    let system = request["messages"][0]["content"].as_str().unwrap_or_default();
    if system.contains("You sort questions") {
        "classify"
    } else if system.contains("You write SQL") {
        "generate_sql"
    } else {
        "reply"
    }
}

impl ScriptedLlm {
    /// Sorts every question as one about data, writes this statement, and replies with this text.
    pub async fn answering(sql: &str, reply: &str) -> Self {
        let (sql, reply) = (sql.to_owned(), reply.to_owned());
        Self::with(move |purpose, _| match purpose {
            "classify" => Script::answer(&[r#"{"intent":"sql","tables":[],"filters":[]}"#]),
            "generate_sql" => Script::answer(&[&sql]),
            _ => Script::answer(&words(&reply)),
        })
        .await
    }

    /// Answers by purpose and by how many requests came before.
    pub async fn with(answer: impl Fn(&str, usize) -> Script + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        let server = LlmServer::start_with(move |count, request| answer(purpose_of(request), count)).await;
        Self { server: server.expect("the scripted language model starts") }
    }

    /// Answers by purpose and by the whole request, as text.
    pub async fn hearing(answer: impl Fn(&str, &str) -> Script + Send + Sync + 'static) -> Self {
        let server =
            LlmServer::start_with(move |_, request| answer(purpose_of(request), &request["messages"].to_string()))
                .await;
        Self { server: server.expect("the scripted language model starts") }
    }

    /// As a provider in settings, in TOML.
    pub fn provider(&self, name: &str) -> String {
        format!(
            "{{name='{name}',kind='openai',base_url='{}',model='scripted',first_byte_timeout_s=2,stall_timeout_s=2}}",
            self.server.base_url()
        )
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(' ').collect()
}
