//! Checks over plain HTTP and bare sockets. Each says what it found when that is not what it should be.

use super::client::Access;
use super::question::{Style, Tag};
use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use reqwest::Response;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// A question that is not taken after so many tries is not taken.
const TRIES: usize = 5;

type Checked = Result<(), String>;

async fn ask(access: &Access, body: &Value) -> Response {
    let url = format!("{}/v1/responses", access.urls[0]);
    let request = reqwest::Client::new().post(url).bearer_auth(&access.token).json(body);
    request.send().await.expect("the API answers")
}

/// Asks as every client does: who is told to send it again does so.
async fn ask_until_taken(access: &Access, body: &Value) -> Response {
    let mut answer = ask(access, body).await;
    for _ in 1..TRIES {
        let Some(after) = told_to_wait(&answer) else { break };
        tokio::time::sleep(after).await;
        answer = ask(access, body).await;
    }
    answer
}

fn told_to_wait(answer: &Response) -> Option<Duration> {
    let after = answer.headers().get("retry-after").filter(|_| answer.status() == 503)?;
    after.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

pub async fn refuses_soon(access: &Access, limit: Duration) -> Checked {
    let started = Instant::now();
    let answer = ask(access, &json!({"input": "How many customers do we have?"})).await;
    let (took, status) = (started.elapsed(), answer.status().as_u16());
    let says_when = answer.headers().contains_key("retry-after");
    if status == 503 && says_when && took <= limit {
        return Ok(());
    }
    Err(format!("status {status} after {took:?}, retry-after: {says_when}"))
}

/// Nobody answers, or somebody who says that it is not ready.
pub async fn is_not_ready(access: &Access) -> Checked {
    match reqwest::get(format!("{}/ready", access.urls[0])).await.map(|answer| answer.status().as_u16()) {
        Ok(503) | Err(_) => Ok(()),
        Ok(status) => Err(format!("it says {status}")),
    }
}

pub async fn one_key_is_one_question(access: &Access, run: &str) -> Checked {
    let tag = Tag { run: format!("{run}-key"), number: 0, style: Style::Plain };
    let body = json!({"input": tag.question(), "idempotency_key": format!("same-{run}")});
    let answers = join_all((0..10).map(|_| ask_until_taken(access, &body))).await;
    let mut ids = std::collections::BTreeSet::new();
    for answer in answers.into_iter().chain([ask_until_taken(access, &body).await]) {
        let status = answer.status().as_u16();
        let answer: Value = answer.json().await.unwrap_or_default();
        if status != 200 || answer["status"] != "completed" {
            return Err(format!("status {status}: {answer}"));
        }
        ids.insert(answer["id"].to_string());
    }
    if ids.len() != 1 {
        return Err(format!("one key gave {ids:?}"));
    }
    let other = json!({"input": "Something else?", "idempotency_key": format!("same-{run}")});
    match ask(access, &other).await.status().as_u16() {
        409 => Ok(()),
        status => Err(format!("another text under the key gets {status}")),
    }
}

pub async fn bad_input_is_answered(access: &Access) -> Checked {
    let deep = ["[".repeat(10_000), "]".repeat(10_000)].concat();
    let large = json!({"input": "x".repeat(10 << 20)}).to_string();
    let bodies: [(&str, Vec<u8>, u16); 4] = [
        ("no JSON", b"{\"input\":".to_vec(), 400),
        ("no UTF-8", b"{\"input\":\"\xff\xfe\"}".to_vec(), 400),
        ("deep JSON", deep.clone().into_bytes(), 400),
        ("10 MB", large.clone().into_bytes(), 413),
    ];
    for (name, body, expected) in bodies {
        let status = post_bytes(access, body).await;
        // A server that has said no may close before it has read ten megabytes.
        if status.is_some_and(|status| status != expected) || (status.is_none() && expected != 413) {
            return Err(format!("{name} over HTTP gets {status:?}, not {expected}"));
        }
    }
    let not_utf8 = Message::Frame(Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true));
    let frames =
        [("no JSON", Message::text("{"), 4501), ("no UTF-8", not_utf8, 1007), ("10 MB", Message::text(large), 1009)];
    for (name, frame, expected) in frames {
        let code = close_code(access, frame).await;
        if code != Some(expected) && !(code.is_none() && expected == 1009) {
            return Err(format!("{name} on a socket gets {code:?}, not {expected}"));
        }
    }
    Ok(())
}

async fn post_bytes(access: &Access, body: Vec<u8>) -> Option<u16> {
    let request = reqwest::Client::new().post(format!("{}/v1/responses", access.urls[0])).bearer_auth(&access.token);
    let answer = request.header("content-type", "application/json").body(body).send().await;
    answer.ok().map(|answer| answer.status().as_u16())
}

async fn close_code(access: &Access, frame: Message) -> Option<u16> {
    let url = format!("{}/v1/responses", access.urls[0].replace("http", "ws"));
    let mut request = url.into_client_request().expect("a URL");
    let bearer = format!("Bearer {}", access.token).parse().expect("a header");
    request.headers_mut().insert("Authorization", bearer);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.ok()?;
    // The server may close while it is still being talked to.
    drop(socket.send(frame).await);
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(close) = message {
            return close.map(|close| close.code.into());
        }
    }
    None
}
