//! The API as this program uses it.

use crate::args::Server;
use crate::process;
use anyhow::{Context, Result, anyhow, bail};
use app::Demo;
use futures_util::StreamExt;
use reqwest::{Client as Http, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
const RECONNECTS: u32 = 10;

/// A server, and who asks.
pub struct Client {
    http: Http,
    url: String,
    token: String,
    business: Option<String>,
}

impl Client {
    /// The server that was named, or the demo that runs on this machine.
    pub fn new(server: &Server) -> Result<Self> {
        let (url, token) = match (&server.url, &server.token) {
            (Some(url), Some(token)) => (url.clone(), token.clone()),
            (Some(_), None) => bail!("--url needs --token (or ASKLINE_TOKEN): log in over POST /v1/auth/login for one"),
            (None, _) => of_demo(server)?,
        };
        Ok(Self { http: http()?, url: url.trim_end_matches('/').to_owned(), token, business: server.business.clone() })
    }

    /// A running demo.
    pub fn of(demo: &Demo) -> Result<Self> {
        Self::at(demo.url.clone(), demo.token.clone())
    }

    /// A server at an address.
    pub fn at(url: String, token: String) -> Result<Self> {
        Ok(Self { http: http()?, url, token, business: None })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.send(self.request(Method::GET, path)).await?.json().await?)
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A message to its MCP server.
    pub fn message(&self) -> RequestBuilder {
        self.request(Method::POST, "/mcp")
    }

    /// GET, with query parameters.
    pub async fn get_with(&self, path: &str, query: &[(&str, String)]) -> Result<Value> {
        let url = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        self.get(&format!("{path}?{url}")).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self.send(self.request(Method::POST, path).json(body)).await?.json().await?)
    }

    /// Sends a form with a name and a file.
    pub async fn upload(&self, path: &str, name: &str, file_name: &str, bytes: &[u8]) -> Result<Value> {
        // Nothing in the form may look like the line between its parts.
        let boundary = format!("askline-{}", app::random_secret());
        let quoted = file_name.replace(['"', '\r', '\n'], "_");
        let mut body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n{name}\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{quoted}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let form = format!("multipart/form-data; boundary={boundary}");
        let request = self.request(Method::POST, path).header("content-type", form).body(body);
        Ok(self.send(request).await?.json().await?)
    }

    /// Sends JSON in place of what is there.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self.send(self.request(Method::PUT, path).json(body)).await?.json().await?)
    }

    /// Asks, and hands every event of the response over, to the terminal one. A lost connection is taken up again
    /// where it broke.
    pub async fn ask(&self, body: &Value, on_event: impl FnMut(&Value) -> Result<()>) -> Result<Value> {
        let mut body = body.clone();
        body["stream"] = json!(true);
        let opened = self.send(self.request(Method::POST, "/v1/responses").json(&body)).await?;
        self.follow_from(opened, None, on_event).await
    }

    /// Hands every event of a response over, to the terminal one.
    pub async fn follow(&self, response_id: &str, on_event: impl FnMut(&Value) -> Result<()>) -> Result<Value> {
        let opened = self.resume(response_id, None).await?;
        self.follow_from(opened, Some(response_id.to_owned()), on_event).await
    }

    async fn follow_from(
        &self,
        opened: Response,
        mut id: Option<String>,
        mut on_event: impl FnMut(&Value) -> Result<()>,
    ) -> Result<Value> {
        let mut events = Events::new(opened);
        let mut last = None;
        let mut reconnects = 0;
        loop {
            match events.next().await {
                Some(Ok(event)) => {
                    id = id.or_else(|| event["response_id"].as_str().map(str::to_owned));
                    last = event["sequence_number"].as_u64().or(last);
                    reconnects = 0;
                    on_event(&event)?;
                    if is_terminal(&event) {
                        return Ok(event);
                    }
                }
                broken => {
                    let known = id.as_deref().context("the connection broke before the question was accepted")?;
                    reconnects += 1;
                    if reconnects > RECONNECTS {
                        let why = broken.and_then(Result::err).unwrap_or_else(|| anyhow!("the stream ended early"));
                        return Err(why).context(format!("the answer goes on without us: ask again for {known} later"));
                    }
                    tokio::time::sleep(Duration::from_millis(200 * u64::from(reconnects))).await;
                    if let Ok(again) = self.resume(known, last).await {
                        events = Events::new(again);
                    }
                }
            }
        }
    }

    async fn resume(&self, id: &str, after: Option<u64>) -> Result<Response> {
        let after = after.map(|seq| format!("&starting_after={seq}")).unwrap_or_default();
        self.send(self.request(Method::GET, &format!("/v1/responses/{id}?stream=true{after}"))).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        match &self.business {
            Some(business) => request.header("x-askline-business", business),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let answer = request.send().await;
        let answer = answer.map_err(reqwest::Error::without_url).with_context(|| {
            format!(
                "{} does not answer: start it with `askline demo` or `askline serve`, or name another with --url",
                self.url
            )
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body: Value = answer.json().await.unwrap_or_default();
        match body["error"]["message"].as_str() {
            Some(message) => Err(anyhow!("{message}")),
            None if status == StatusCode::UNAUTHORIZED => bail!("the token is not valid here: start the demo again"),
            None => bail!("the server answered {status}"),
        }
    }
}

/// True for the event that ends a response.
pub fn is_terminal(event: &Value) -> bool {
    matches!(event["type"].as_str(), Some("response.completed" | "response.failed" | "response.incomplete"))
}

fn http() -> Result<Http> {
    Ok(Http::builder().no_proxy().connect_timeout(CONNECT).build()?)
}

fn of_demo(server: &Server) -> Result<(String, String)> {
    let folder = process::demo_folder(server.data_dir.clone());
    let demo = Demo::read(&folder)?.with_context(|| {
        format!(
            "no demo has run in {}: start `askline demo` first, name a server with --url and --token, or ask with --demo",
            folder.display()
        )
    })?;
    Ok((demo.url, demo.token))
}

/// Server-sent events of one answer.
pub struct Events {
    bytes: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: Vec<u8>,
}

impl Events {
    /// Of an answer that streams.
    pub fn new(response: Response) -> Self {
        Self { bytes: response.bytes_stream().boxed(), buffer: Vec::new() }
    }

    /// The next one; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Result<Value>> {
        loop {
            if let Some(event) = self.take_event() {
                return Some(event);
            }
            match self.bytes.next().await? {
                Ok(more) => self.buffer.extend_from_slice(&more),
                Err(error) => return Some(Err(error.without_url().into())),
            }
        }
    }

    /// The next whole event in the buffer; comments and blank frames are passed over.
    fn take_event(&mut self) -> Option<Result<Value>> {
        loop {
            let end = self.buffer.windows(2).position(|pair| pair == b"\n\n")?;
            let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let text = String::from_utf8_lossy(&frame);
            let data: String =
                text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
            if !data.is_empty() {
                return Some(serde_json::from_str(&data).context("the server sent an unreadable event"));
            }
        }
    }
}
