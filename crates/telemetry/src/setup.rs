use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::collections::HashMap;
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// How to log and trace.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// Filter, such as `info,worker_kit=debug`.
    pub filter: String,
    /// JSON lines; `None` means text on a terminal and JSON elsewhere.
    pub json: Option<bool>,
    /// OTLP endpoint over HTTP; empty means that this process makes no traces. It passes on those of others.
    pub otlp_endpoint: String,
    /// Headers for it, `name=value,name=value`.
    pub otlp_headers: String,
    /// The role, as `service.name`'s suffix.
    pub role: String,
}

/// It tells every message that it passes on, rows of customers too. A filter that names it wins.
const QUIET: &str = "rmcp=error";

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter.
    #[error("telemetry.log is no filter ({0}): write something like \"info\" or \"info,worker_kit=debug\"")]
    Filter(String),
    /// The exporter.
    #[error("telemetry.otlp_endpoint cannot be used: {0}")]
    Exporter(String),
    /// The recorder.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(String),
    /// Somebody else was first.
    #[error("logging was set up twice")]
    Twice,
}

/// Sends what is left of the traces when it is dropped.
#[derive(Debug)]
pub struct Guard {
    provider: SdkTracerProvider,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::debug!(%error, "the last traces were not sent");
        }
    }
}

/// Starts logs (to standard error), traces and metrics. Once per process.
pub fn setup(logs: &Logs) -> Result<Guard, Error> {
    crate::metrics::install()?;
    let filter = format!("{QUIET},{}", logs.filter);
    let filter = EnvFilter::try_new(filter).map_err(|error| Error::Filter(error.to_string()))?;
    let provider = provider(logs)?;
    // Spans that leave nowhere are not made: they would cost each job as much as its log lines do.
    let traces = (!logs.otlp_endpoint.is_empty()).then(|| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("askline"))
            .with_location(false)
            .with_threads(false)
            .with_filter(tracing_subscriber::filter::LevelFilter::INFO)
    });
    tracing_subscriber::registry()
        .with(lines(logs.json).with_filter(filter))
        .with(traces)
        .try_init()
        .map_err(|_| Error::Twice)?;
    Ok(Guard { provider })
}

fn lines(json: Option<bool>) -> Box<dyn Layer<Registry> + Send + Sync> {
    let terminal = std::io::stderr().is_terminal();
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(true);
    if json.unwrap_or(!terminal) {
        return layer.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed();
    }
    layer.with_ansi(terminal).compact().boxed()
}

fn provider(logs: &Logs) -> Result<SdkTracerProvider, Error> {
    let resource = Resource::builder().with_service_name(format!("askline-{}", logs.role)).build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    if logs.otlp_endpoint.is_empty() {
        return Ok(builder.build());
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", logs.otlp_endpoint.trim_end_matches('/')))
        .with_headers(headers(&logs.otlp_headers))
        .build()
        .map_err(|error| Error::Exporter(error.to_string()))?;
    Ok(builder.with_batch_exporter(exporter).build())
}

fn headers(text: &str) -> HashMap<String, String> {
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}
