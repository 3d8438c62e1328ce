//! One message in, one answer out.

use crate::caller::{CallKey, Caller};
use crate::handler::{Bound, Handler};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde::Deserialize;
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(crate) const SESSION: &str = "mcp-session-id";

/// What answers a message.
pub type Reply = Response<BoxBody<Bytes, Infallible>>;

/// How the server is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Hosts, or `host:port`, that requests may name.
    pub allowed_hosts: Vec<String>,
    /// Origins of browsers beside those of these hosts, such as `https://example.org`.
    pub allowed_origins: Vec<String>,
    /// Bytes of a message.
    pub max_body_bytes: usize,
    /// Bytes of rows in one answer.
    pub max_result_bytes: usize,
    /// Ends streams when the process stops.
    pub shutdown: CancellationToken,
}

/// Settings that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nobody could be let in, and a library might read it as everybody.
    #[error("the list is empty; name at least one host, such as \"localhost\", or switch the MCP server off")]
    NoHosts,
    /// Not the name of a host.
    #[error("{0:?} is no host; write something like \"askline.example.org\" or \"127.0.0.1:8080\"")]
    NoHost(String),
}

/// The server. Cheap to clone.
#[derive(Clone)]
pub struct Server(StreamableHttpService<Handler, NeverSessionManager>);

/// What must be known of a message before it is read whole.
#[derive(Deserialize)]
struct Peek {
    method: Option<String>,
    #[serde(default)]
    params: Value,
}

impl Server {
    /// A server with these settings.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        check(&config.allowed_hosts)?;
        let handler = Handler::new(config.max_result_bytes);
        let own = config.allowed_hosts.iter().flat_map(|host| origins_of(host));
        let origins: Vec<String> = own.chain(config.allowed_origins.iter().map(|origin| with_port(origin))).collect();
        let settings = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_allowed_hosts(config.allowed_hosts)
            .with_allowed_origins(origins)
            .enforce_origin_validation()
            .with_max_request_body_bytes(config.max_body_bytes)
            .with_cancellation_token(config.shutdown);
        let make = move || Ok(handler.clone());
        Ok(Self(StreamableHttpService::new(make, Arc::new(NeverSessionManager::default()), settings)))
    }

    /// Answers one message of a caller.
    pub async fn handle(&self, request: Request<Vec<u8>>, caller: Arc<dyn Caller>) -> Reply {
        let (mut parts, body) = request.into_parts();
        let peek = serde_json::from_slice::<Peek>(&body).ok();
        let cancelled = peek.as_ref().and_then(|peek| peek.cancels(&parts.headers));
        let opens = peek.is_some_and(|peek| peek.method.as_deref() == Some("initialize"));
        let session = opens.then(|| caller.new_session());
        parts.extensions.insert(Bound(caller.clone()));
        let mut reply = self.0.handle(Request::from_parts(parts, Full::new(Bytes::from(body)))).await;
        if let Some(call) = cancelled.filter(|_| reply.status().is_success()) {
            stop(&*caller, &call, &mut reply).await;
        }
        if let Some(session) = session.and_then(|session| HeaderValue::from_str(&session).ok())
            && reply.status().is_success()
        {
            reply.headers_mut().insert(SESSION, session);
        }
        reply
    }
}

impl Peek {
    /// The call that a message cancels. Without a session nobody can tell whose call a number means; a client of such
    /// a version closes its connection instead.
    fn cancels(&self, headers: &HeaderMap) -> Option<CallKey> {
        let cancels = self.method.as_deref() == Some("notifications/cancelled");
        call_key(headers, self.params.get("requestId").filter(|_| cancels)?)
    }
}

/// The key of a call: its client's session and its number.
pub(crate) fn call_key(headers: &HeaderMap, id: &Value) -> Option<CallKey> {
    let session = headers.get(SESSION)?.to_str().ok().filter(|session| !session.is_empty())?;
    Some(CallKey(format!("{session}\n{id}")))
}

