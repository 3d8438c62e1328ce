use super::message::{self, Message};
use crate::client::{Client, Events};
use crate::output;
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

const SESSION: &str = "mcp-session-id";
const ACCEPTED: &str = "application/json, text/event-stream";

/// Passes messages on, each on a task of its own, and writes what comes back, a line each.
pub struct Bridge {
    client: Client,
    session: Mutex<Session>,
    /// Calls that are not answered yet, by their id as JSON.
    calls: Mutex<HashMap<String, AbortHandle>>,
    tasks: TaskTracker,
}

/// What the server said when the session began.
#[derive(Clone, Default)]
struct Session {
    id: Option<String>,
    version: Option<String>,
}

impl Bridge {
    pub fn new(client: Client) -> Self {
        let (session, calls) = (Mutex::default(), Mutex::default());
        Self { client, session, calls, tasks: TaskTracker::new() }
    }

    /// Takes a line of the client.
    pub fn take(self: &Arc<Self>, line: &str) {
        let message = match Message::read(line) {
            Ok(message) => message,
            Err(error) => return write(&message::no_json(&error)),
        };
        // Nobody reads its answer any more. The server hears of it too, and stops what it runs.
        if let Some(call) = message.cancels().and_then(|id| lock(&self.calls).remove(&id.to_string())) {
            call.abort();
        }
        let (bridge, id) = (self.clone(), message.asks().map(Value::to_string));
        // The lock is held until the call is noted, so that it cannot end before.
        let mut calls = lock(&self.calls);
        let task = self.tasks.spawn(async move { bridge.pass_on(message).await });
        if let Some(id) = id {
            calls.insert(id, task.abort_handle());
        }
    }

    /// Waits for every answer that is still to come.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn pass_on(&self, message: Message) {
        let answered = self.exchange(&message).await;
        if let Some(id) = message.asks() {
            lock(&self.calls).remove(&id.to_string());
            if let Err(reason) = answered {
                write(&message::not_passed_on(id, &reason));
            }
        } else if let Err(reason) = answered {
            output::note(format!("{} was not passed on: {reason}", message.method()));
        }
    }

    async fn exchange(&self, message: &Message) -> Result<(), String> {
        let answer = self.request(message).json(message.body()).send().await;
        let answer = answer.map_err(|error| {
            format!(
                "The server at {} does not answer ({}). Start it, or try again.",
                self.client.url(),
                error.without_url()
            )
        })?;
        if message.opens_session() {
            let id = answer.headers().get(SESSION).and_then(|id| id.to_str().ok()).map(str::to_owned);
            lock(&self.session).id = id;
        }
        match answer.status() {
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => Ok(()),
            StatusCode::OK => self.deliver(message, answer).await,
            status => refused(message, status, answer).await,
        }
    }

    fn request(&self, message: &Message) -> RequestBuilder {
        let session = lock(&self.session).clone();
        let version = message.version().map(str::to_owned).or(session.version);
        let mut request = self.client.message().header("accept", ACCEPTED);
        for (name, value) in message.routing(version.as_deref()) {
            request = request.header(name, value);
        }
        if !message.opens_session() {
            for (name, value) in [(SESSION, session.id), ("mcp-protocol-version", version)] {
                request = value.into_iter().fold(request, |request, value| request.header(name, value));
            }
        }
        request
    }

    /// Writes one answer, or every message of a stream up to the answer.
    async fn deliver(&self, message: &Message, answer: Response) -> Result<(), String> {
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            let body = answer.json().await.map_err(|error| unreadable(&error.without_url()))?;
            self.write(message, &body);
            return Ok(());
        }
        let mut events = Events::new(answer);
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| unreadable(&error))?;
            self.write(message, &event);
            if answers(message, &event) {
                return Ok(());
            }
        }
        Err("The connection to the server ended before the answer came. Make the call again.".to_owned())
    }

    fn write(&self, message: &Message, body: &Value) {
        if message.opens_session()
            && let Some(version) = body["result"]["protocolVersion"].as_str()
        {
            lock(&self.session).version = Some(version.to_owned());
        }
        write(body);
    }
}

fn answers(message: &Message, body: &Value) -> bool {
    body.get("method").is_none() && message.asks().is_some_and(|id| body.get("id") == Some(id))
}

/// An answer of the protocol is passed on; anything else is put into words.
async fn refused(message: &Message, status: StatusCode, answer: Response) -> Result<(), String> {
    let text = answer.text().await.unwrap_or_default();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    if body.get("jsonrpc").is_some() && message.asks().is_some() {
        write(&body);
        return Ok(());
    }
    let said = body["error"]["message"].as_str().unwrap_or(text.trim());
    Err(match status {
        StatusCode::UNAUTHORIZED => format!("The server refuses the token in ASKLINE_TOKEN: {said}"),
        StatusCode::NOT_FOUND => {
            "There is no MCP server at this address. Check the address, and mcp.enabled.".to_owned()
        }
        _ => format!("The server answered {status}: {said}"),
    })
}

fn unreadable(error: &dyn std::fmt::Display) -> String {
    format!("The answer of the server could not be read: {error}. Make the call again.")
}

/// One message on a line of its own. The client may have gone: then nobody reads it.
fn write(message: &Value) {
    output::line(message);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
