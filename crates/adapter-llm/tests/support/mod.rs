//! What the tests of this crate share.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use adapter_llm::{Backoff, Chain, Jitter, Provider};
use contracts::{BusinessId, Message};
use futures_util::StreamExt;
use ports::llm::{Budget, Call, Completion, Error, Llm, Piece, Purpose, Request};
use ports::{Clock, PortError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A clock that follows tokio's, paused or not; it starts at 1,700,000,000,000.
pub struct TokioClock(Instant);

pub const START_MS: i64 = 1_700_000_000_000;

impl Clock for TokioClock {
    fn now_ms(&self) -> i64 {
        START_MS + i64::try_from(self.monotonic_ms()).unwrap()
    }
    fn monotonic_ms(&self) -> u64 {
        self.0.elapsed().as_millis().try_into().unwrap()
    }
}

/// A budget that counts.
pub struct Calls {
    pub spent: AtomicU32,
    pub limit: u32,
}

impl Calls {
    pub fn of(limit: u32) -> Arc<Self> {
        Arc::new(Self { spent: AtomicU32::new(0), limit })
    }
    pub fn spent(&self) -> u32 {
        self.spent.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Budget for Calls {
    async fn spend(&self) -> Result<bool, PortError> {
        let spend = |spent| (spent < self.limit).then_some(spent + 1);
        Ok(self.spent.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_ok())
    }
}

/// Always the whole window.
pub struct FullWindow;
impl Jitter for FullWindow {
    fn up_to(&self, longest: Duration) -> Duration {
        longest
    }
}

pub fn chain(providers: Vec<Arc<dyn Provider>>, backoff: Backoff) -> Chain {
    Chain::new(providers, Arc::new(TokioClock(Instant::now()))).with_backoff(backoff)
}

pub fn full_window() -> Backoff {
    Backoff { jitter: Arc::new(FullWindow), ..Backoff::default() }
}

pub fn request(purpose: Purpose) -> Request {
    Request {
        purpose,
        business: BusinessId::from("biz_1"),
        connection: None,
        connection_name: None,
        question: "How many?".into(),
        messages: vec![Message::system("Be brief."), Message::user("How many?")],
        json_schema: None,
        max_tokens: 100,
        schema: None,
        dialect: None,
        result: None,
    }
}

pub fn call(request: Request, budget: Arc<Calls>, time_left: Duration) -> Call {
    Call { request, budget, time_left, cancel: CancellationToken::new() }
}

/// Everything that a call brought.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The text as a client joins it: a restart empties it.
    pub shown: String,
    pub restarts: Vec<String>,
    pub notices: Vec<String>,
    pub deltas: usize,
    pub end: Option<Result<Completion, Error>>,
}

impl Outcome {
    pub fn completion(&self) -> &Completion {
        match &self.end {
            Some(Ok(completion)) => completion,
            other => panic!("no completion: {other:?}"),
        }
    }
    pub fn error(&self) -> &Error {
        match &self.end {
            Some(Err(error)) => error,
            other => panic!("no error: {other:?}"),
        }
    }
}

/// Reads a call to its end and checks what holds for every one: one end, nothing after it, and the text joined from
/// the deltas is the text of the completion.
pub async fn run(llm: &dyn Llm, call: Call) -> Outcome {
    let mut outcome = Outcome::default();
    let mut pieces = llm.stream(call).await.unwrap();
    while let Some(piece) = pieces.next().await {
        assert!(outcome.end.is_none(), "{piece:?} after the end");
        match piece {
            Ok(Piece::Delta(delta)) => {
                outcome.deltas += 1;
                outcome.shown.push_str(&delta);
            }
            Ok(Piece::Restart(reason)) => {
                outcome.shown.clear();
                outcome.restarts.push(reason);
            }
            Ok(Piece::Notice(notice)) => outcome.notices.push(notice),
            Ok(Piece::Done(completion)) => outcome.end = Some(Ok(completion)),
            Err(error) => outcome.end = Some(Err(error)),
        }
    }
    if let Some(Ok(completion)) = &outcome.end {
        assert_eq!(outcome.shown, completion.text);
    }
    assert!(outcome.end.is_some(), "a call without an end: {outcome:?}");
    outcome
}
