//! The one place that sends. It replaces the client's own sender, which would try three times more, and keeps what the
//! client's errors leave out: `Retry-After`.

use super::config::{ApiKey, OpenaiConfig};
use crate::provider::{Failure, RetryAfter};
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Body, Request, Response};
use serde_json::Value;
use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

/// The longest answer on the wire, with its JSON around each token. The client buffers what is not yet read.
const LONGEST_BODY: usize = 16 * 1024 * 1024;
/// The longest line of a streamed answer, which holds a few tokens. What reads lines looks through one from its beginning
/// with each packet, so that one of ten megabytes would keep a processor busy for minutes.
const LONGEST_LINE: usize = 1024 * 1024;
/// As much of a refusal's body is read.
const LONGEST_REFUSAL: usize = 16 * 1024;
/// As much of it gets into the log.
const LOGGED_REFUSAL: usize = 300;

/// Sends a request once, with the key.
#[derive(Clone)]
pub(super) struct SingleSend {
    client: reqwest::Client,
    key: Option<ApiKey>,
    advice: Arc<str>,
}

impl SingleSend {
    pub(super) fn new(client: reqwest::Client, config: &OpenaiConfig) -> Self {
        Self { client, key: config.api_key.clone(), advice: config.key_advice().into() }
    }

    /// A GET of `url`.
    pub(super) async fn get(&self, url: &str) -> Result<Response, Failure> {
        let request = self.client.get(url).build().map_err(|error| unreachable(&error))?;
        self.send(request).await
    }

    async fn send(&self, mut request: Request) -> Result<Response, Failure> {
        authorize(request.headers_mut(), self.key.as_ref());
        let response = self.client.execute(request).await.map_err(|error| unreachable(&error))?;
        if response.status().is_success() {
            return Ok(bounded(response));
        }
        Err(self.refusal(response).await)
    }

    async fn refusal(&self, response: Response) -> Failure {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let body = start_of(response).await;
        let code = code(&body);
        match status {
            429 if code.as_deref() == Some("insufficient_quota") => self.refused(status, code, &body),
            408 | 409 | 429 | 500.. => Failure::Busy { status, retry_after },
            401 | 403 => Failure::KeyRefused(self.advice.to_string()),
            _ => self.refused(status, code, &body),
        }
    }

    fn refused(&self, status: u16, code: Option<String>, body: &str) -> Failure {
        let shown: String = body.chars().filter(|letter| !letter.is_control()).take(LOGGED_REFUSAL).collect();
        let detail = self.key.as_ref().map_or_else(|| shown.clone(), |key| key.hidden_in(&shown));
        let code = code.map(|code| format!(", {code}")).unwrap_or_default();
        let advice = match status {
            300..400 | 404 => ": check base_url and model",
            _ => "",
        };
        Failure::Refused { reason: format!("status {status}{code}{advice}"), detail }
    }
}

impl tower::Service<HttpRequestFactory> for SingleSend {
    type Response = Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<Response, OpenAIError>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, factory: HttpRequestFactory) -> Self::Future {
        let sender = self.clone();
        Box::pin(async move {
            let request = factory.build().await?;
            sender.send(request).await.map_err(|failure| OpenAIError::Boxed(Box::new(failure)))
        })
    }
}

fn authorize(headers: &mut HeaderMap, key: Option<&ApiKey>) {
    headers.remove(AUTHORIZATION);
    if let Some(key) = key {
        headers.insert(AUTHORIZATION, key.header());
    }
}

/// What an error of the client means.
pub(super) fn failure(error: OpenAIError) -> Failure {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(error) => Failure::Unreachable { detail: root(error.as_ref()) },
        },
        OpenAIError::Reqwest(error) => unreachable(&error),
        OpenAIError::JSONDeserialize(..) => Failure::Malformed("not the JSON of a chat completion"),
        // The connection broke, the stream was no UTF-8, or it passed every bound.
        _ => Failure::Truncated,
    }
}

fn unreachable(error: &reqwest::Error) -> Failure {
    Failure::Unreachable { detail: root(error) }
}

/// The innermost cause: it names no URL.
fn root(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(RetryAfter::In(Duration::from_secs(seconds)));
    }
    let since_epoch = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(RetryAfter::At(i64::try_from(since_epoch.as_millis()).ok()?))
}

async fn start_of(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        let room = LONGEST_REFUSAL - body.len();
        body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if body.len() == LONGEST_REFUSAL {
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// The error's code, where it is a plain word: only such a one is shown to users.
fn code(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let code = body["error"]["code"].as_str()?;
    let is_word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    (code.len() <= 64 && code.chars().all(is_word)).then(|| code.to_owned())
}

/// The same response, whose body ends in an error where it passes a bound.
fn bounded(response: Response) -> Response {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut length = Length::new(is_streamed(&headers));
    let body = response.bytes_stream().map_err(io::Error::other).map(move |bytes| {
        let bytes = bytes?;
        length.add(&bytes)?;
        Ok::<_, io::Error>(bytes)
    });
    let mut bounded = http::Response::new(Body::wrap_stream(body));
    *bounded.status_mut() = status;
    *bounded.headers_mut() = headers;
    bounded.into()
}

fn is_streamed(headers: &HeaderMap) -> bool {
    const KIND: &[u8] = b"text/event-stream";
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.as_bytes().get(..KIND.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
}

/// How long a body is by now, and its last line where lines are bounded.
struct Length {
    body: usize,
    line: usize,
    longest_line: usize,
}

impl Length {
    fn new(is_streamed: bool) -> Self {
        Self { body: 0, line: 0, longest_line: if is_streamed { LONGEST_LINE } else { usize::MAX } }
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.body += bytes.len();
        self.line = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => bytes.len() - end - 1,
            None => self.line + bytes.len(),
        };
        match self.body <= LONGEST_BODY && self.line <= self.longest_line {
            true => Ok(()),
            false => Err(io::Error::other("the answer has no end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_and_a_line_of_a_stream_have_an_end() {
        let packet = vec![b'x'; LONGEST_LINE];
        let mut stream = Length::new(true);
        assert!(stream.add(&packet).is_ok() && stream.add(b"\n").is_ok() && stream.add(&packet).is_ok());
        assert!(stream.add(b"x").is_err());
        let mut whole = Length::new(false);
        assert!((0..LONGEST_BODY / LONGEST_LINE).all(|_| whole.add(&packet).is_ok()));
        assert!(whole.add(b"x").is_err());
    }

    fn header(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, reqwest::header::HeaderValue::from_static(value))])
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after(&header("7")), Some(RetryAfter::In(Duration::from_secs(7))));
        let date = header("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(retry_after(&date), Some(RetryAfter::At(1_445_412_480_000)));
        for nonsense in ["soon", "-1", "1.5", ""] {
            assert_eq!(retry_after(&header(nonsense)), None, "{nonsense}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn only_a_plain_code_is_shown() {
        assert_eq!(code(r#"{"error":{"code":"context_length_exceeded"}}"#).as_deref(), Some("context_length_exceeded"));
        for body in ["", "[]", r#"{"error":{"code":"http://10.0.0.1"}}"#, r#"{"error":{"code":7}}"#] {
            assert_eq!(code(body), None, "{body}");
        }
    }
}
