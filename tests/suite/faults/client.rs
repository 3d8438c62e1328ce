//! A client that writes down everything it hears and decides nothing: it asks, resends under the same key what was not
//! taken, reconnects to whichever node answers, resumes, and stops when it has heard the end.

use super::evidence::{Asked, Heard, Refusal, now_ms};
use super::question::{Style, Tag};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A socket on which nothing comes for this long is given up: the server pings more often.
const SILENCE: Duration = Duration::from_secs(45);
/// What the server still had to say after an end comes before its answer to a ping.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// How far the questions of a run are, for whoever injects the fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    pub accepted: usize,
    pub ended: usize,
    pub refused: usize,
    /// Deltas that the question ahead of all others has heard.
    pub most_deltas: usize,
}

/// Where to ask, as whom.
#[derive(Clone)]
pub struct Access {
    /// Any of them will do.
    pub urls: Vec<String>,
    pub token: String,
    pub tenant: usize,
}

/// Asks one question until its end, or until the patience is over.
pub struct Client {
    access: Access,
    progress: Arc<watch::Sender<Progress>>,
    asked: Asked,
    style: Style,
    socket: Option<Socket>,
    connections: u32,
    deltas: usize,
    cancelled: bool,
}

impl Client {
    pub fn new(access: Access, tag: &Tag, number: usize, progress: Arc<watch::Sender<Progress>>) -> Self {
        let asked = Asked::new(tag, access.tenant, number);
        Self { access, progress, asked, style: tag.style, socket: None, connections: 0, deltas: 0, cancelled: false }
    }

    pub async fn ask(mut self, patience: Duration) -> Asked {
        let deadline = Instant::now() + patience;
        self.asked.asked_ms = now_ms();
        // What was heard up to then is evidence, too.
        drop(timeout_at(deadline, self.follow()).await);
        self.asked
    }

    async fn follow(&mut self) {
        while self.asked.ended_ms.is_none() {
            if self.socket.is_none() && !self.connect().await {
                continue;
            }
            match self.next().await {
                Some(frame) => self.hear(frame).await,
                None => self.socket = None,
            }
        }
        self.hear_last_words().await;
    }

    async fn connect(&mut self) -> bool {
        let url = &self.access.urls[self.connections as usize % self.access.urls.len()];
        let url = format!("{}/v1/responses", url.replace("http", "ws"));
        self.connections += 1;
        let mut request = url.into_client_request().expect("a URL");
        let bearer = format!("Bearer {}", self.access.token).parse().expect("a header");
        request.headers_mut().insert("Authorization", bearer);
        match timeout(Duration::from_secs(10), connect_async(request)).await {
            Ok(Ok((socket, _))) => self.socket = Some(socket),
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
        self.socket.is_some() && self.speak_first().await
    }

    async fn speak_first(&mut self) -> bool {
        let frame = match &self.asked.response {
            None => json!({
                "type": "response.create", "input": self.asked.question, "idempotency_key": self.asked.key,
            }),
            Some(id) => {
                let mut frame = json!({"type": "response.subscribe", "response_id": id});
                if let Some(last) = self.asked.last_number() {
                    frame["starting_after"] = json!(last);
                }
                frame
            }
        };
        self.say(frame).await
    }

    async fn say(&mut self, frame: Value) -> bool {
        let Some(socket) = self.socket.as_mut() else { return false };
        let said = socket.send(Message::text(frame.to_string())).await.is_ok();
        if !said {
            self.socket = None;
        }
        said
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            let message = timeout(SILENCE, self.socket.as_mut()?.next()).await.ok()??.ok()?;
            match message {
                Message::Text(text) => return serde_json::from_str(&text).ok(),
                Message::Ping(_) | Message::Pong(_) => {}
                _ => return None,
            }
        }
    }

    async fn hear(&mut self, frame: Value) {
        let kind = frame["type"].as_str().unwrap_or_default().to_owned();
        if kind == "error" {
            return self.refused(frame).await;
        }
        let Some(id) = frame["response_id"].as_str().map(str::to_owned) else { return };
        // Where it stands in line is no event of the response.
        if kind != "response.askline.queue.position" {
            self.note(frame);
        }
        if self.asked.response.is_none() {
            self.asked.response = Some(id.clone());
            self.progress.send_modify(|progress| progress.accepted += 1);
        }
        match kind.as_str() {
            "response.output_text.delta" => self.delta(&id).await,
            "response.completed" | "response.failed" | "response.incomplete" => {
                self.asked.ended_ms = Some(now_ms());
                self.progress.send_modify(|progress| progress.ended += 1);
            }
            _ => {}
        }
    }

    async fn delta(&mut self, id: &str) {
        self.deltas += 1;
        let deltas = self.deltas;
        self.progress.send_modify(|progress| progress.most_deltas = progress.most_deltas.max(deltas));
        if self.style == Style::Cancelled && !self.cancelled {
            self.cancelled = self.say(json!({"type": "response.cancel", "response_id": id})).await;
        }
    }

    fn note(&mut self, frame: Value) {
        self.asked.heard.push(Heard { connection: self.connections, frame });
    }

    /// Not taken, or not to be followed now: the same is said again on another connection.
    async fn refused(&mut self, frame: Value) {
        let retryable = frame["retryable"] == true;
        self.asked.refusals.push(Refusal { frame });
        self.progress.send_modify(|progress| progress.refused += 1);
        if !retryable && self.asked.response.is_none() {
            self.asked.ended_ms = Some(now_ms());
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.socket = None;
    }

    async fn hear_last_words(&mut self) {
        if !self.say(json!({"type": "ping", "t": 1})).await {
            return;
        }
        let listening = async {
            while let Some(frame) = self.next().await {
                if frame["type"] == "pong" {
                    return;
                }
                if frame["response_id"].is_string() {
                    self.note(frame);
                }
            }
        };
        drop(timeout(LAST_WORDS, listening).await);
    }
}
