use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Nothing in a test takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client on a websocket. Reconnects and resumes by itself, as the page does.
pub struct Client {
    url: String,
    token: String,
    socket: Option<Socket>,
    /// The last `response.create`: sent again, under its key, when the connection breaks before it was answered.
    asked: Option<Value>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Everything that a client heard of one response.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// In order, each number once.
    pub events: Vec<Value>,
}

impl Client {
    /// For a server and a token.
    pub fn new(url: &str, token: &str) -> Self {
        Self { url: url.replace("http", "ws"), token: token.to_owned(), socket: None, asked: None }
    }

    /// Asks, and listens to the terminal event.
    pub async fn ask(&mut self, question: &str) -> Transcript {
        self.ask_with(json!({"input": question})).await
    }

    /// As `ask`, with other fields of `response.create`.
    pub async fn ask_with(&mut self, fields: Value) -> Transcript {
        self.create(fields).await;
        self.listen(None, Vec::new()).await
    }

    /// Sends a `response.create` without listening.
    pub async fn create(&mut self, mut fields: Value) {
        fields["type"] = json!("response.create");
        if fields["idempotency_key"].is_null() {
            fields["idempotency_key"] = json!(crate::servers::fresh_name());
        }
        self.asked = Some(fields.clone());
        self.send(fields).await;
    }

    /// Listens to a response that exists, from the start.
    pub async fn follow(&mut self, response: &str) -> Transcript {
        self.send(json!({"type": "response.subscribe", "response_id": response})).await;
        self.listen(Some(response.to_owned()), Vec::new()).await
    }

    /// Listens until `enough` says so.
    pub async fn listen_until(&mut self, enough: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.expect("the connection holds");
            let stop = enough(&event);
            events.push(event);
            if stop {
                return events;
            }
        }
    }

    /// Goes on listening to a response of which something was heard.
    pub async fn listen_on(&mut self, heard: Vec<Value>) -> Transcript {
        let id = heard.iter().find_map(|event| event["response_id"].as_str()).map(str::to_owned);
        self.listen(id, heard).await
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: Value) {
        for _ in 0..100 {
            if self.socket.is_none() {
                self.socket = self.connect().await;
            }
            let Some(socket) = self.socket.as_mut() else { continue };
            if socket.send(Message::text(frame.to_string())).await.is_ok() {
                return;
            }
            self.socket = None;
        }
        panic!("{} does not take frames", self.url);
    }

    /// The next frame; `None` when the connection ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let socket = self.socket.as_mut()?;
            let frame = timeout(PATIENCE, socket.next()).await.expect("a frame comes in time");
            match frame {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => {
                    self.socket = None;
                    return None;
                }
            }
        }
    }

    async fn listen(&mut self, mut id: Option<String>, mut events: Vec<Value>) -> Transcript {
        loop {
            let Some(event) = self.next().await else {
                self.resume(id.as_deref(), &events).await;
                continue;
            };
            if event["type"] == "error" {
                panic!("the server answered {event}");
            }
            let Some(response) = event["response_id"].as_str() else { continue };
            if id.get_or_insert_with(|| response.to_owned()) != response || !is_new(&events, &event) {
                continue;
            }
            let terminal = is_terminal(&event);
            events.push(event);
            if terminal {
                return Transcript { events };
            }
        }
    }

    async fn resume(&mut self, id: Option<&str>, events: &[Value]) {
        let Some(id) = id else {
            let asked = self.asked.clone().expect("something was asked before the connection broke");
            return self.send(asked).await;
        };
        let mut frame = json!({"type": "response.subscribe", "response_id": id});
        if let Some(last) = events.last() {
            frame["starting_after"] = last["sequence_number"].clone();
        }
        self.send(frame).await;
    }

    /// Waits for the server; within the patience it may be down.
    async fn connect(&self) -> Option<Socket> {
        let connecting = async {
            loop {
                let mut request = format!("{}/v1/responses", self.url).into_client_request().expect("a URL");
                let bearer = format!("Bearer {}", self.token).parse().expect("a header");
                request.headers_mut().insert("Authorization", bearer);
                if let Ok((socket, _)) = connect_async(request).await {
                    return socket;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, connecting).await.ok()
    }
}

fn is_new(events: &[Value], event: &Value) -> bool {
    events.last().is_none_or(|last| event["sequence_number"].as_u64() > last["sequence_number"].as_u64())
}

fn is_terminal(event: &Value) -> bool {
    matches!(event["type"].as_str(), Some("response.completed" | "response.failed" | "response.incomplete"))
}

impl Transcript {
    /// The response.
    pub fn id(&self) -> &str {
        self.events[0]["response_id"].as_str().expect("a response id")
    }

    /// The terminal event. There is exactly one, and it is the last.
    pub fn terminal(&self) -> &Value {
        let ends = self.events.iter().filter(|event| is_terminal(event)).count();
        assert_eq!(ends, 1, "one terminal event");
        self.events.last().expect("events")
    }

    /// How it ended: the type of the terminal event without its prefix.
    pub fn status(&self) -> &str {
        self.terminal()["type"].as_str().unwrap_or_default().trim_start_matches("response.")
    }

    /// The text of the terminal event.
    pub fn text(&self) -> String {
        let response = &self.terminal()["response"];
        response["output"][0]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }

    /// Why it failed: code and message.
    pub fn error(&self) -> (String, String) {
        let error = &self.terminal()["response"]["error"];
        let field = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (field("code"), field("message"))
    }

    /// The text as it was streamed: what came before a step began again is void.
    pub fn streamed(&self) -> String {
        let mut text = String::new();
        for event in &self.events {
            match event["type"].as_str() {
                Some("response.output_text.delta") => text.push_str(event["delta"].as_str().unwrap_or_default()),
                Some("response.askline.step.started") if event["attempt"].as_u64() > Some(1) => text.clear(),
                _ => {}
            }
        }
        text
    }

    /// The types of the events.
    pub fn types(&self) -> Vec<&str> {
        self.events.iter().filter_map(|event| event["type"].as_str()).collect()
    }

    /// The events of a type.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events.iter().filter(move |event| event["type"] == kind)
    }

    /// Checks what every response promises: dense numbers, one end, the streamed text is the final text.
    pub fn check(&self) -> &Self {
        let numbers: Vec<_> = self.events.iter().map(|event| event["sequence_number"].as_u64()).collect();
        let dense: Vec<_> = (0..numbers.len() as u64).map(Some).collect();
        assert_eq!(numbers, dense, "dense numbers: {:#?}", self.types());
        if self.status() == "completed" {
            assert_eq!(self.streamed(), self.text(), "the streamed text is the final text");
        }
        self
    }
}
