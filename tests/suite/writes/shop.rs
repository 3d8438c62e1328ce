//! A database of its own that may be changed, and who talks to the server about it.

use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;
use testkit::{Client, ScriptedLlm, Transcript};

pub const QUESTION: &str = "Raise the total of all orders after the first by one.";
/// A second run of it would be seen.
pub const CHANGE: &str = "UPDATE orders SET total = total + 1 WHERE id > 1";

/// A SQLite file with three orders.
pub struct Shop {
    folder: TempDir,
}

impl Shop {
    pub fn new() -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap() };
        shop.run(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER NOT NULL, email TEXT);
             INSERT INTO orders VALUES (1, 10, 'ann@example.org'), (2, 20, 'bob@example.org'), (3, 30, 'eve@example.org');",
        );
        shop
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("orders.db")
    }

    pub fn url(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }

    pub fn run(&self, sql: &str) {
        Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
    }

    pub fn totals(&self) -> Vec<i64> {
        let connection = Connection::open(self.file()).unwrap();
        let mut statement = connection.prepare("SELECT total FROM orders ORDER BY id").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// A server as one person sees it.
#[derive(Clone)]
pub struct Person {
    url: String,
    token: String,
}

impl Person {
    pub fn new(url: &str, token: &str) -> Self {
        Self { url: url.to_owned(), token: token.to_owned() }
    }

    pub async fn login(url: &str, email: &str, password: &str) -> Self {
        let login = reqwest::Client::new().post(format!("{url}/v1/auth/login"));
        let login = login.json(&json!({ "email": email, "password": password })).send().await.unwrap();
        let token = login.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned();
        Self { url: url.to_owned(), token }
    }

    /// The same person at another address.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), token: self.token.clone() }
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url, &self.token)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(reqwest::Client::new().get(format!("{}{path}", self.url)).bearer_auth(&self.token)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let asked = reqwest::Client::new().post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        answer(asked.json(&body)).await
    }

    /// Adds the shop, with a URL for changes or without, and waits until it is ready. Gives the connection.
    pub async fn connect(&self, shop: &Shop, write_url: Option<String>) -> String {
        self.add("Orders", shop, write_url).await
    }

    /// As above, under a name of its own, and it may be changed.
    pub async fn connect_as(&self, shop: &Shop, name: &str) -> String {
        self.add(name, shop, Some(shop.url())).await
    }

    async fn add(&self, name: &str, shop: &Shop, write_url: Option<String>) -> String {
        let body = json!({"name": name, "url": shop.url(), "write_url": write_url});
        let (status, made) = self.post("/v1/connections", body).await;
        assert_eq!(status, 201, "{made}");
        let tested = self.client().follow(made["response_id"].as_str().unwrap()).await;
        assert_eq!(tested.status(), "completed", "{:#?}", tested.terminal());
        assert!(!tested.text().contains("changes cannot be made"), "{}", tested.text());
        made["connection"]["id"].as_str().unwrap().to_owned()
    }

    pub async fn ask(&self, connection: &str) -> Transcript {
        self.client().ask_with(json!({"input": QUESTION, "connection": connection})).await
    }

    /// Asks, and gives the response that asks back.
    pub async fn request(&self, connection: &str) -> Transcript {
        let asked = self.ask(connection).await;
        assert_eq!(asked.check().status(), "completed", "{:#?}", asked.terminal());
        assert_eq!(asked.of("response.askline.approval.required").count(), 1, "{:#?}", asked.types());
        asked
    }

    /// `approve` or `decline`: the status, and the response that does it or the code of the error.
    pub async fn say(&self, word: &str, response: &str) -> (u16, String) {
        let (status, body) = self.post(&format!("/v1/responses/{response}/{word}"), json!({})).await;
        let said = if status == 202 { &body["response_id"] } else { &body["error"]["code"] };
        (status, said.as_str().unwrap_or_default().to_owned())
    }

    /// Decides and follows what comes of it.
    pub async fn decide(&self, word: &str, response: &str) -> Transcript {
        let (status, said) = self.say(word, response).await;
        assert_eq!(status, 202, "{said}");
        self.client().follow(&said).await
    }

    pub async fn approval(&self, response: &str) -> Value {
        let (status, approval) = self.get(&format!("/v1/responses/{response}/approval")).await;
        assert_eq!(status, 200, "{approval}");
        approval
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// A model that writes the change, and what the settings need for it.
pub async fn model(sql: &str) -> (ScriptedLlm, (&'static str, String)) {
    let llm = ScriptedLlm::answering(sql, "A model never words this.").await;
    let provider = format!("[{}]", llm.provider("scripted"));
    (llm, ("ASKLINE_LLM__PROVIDERS", provider))
}