/// The protocol answers a notification before it is done; this one is done when it is answered, so that a client that
/// cannot be served hears of it.
async fn stop(caller: &dyn Caller, call: &CallKey, reply: &mut Reply) {
    if let Err(problem) = caller.cancel(call).await {
        tracing::warn!(%problem, "a call could not be cancelled");
        *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        *reply.body_mut() = Empty::new().boxed();
    }
}

fn check(hosts: &[String]) -> Result<(), ConfigError> {
    if hosts.is_empty() {
        return Err(ConfigError::NoHosts);
    }
    let is_host = |host: &str| {
        http::uri::Authority::try_from(host).is_ok_and(|host| !host.host().is_empty() && !host.as_str().contains('@'))
    };
    match hosts.iter().find(|host| !is_host(host)) {
        Some(host) => Err(ConfigError::NoHost(host.clone())),
        None => Ok(()),
    }
}

/// The origins of pages that a host serves, at the port that it names, else at any.
fn origins_of(host: &str) -> [String; 2] {
    let port = match http::uri::Authority::try_from(host).ok().and_then(|host| host.port_u16()) {
        Some(_) => "",
        None => ":*",
    };
    ["http", "https"].map(|scheme| format!("{scheme}://{host}{port}"))
}

/// An origin with the port that its scheme means, where it names none.
fn with_port(origin: &str) -> String {
    let names_port =
        origin.split_once("://").is_some_and(|(_, host)| host.rsplit(']').next().is_some_and(|end| end.contains(':')));
    match (names_port, origin.starts_with("https://")) {
        (true, _) => origin.to_owned(),
        (false, true) => format!("{origin}:443"),
        (false, false) => format!("{origin}:80"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn headers(session: &'static str) -> HeaderMap {
        [(http::HeaderName::from_static(SESSION), HeaderValue::from_static(session))].into_iter().collect()
    }

    fn cancels(message: Value, headers: &HeaderMap) -> Option<CallKey> {
        serde_json::from_value::<Peek>(message).unwrap().cancels(headers)
    }

    #[test]
    fn a_cancel_names_the_call_of_its_own_session() {
        let cancel = |id: Value| json!({"method": "notifications/cancelled", "params": {"requestId": id}});
        let key = call_key(&headers("a"), &json!(7));
        assert!(key.is_some());
        assert_eq!(cancels(cancel(json!(7)), &headers("a")), key);
        assert_ne!(cancels(cancel(json!("7")), &headers("a")), key, "a text is another id than a number");
        assert_ne!(cancels(cancel(json!(7)), &headers("b")), key);
        assert_eq!(cancels(cancel(json!(7)), &HeaderMap::new()), None);
        assert_eq!(cancels(json!({"method": "ping", "params": {"requestId": 7}}), &headers("a")), None);
    }

    #[test]
    fn hosts_that_cannot_be_meant_are_told() {
        assert_eq!(check(&[]), Err(ConfigError::NoHosts));
        for host in ["", "http://a", "a b", "a/b", "user@a"] {
            assert_eq!(check(&[host.to_owned()]), Err(ConfigError::NoHost(host.to_owned())), "{host}");
        }
        for host in ["localhost", "127.0.0.1:8080", "[::1]", "[::1]:80", "askline.example.org"] {
            assert_eq!(check(&[host.to_owned()]), Ok(()), "{host}");
        }
    }

    #[test]
    fn an_origin_has_a_port() {
        assert_eq!(origins_of("a.example"), ["http://a.example:*", "https://a.example:*"]);
        assert_eq!(origins_of("[::1]:81"), ["http://[::1]:81", "https://[::1]:81"]);
        assert_eq!(with_port("https://a.example"), "https://a.example:443");
        assert_eq!(with_port("http://[::1]"), "http://[::1]:80");
        assert_eq!(with_port("http://[::1]:81"), "http://[::1]:81");
    }
}
