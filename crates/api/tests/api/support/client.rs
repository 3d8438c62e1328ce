//! Calls of the router without a network.

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use futures_util::StreamExt;
use serde_json::Value;
use tower::ServiceExt;

/// A request that is being put together.
pub struct Call {
    router: Router,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A whole answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// An answer that streams.
pub struct Sse {
    pub headers: HeaderMap,
    stream: BodyDataStream,
    text: String,
    comments: usize,
}

impl Call {
    pub fn new(router: Router, method: Method, path: &str) -> Self {
        Self { router, method, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: Value) -> Self {
        self.raw(body.to_string())
    }

    pub fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let response = self.response().await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec();
        Answer { status, headers, body }
    }

    pub async fn stream(self) -> Sse {
        let response = self.response().await;
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers().clone();
        Sse { headers, stream: response.into_body().into_data_stream(), text: String::new(), comments: 0 }
    }

    async fn response(self) -> axum::response::Response {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        self.router.oneshot(request.body(Body::from(self.body)).unwrap()).await.unwrap()
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The status and the code of the error.
    pub fn error(&self) -> (u16, String) {
        let body = self.json();
        let error = &body["error"];
        assert!(!error["message"].as_str().unwrap().is_empty() && error["type"].is_string(), "{body}");
        (self.status.as_u16(), error["code"].as_str().unwrap().to_owned())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Sse {
    /// The next event, with its fields `event` and `id` checked against its data. `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                match parse(&block) {
                    Some(event) => return Some(event),
                    None => {
                        self.comments += 1;
                        continue;
                    }
                }
            }
            let chunk = self.stream.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// How many comments came.
    pub fn comments(&self) -> usize {
        self.comments
    }

    /// Numbers and types of all events up to the end of the stream.
    pub async fn rest(&mut self) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(brief(&event));
        }
        all
    }

    /// Numbers and types of the next events.
    pub async fn take(&mut self, count: usize) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(brief(&self.next().await.expect("the stream ended early")));
        }
        all
    }
}

/// Number and type of an event.
pub fn brief(event: &Value) -> (u64, String) {
    (event["sequence_number"].as_u64().unwrap(), event["type"].as_str().unwrap().to_owned())
}

fn parse(block: &str) -> Option<Value> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let data: Value = serde_json::from_str(field("data:")?).unwrap();
    assert_eq!(field("event:"), data["type"].as_str());
    assert_eq!(field("id:").map(str::to_owned), data["sequence_number"].as_u64().map(|number| number.to_string()));
    Some(data)
}
