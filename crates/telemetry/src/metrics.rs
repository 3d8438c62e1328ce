//! The process's metrics, in Prometheus's text format.

use crate::Error;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

const SECONDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0];
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0, 1_024.0, 10_000.0];

/// Starts recording. A second call in one process changes nothing.
pub fn install() -> Result<(), Error> {
    if HANDLE.get().is_some() {
        return Ok(());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets(COUNTS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS))
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Error::Metrics(error.to_string()))?;
    // Another thread may have been first: its recorder is the global one, and this handle is dropped.
    drop(HANDLE.set(handle));
    Ok(())
}

/// Everything recorded so far; empty before `install`.
pub fn render() -> String {
    HANDLE
        .get()
        .map(|handle| {
            handle.run_upkeep();
            handle.render()
        })
        .unwrap_or_default()
}
