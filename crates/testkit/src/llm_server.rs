//! A scripted server with OpenAI's API, for tests: it answers each request as its script says, and tells what it got
//! and which answers the client broke off. Self-contained: axum, tokio, tokio-util, serde_json.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::{get, post};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// What has not happened by then does not happen.
const LONG_ENOUGH: Duration = Duration::from_secs(20);

/// How an answer ends after its frames.
#[derive(Clone, Debug)]
enum Ending {
    /// The connection ends as HTTP says.
    Close,
    /// Silence, the connection stays open.
    Hang,
    /// This frame, for ever.
    Repeat(String),
}

/// How the server answers one request.
#[derive(Clone, Debug)]
pub struct Script {
    status: u16,
    headers: Vec<(String, String)>,
    /// Shared by clones, so that a long answer is made once.
    frames: Arc<[Bytes]>,
    ending: Ending,
    silent: bool,
    wait: Duration,
    pace: Duration,
    gate: CancellationToken,
}

impl Script {
    fn stream(frames: Vec<String>, ending: Ending) -> Self {
        let headers = vec![(header::CONTENT_TYPE.to_string(), "text/event-stream".to_owned())];
        let gate = CancellationToken::new();
        gate.cancel();
        let frames = frames.into_iter().map(Bytes::from).collect();
        Self { status: 200, headers, frames, ending, silent: false, wait: Duration::ZERO, pace: Duration::ZERO, gate }
    }

    /// A whole answer with a count of tokens: 7 read, one written per delta.
    pub fn answer(deltas: &[&str]) -> Self {
        let mut frames = text_frames(deltas);
        frames.push(finish_frame("stop"));
        frames.push(usage_frame(7, deltas.len()));
        frames.push(done_frame());
        Self::stream(frames, Ending::Close)
    }

    /// A whole answer without a count of tokens.
    pub fn answer_without_usage(deltas: &[&str]) -> Self {
        let mut frames = text_frames(deltas);
        frames.push(finish_frame("stop"));
        frames.push(done_frame());
        Self::stream(frames, Ending::Close)
    }

    /// An answer that the server cut at `max_tokens`.
    pub fn cut_answer(deltas: &[&str]) -> Self {
        let mut frames = text_frames(deltas);
        frames.push(finish_frame("length"));
        frames.push(done_frame());
        Self::stream(frames, Ending::Close)
    }

    /// A whole answer, after which the server neither counts tokens nor closes.
    pub fn answer_then_hang(deltas: &[&str]) -> Self {
        let mut frames = text_frames(deltas);
        frames.push(finish_frame("stop"));
        Self::stream(frames, Ending::Hang)
    }

    /// A status with OpenAI's error object.
    pub fn status(status: u16) -> Self {
        Self::error(status, "scripted")
    }

    /// A status with OpenAI's error object and this code.
    pub fn error(status: u16, code: &str) -> Self {
        let error = json!({"error": {"message": "scripted failure", "type": "scripted", "param": null, "code": code}});
        let headers = vec![(header::CONTENT_TYPE.to_string(), "application/json".to_owned())];
        Self {
            status,
            headers,
            frames: Arc::from([error.to_string().into()]),
            ..Self::stream(Vec::new(), Ending::Close)
        }
    }

    /// The same with one more header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same, begun after this wait.
    pub fn after(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// The same, begun only once this is cancelled.
    pub fn behind(self, gate: &CancellationToken) -> Self {
        Self { gate: gate.clone(), ..self }
    }

    /// The same, with this pause before each frame.
    pub fn paced(self, pace: Duration) -> Self {
        Self { pace, ..self }
    }

    /// Takes the request and says nothing, not even a status.
    pub fn hang() -> Self {
        Self { silent: true, ..Self::stream(Vec::new(), Ending::Hang) }
    }

    /// Says 200 and then nothing.
    pub fn hang_after_headers() -> Self {
        Self::stream(Vec::new(), Ending::Hang)
    }

    /// These deltas, then silence.
    pub fn stall(deltas: &[&str]) -> Self {
        Self::stream(text_frames(deltas), Ending::Hang)
    }

    /// These deltas, then the end of the stream without the end of the answer.
    pub fn truncated(deltas: &[&str]) -> Self {
        Self::stream(text_frames(deltas), Ending::Close)
    }

    /// These deltas, then a frame that is no JSON.
    pub fn bad_json(deltas: &[&str]) -> Self {
        let mut frames = text_frames(deltas);
        frames.push("data: {\"choices\": [{\"del\n\n".into());
        Self::stream(frames, Ending::Close)
    }

    /// These deltas, then an error object within the stream.
    pub fn error_frame(deltas: &[&str]) -> Self {
        let mut frames = text_frames(deltas);
        frames.push(frame(&json!({"error": {"message": "overloaded", "code": 502}})));
        Self::stream(frames, Ending::Close)
    }

    /// Frames without a choice.
    pub fn empty_choices() -> Self {
        let empty = frame(&json!({"id": "c", "object": "chat.completion.chunk", "choices": []}));
        Self::stream(vec![empty.clone(), empty, done_frame()], Ending::Close)
    }

    /// The end of an answer that has no text.
    pub fn no_text() -> Self {
        Self::stream(vec![finish_frame("stop"), done_frame()], Ending::Close)
    }

    /// This delta, for ever.
    pub fn endless(delta: &str) -> Self {
        Self::stream(Vec::new(), Ending::Repeat(text_frame(delta)))
    }

    /// Frames without text, for ever.
    pub fn endless_without_text() -> Self {
        let padding = "x".repeat(16 * 1024);
        Self::stream(Vec::new(), Ending::Repeat(frame(&json!({"choices": [], "padding": padding}))))
    }

    /// Any text as the body.
    pub fn raw(body: &str) -> Self {
        Self::stream(vec![body.into()], Ending::Close)
    }
}

fn frame(event: &Value) -> String {
    format!("data: {event}\n\n")
}

fn done_frame() -> String {
    "data: [DONE]\n\n".into()
}

fn chunk(choice: &Value) -> String {
    frame(&json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted",
        "choices": [choice]}))
}

