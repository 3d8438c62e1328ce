//! Frames that are no events of a response.

use crate::body::json_error;
use crate::error::ApiError;
use crate::responses::CreateRequest;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What a client may send.
pub enum ClientFrame {
    Create(Box<CreateRequest>),
    Cancel(Named),
    Subscribe(Subscription),
    Update(Update),
    Ping(Value),
}

/// A response.
#[derive(Deserialize)]
pub struct Named {
    pub response_id: String,
}

/// A response to follow.
#[derive(Deserialize)]
pub struct Subscription {
    pub response_id: String,
    pub starting_after: Option<i64>,
}

/// A new token.
#[derive(Deserialize)]
pub struct Update {
    pub token: String,
}

/// Why a frame is not understood.
pub enum Misread {
    /// It is no JSON: who sends this speaks another protocol.
    NotJson(ApiError),
    /// It is JSON, and no frame that there is.
    Unknown(ApiError, About),
}

/// What an error is about, so that the client finds the question again.
#[derive(Clone, Debug, Default)]
pub struct About {
    pub idempotency_key: Option<String>,
    pub response_id: Option<String>,
}

impl About {
    pub fn response(id: &str) -> Self {
        Self { response_id: Some(id.to_owned()), ..Self::default() }
    }

    pub fn key(key: Option<&str>) -> Self {
        Self { idempotency_key: key.map(str::to_owned), ..Self::default() }
    }

    fn of(frame: &Value) -> Self {
        let text = |field: &str| frame.get(field).and_then(Value::as_str).map(str::to_owned);
        Self { idempotency_key: text("idempotency_key"), response_id: text("response_id") }
    }
}

/// Reads a frame.
pub fn read(text: &str) -> Result<ClientFrame, Box<Misread>> {
    let frame: Value = serde_json::from_str(text).map_err(|error| Misread::NotJson(json_error(&error)))?;
    let about = About::of(&frame);
    Ok(understand(frame).map_err(|error| Misread::Unknown(error, about))?)
}

fn understand(frame: Value) -> Result<ClientFrame, ApiError> {
    match frame.get("type").and_then(Value::as_str) {
        Some("response.create") => shape(frame).map(|request| ClientFrame::Create(Box::new(request))),
        Some("response.cancel") => shape(frame).map(ClientFrame::Cancel),
        Some("response.subscribe") => shape(frame).map(ClientFrame::Subscribe),
        Some("session.update") => shape(frame).map(ClientFrame::Update),
        Some("ping") => Ok(ClientFrame::Ping(frame.get("t").cloned().unwrap_or_default())),
        _ => Err(unknown_type()),
    }
}

fn shape<T: DeserializeOwned>(frame: Value) -> Result<T, ApiError> {
    serde_json::from_value(frame).map_err(|error| json_error(&error))
}

fn unknown_type() -> ApiError {
    let message = "There is no frame of this type. Send response.create, response.cancel, response.subscribe, \
                   session.update or ping.";
    ApiError::bad_request("unknown_type", message).about("type")
}

/// The answer to a frame that did not succeed.
pub fn error(error: &ApiError, about: &About) -> String {
    let mut frame = json!({
        "type": "error",
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "retryable": error.is_retryable(),
    });
    if let Some(key) = &about.idempotency_key {
        frame["idempotency_key"] = json!(key);
    }
    if let Some(id) = &about.response_id {
        frame["response_id"] = json!(id);
    }
    frame.to_string()
}

/// The greeting after login. `ttl_s` is what the token has left.
pub fn created(session: &str, ttl_s: u64, settings: &settings::Server, max_responses: usize) -> String {
    json!({
        "type": "session.created",
        "session_id": session,
        "ttl": ttl_s,
        "ping_interval_ms": settings.ping_interval_s.saturating_mul(1000),
        "limits": {
            "max_frame_bytes": settings.max_frame_bytes,
            "max_question_bytes": settings.max_question_bytes,
            "max_responses": max_responses,
        },
    })
    .to_string()
}

/// The answer to a new token.
pub fn updated(ttl_s: u64) -> String {
    json!({ "type": "session.updated", "ttl": ttl_s }).to_string()
}

/// The token expires soon.
pub fn expiring(ttl_s: u64) -> String {
    json!({ "type": "session.expiring", "ttl": ttl_s }).to_string()
}

/// The answer to a ping, with what it carried.
pub fn pong(t: &Value) -> String {
    json!({ "type": "pong", "t": t }).to_string()
}
