//! Many questions of one business.

use contracts::BusinessId;
use futures_util::stream::{self, StreamExt};
use ports::Ports;
use ports::store::TurnState;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{Client, World};

pub const QUESTION: &str = "How many customers do we have?";
/// Questions on their way to the API at a time.
const AT_ONCE: usize = 32;

/// Who asks on behalf of a business.
#[derive(Clone)]
pub struct Crowd {
    http: reqwest::Client,
    url: String,
    token: String,
    business: BusinessId,
    ports: Ports,
}

impl Crowd {
    /// The demo's user, in its business.
    pub fn of(world: &World, business: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: world.demo.url.clone(),
            token: world.demo.token.clone(),
            business: business.into(),
            ports: world.ports.clone(),
        }
    }

    /// A business of its own, on the sample database.
    pub async fn with_a_database(world: &World, name: &str) -> Self {
        let mut crowd = Self::of(world, &format!("biz_{}", name.to_lowercase().replace(' ', "_")));
        let email = format!("{}@example.org", name.to_lowercase().replace(' ', "."));
        testkit::add_member(&world.ports, &email, "a password of theirs", name).await;
        let login = json!({"email": email, "password": "a password of theirs"});
        crowd.token = crowd.post("/v1/auth/login", login).await["token"].as_str().unwrap().to_owned();
        let file = world.folder.path().join("sample-shop.sqlite");
        let added =
            crowd.post("/v1/connections", json!({"name": "Shop", "url": format!("sqlite:{}", file.display())})).await;
        let read = Client::new(&crowd.url, &crowd.token).follow(added["response_id"].as_str().unwrap()).await;
        assert_eq!(read.check().status(), "completed", "{:#?}", read.terminal());
        crowd
    }

    /// Asks so many questions, and leaves each as soon as it was taken. Gives their responses.
    pub async fn ask_many(self, count: usize) -> Vec<String> {
        self.ask_many_times(QUESTION, count).await
    }

    /// As `ask_many`, with this question.
    pub async fn ask_many_times(self, question: &str, count: usize) -> Vec<String> {
        let asked =
            stream::iter(0..count).map(|_| {
                let crowd = self.clone();
                async move {
                    ask_and_leave(&crowd.http, &crowd.url, &crowd.token, json!({"input": question})).await.unwrap()
                }
            });
        asked.buffer_unordered(AT_ONCE).collect().await
    }

    /// Waits until each of them has its answer.
    pub async fn all_answered(&self, responses: &[String], patience: Duration) {
        let started = Instant::now();
        for id in responses {
            loop {
                let turn = self.ports.store.turn(&self.business, &id.as_str().into()).await.unwrap().unwrap();
                if let Some(end) = turn.end {
                    assert_eq!(end.state, TurnState::Completed, "{id}: {:?}", end.error);
                    break;
                }
                assert!(started.elapsed() < patience, "{id} has no answer: {:?}", turn.state);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// How long each of so many questions took, one after the other.
    pub async fn latencies(&self, count: usize) -> Vec<Duration> {
        let mut client = Client::new(&self.url, &self.token);
        let mut took = Vec::new();
        for _ in 0..count {
            let started = Instant::now();
            let transcript = client.ask(QUESTION).await;
            took.push(started.elapsed());
            assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
        }
        took
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token).json(&body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }
}

/// Asks, hears that the question was taken, and goes. Gives the response's id, or the answer's status.
pub async fn ask_and_leave(http: &reqwest::Client, url: &str, token: &str, mut body: Value) -> Result<String, u16> {
    body["stream"] = json!(true);
    let request = http.post(format!("{url}/v1/responses")).bearer_auth(token).json(&body);
    let mut answer = request.send().await.unwrap();
    if !answer.status().is_success() {
        return Err(answer.status().as_u16());
    }
    let mut heard = String::new();
    loop {
        let chunk = answer.chunk().await.unwrap().expect("the stream begins");
        heard.push_str(&String::from_utf8_lossy(&chunk));
        if let Some(id) = heard.split("\"response_id\":\"").nth(1).and_then(|rest| rest.split_once('"')) {
            return Ok(id.0.to_owned());
        }
    }
}