fn text_frame(delta: &str) -> String {
    chunk(&json!({"index": 0, "delta": {"content": delta}, "finish_reason": null}))
}

fn text_frames(deltas: &[&str]) -> Vec<String> {
    let role = chunk(&json!({"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}));
    [role].into_iter().chain(deltas.iter().map(|delta| text_frame(delta))).collect()
}

fn finish_frame(reason: &str) -> String {
    chunk(&json!({"index": 0, "delta": {}, "finish_reason": reason}))
}

fn usage_frame(read: usize, written: usize) -> String {
    let usage = json!({"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written});
    frame(&json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": usage}))
}

/// A request as the server got it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: Value,
}

type Responder = Box<dyn Fn(usize, &Value) -> Script + Send + Sync>;

struct Shared {
    responder: Responder,
    received: watch::Sender<Vec<Received>>,
    broken_off: watch::Sender<usize>,
    models: Mutex<Script>,
}

/// The server. It stops when it is dropped.
pub struct LlmServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<io::Result<()>>,
}

impl LlmServer {
    /// Answers the first request by the first script, and so on; the last script serves all further requests.
    pub async fn start(scripts: Vec<Script>) -> io::Result<Self> {
        let nothing = Script::status(500);
        Self::start_with(move |index, _| {
            scripts.get(index).or(scripts.last()).cloned().unwrap_or_else(|| nothing.clone())
        })
        .await
    }

    /// Answers each request (its number from 0, its body) by what the function returns.
    pub async fn start_with(responder: impl Fn(usize, &Value) -> Script + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            responder: Box::new(responder),
            received: watch::Sender::new(Vec::new()),
            broken_off: watch::Sender::new(0),
            models: Mutex::new(Script { frames: Arc::from([model_list().into()]), ..Script::error(200, "") }),
        });
        let routes = Router::new()
            .route("/v1/chat/completions", post(complete))
            .route("/v1/models", get(list_models))
            .with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, shared, task })
    }

    /// What a client sets as its base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Everything that it was asked so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.borrow().clone()
    }

    /// How many answers the client broke off so far.
    pub fn broken_off(&self) -> usize {
        *self.shared.broken_off.borrow()
    }

    /// Waits until it was asked `count` times; false when that does not happen.
    pub async fn was_asked(&self, count: usize) -> bool {
        let mut received = self.shared.received.subscribe();
        timeout(LONG_ENOUGH, received.wait_for(|received| received.len() >= count)).await.is_ok()
    }

    /// Waits until the client broke off `count` answers; false when that does not happen.
    pub async fn was_broken_off(&self, count: usize) -> bool {
        let mut broken_off = self.shared.broken_off.subscribe();
        timeout(LONG_ENOUGH, broken_off.wait_for(|broken_off| *broken_off >= count)).await.is_ok()
    }

    /// Answers `GET /models` by this script from now on.
    pub fn set_models(&self, script: Script) {
        *self.shared.models.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }
}

impl Drop for LlmServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn model_list() -> String {
    json!({"object": "list", "data": [{"id": "scripted", "object": "model"}]}).to_string()
}

async fn list_models(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let script = shared.models.lock().unwrap_or_else(PoisonError::into_inner).clone();
    play(script, Watch::new(shared)).await
}

async fn complete(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut number = 0;
    shared.received.send_modify(|received| {
        number = received.len();
        received.push(Received { authorization, body: body.clone() });
    });
    let script = (shared.responder)(number, &body);
    play(script, Watch::new(shared)).await
}

async fn play(script: Script, watch: Watch) -> Response<Body> {
    if script.silent {
        std::future::pending::<()>().await;
    }
    script.gate.cancelled().await;
    tokio::time::sleep(script.wait).await;
    let (ending, pace, all) = (script.ending, script.pace, script.frames);
    let paced = stream::iter((0..all.len()).map(move |index| all[index].clone())).then(move |frame| async move {
        if !pace.is_zero() {
            tokio::time::sleep(pace).await;
        }
        frame
    });
    let frames = paced.chain(match ending {
        Ending::Close => stream::empty().boxed(),
        Ending::Hang => stream::pending().boxed(),
        Ending::Repeat(frame) => stream::repeat(Bytes::from(frame)).boxed(),
    });
    let end = stream::once(async move {
        watch.saw_the_end();
        Bytes::new()
    });
    let body = Body::from_stream(frames.chain(end).map(Ok::<_, Infallible>));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(script.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in script.headers {
        if let (Ok(name), Ok(value)) = (header::HeaderName::try_from(name), header::HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Sees whether an answer came to its end before it was dropped.
struct Watch {
    shared: Arc<Shared>,
    ended: bool,
}

impl Watch {
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, ended: false }
    }

    fn saw_the_end(mut self) {
        self.ended = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.broken_off.send_modify(|count| *count += 1);
        }
    }
}
