//! A sink for traces, which takes what exporters send over OTLP and HTTP.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

const LARGEST: usize = 16 * 1024 * 1024;

/// A span that was exported.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The service that it ran in.
    pub service: String,
    /// Its name.
    pub name: String,
    /// The trace, hexadecimal.
    pub trace: String,
    /// Its id, hexadecimal.
    pub id: String,
    /// Its parent's id; empty when it has none.
    pub parent: String,
    /// Ids of the spans that it links to.
    pub links: Vec<String>,
    /// Its attributes that are texts.
    pub texts: BTreeMap<String, String>,
}

type Spans = Arc<Mutex<Vec<Exported>>>;

/// The sink. It ends with the test.
pub struct Sink {
    /// What to set as `telemetry.otlp_endpoint`.
    pub endpoint: String,
    spans: Spans,
}

impl Sink {
    /// Listens on a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Spans::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .layer(DefaultBodyLimit::max(LARGEST))
            .with_state(spans.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { endpoint, spans }
    }

    /// All that was exported so far.
    pub fn spans(&self) -> Vec<Exported> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(State(spans): State<Spans>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let exported = request.resource_spans.into_iter().flat_map(of_resource);
    spans.lock().unwrap_or_else(PoisonError::into_inner).extend(exported);
    StatusCode::OK
}

fn of_resource(resource: ResourceSpans) -> Vec<Exported> {
    let attributes = resource.resource.map(|resource| texts(resource.attributes)).unwrap_or_default();
    let service = attributes.get("service.name").cloned().unwrap_or_default();
    let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(|span| exported(&service, span)).collect()
}

fn exported(service: &str, span: Span) -> Exported {
    Exported {
        service: service.to_owned(),
        name: span.name,
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        links: span.links.iter().map(|link| hex(&link.span_id)).collect(),
        texts: texts(span.attributes),
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |attribute: KeyValue| match attribute.value?.value? {
        Value::StringValue(text) => Some((attribute.key, text)),
        _ => None,
    };
    attributes.into_iter().filter_map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
