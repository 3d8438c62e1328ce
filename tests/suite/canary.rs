//! Rows of one business never appear in anything that another one is given.

use crate::logs;
use rusqlite::Connection;
use serde_json::{Value, json};
use testkit::llm_server::Script;
use testkit::{Client, ScriptedLlm, Transcript, World};

const CANARY: &str = "CANARY-7f3a91";
const SQL: &str = "SELECT note FROM secret_notes";
const QUESTION: &str = "Which notes are there?";
const CHANGE: &str = "UPDATE secret_notes SET note = 'CANARY-7f3a91 again' WHERE id = 1";
const WISH: &str = "Rewrite the first note, CANARY-7f3a91.";

/// A business as somebody in it sees it.
struct Side<'a> {
    world: &'a World,
    token: String,
    http: reqwest::Client,
}

impl Side<'_> {
    async fn get(&self, path: &str) -> String {
        let asked = self.http.get(format!("{}{path}", self.world.demo.url)).bearer_auth(&self.token);
        asked.send().await.unwrap().text().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> String {
        let asked = self.http.post(format!("{}{path}", self.world.demo.url)).bearer_auth(&self.token);
        asked.json(&body).send().await.unwrap().text().await.unwrap()
    }

    async fn ask(&self, fields: Value) -> Transcript {
        Client::new(&self.world.demo.url, &self.token).ask_with(fields).await
    }
}

async fn stranger(world: &World) -> Side<'_> {
    let (email, password) = ("stranger@example.org", "a password of theirs");
    testkit::add_member(&world.ports, email, password, "Another business").await;
    let http = reqwest::Client::new();
    let login = http.post(format!("{}/v1/auth/login", world.demo.url));
    let login = login.json(&json!({ "email": email, "password": password })).send().await.unwrap();
    let token = login.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned();
    Side { world, token, http }
}

/// A database of the other business, whose every row says whose it is.
fn secret_database(world: &World) -> String {
    let file = world.databases.path().join("theirs.db");
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch("CREATE TABLE secret_notes (id INTEGER PRIMARY KEY, note TEXT)").unwrap();
    for _ in 0..20 {
        connection.execute("INSERT INTO secret_notes (note) VALUES (?1)", [CANARY]).unwrap();
    }
    format!("sqlite:{}", file.display())
}

async fn nothing_of_one_business_is_given_to_another(distributed: bool) {
    let logs = logs::captured();
    let llm = ScriptedLlm::hearing(|purpose, prompt| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
        "generate_sql" if prompt.contains("Rewrite") => Script::answer(&[CHANGE]),
        "generate_sql" => Script::answer(&[SQL]),
        _ => Script::answer(&["There is a note ", CANARY, "."]),
    })
    .await;
    let pairs = [("ASKLINE_LLM__PROVIDERS", format!("[{}]", llm.provider("scripted")))];
    let world = if distributed { World::distributed(&pairs).await } else { World::embedded(&pairs).await };
    let theirs = stranger(&world).await;
    let url = secret_database(&world);
    let made = theirs.post("/v1/connections", json!({"name": "Notes", "url": url, "write_url": url})).await;
    let made: Value = serde_json::from_str(&made).unwrap();
    let connection = made["connection"]["id"].as_str().unwrap().to_owned();
    let test = made["response_id"].as_str().unwrap();
    let tested = Client::new(&world.demo.url, &theirs.token).follow(test).await;
    assert_eq!(tested.status(), "completed", "{:#?}", tested.terminal());
    let answered = theirs.ask(json!({"input": QUESTION, "idempotency_key": "the-same-key"})).await;
    assert!(answered.text().contains(CANARY) && answered.status() == "completed", "{:#?}", answered.terminal());
    assert!(theirs.get(&format!("/v1/connections/{connection}/schema")).await.contains(CANARY), "it is a sample value");
    let wished = theirs.ask(json!({"input": WISH})).await;
    assert_eq!(wished.of("response.askline.approval.required").count(), 1, "{:#?}", wished.terminal());
    for path in ["/v1/approvals", "/v1/audit"] {
        assert!(theirs.get(path).await.contains(CANARY), "{path} shows them what is theirs");
    }

    let asked_before = llm.server.received().len();
    let ours = Side { world: &world, token: world.demo.token.clone(), http: reqwest::Client::new() };
    let conversation = answered.terminal()["response"]["conversation"]["id"].as_str().unwrap().to_owned();
    let result = world.ports.store.turn(&business_of(&world).await, &answered.id().into()).await.unwrap().unwrap();
    let result = result.end.unwrap().result.unwrap().0;
    let mut given = Vec::new();
    for fields in [json!({"input": QUESTION}), json!({"input": QUESTION, "idempotency_key": "the-same-key"})] {
        let transcript = ours.ask(fields).await;
        assert_eq!(transcript.status(), "failed", "{:#?}", transcript.terminal());
        given.push(serde_json::to_string(&transcript.events).unwrap());
    }
    for path in [
        "/v1/connections".to_owned(),
        format!("/v1/connections/{connection}"),
        format!("/v1/connections/{connection}/schema"),
        format!("/v1/connections/{connection}/suggestions"),
        format!("/v1/responses/{}", answered.id()),
        format!("/v1/responses/{}?stream=true", answered.id()),
        "/v1/conversations".to_owned(),
        format!("/v1/conversations/{conversation}/turns"),
        format!("/v1/results/{result}"),
        "/v1/approvals".to_owned(),
        format!("/v1/responses/{}/approval", wished.id()),
        "/v1/audit".to_owned(),
        "/v1/dead".to_owned(),
        "/metrics".to_owned(),
    ] {
        given.push(ours.get(&path).await);
    }
    for (path, body) in [
        (format!("/v1/connections/{connection}/test"), json!({})),
        (format!("/v1/responses/{}/cancel", answered.id()), json!({})),
        (format!("/v1/responses/{}/approve", wished.id()), json!({})),
        (format!("/v1/responses/{}/decline", wished.id()), json!({})),
        ("/v1/responses".to_owned(), json!({"input": QUESTION, "connection": connection})),
        ("/v1/responses".to_owned(), json!({"input": QUESTION, "conversation": conversation})),
    ] {
        given.push(ours.post(&path, body).await);
    }
    let prompts = llm.server.received().into_iter().skip(asked_before).map(|request| request.body.to_string());
    given.extend(prompts);
    for text in &given {
        assert!(!text.contains(CANARY), "{text}");
    }
    world.stop().await;
    let logged = logs.text();
    assert!(!logged.contains(CANARY), "a row is in the log");
}

async fn business_of(world: &World) -> contracts::BusinessId {
    let user = world.ports.store.user_by_email("stranger@example.org").await.unwrap().unwrap();
    world.ports.store.memberships(&user.id).await.unwrap()[0].business.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_business_is_given_to_another_embedded() {
    nothing_of_one_business_is_given_to_another(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_business_is_given_to_another_distributed() {
    nothing_of_one_business_is_given_to_another(true).await;
}
