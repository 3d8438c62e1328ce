//! Points at which a fault test holds a worker. Without the feature `faults` they are nothing.

/// Found in an executable that has pause points.
#[cfg(feature = "faults")]
pub const MARK: &str = "askline-pause-points-are-compiled-in";

/// Waits for ever when `ASKLINE_PAUSE` is `<kind>:<point>:<file>` and this process is the first to create the file,
/// so that a test can kill it there and a later process passes.
#[cfg(feature = "faults")]
pub async fn point(kind: &str, point: &str) {
    let Ok(wanted) = std::env::var("ASKLINE_PAUSE") else { return };
    let mut parts = wanted.splitn(3, ':');
    if parts.next() != Some(kind) || parts.next() != Some(point) {
        return;
    }
    let Some(file) = parts.next() else { return };
    if std::fs::OpenOptions::new().write(true).create_new(true).open(file).is_ok() {
        tracing::warn!(kind, point, mark = MARK, "paused");
        std::future::pending::<()>().await;
    }
}

/// Panics when `ASKLINE_POISON` is `<kind>:<text>` and the job holds the text.
#[cfg(feature = "faults")]
#[allow(clippy::panic)]
pub fn poison(kind: &str, job: &serde_json::Value) {
    let Ok(wanted) = std::env::var("ASKLINE_POISON") else { return };
    let poisoned = |(of, text): (&str, &str)| of == kind && job.to_string().contains(text);
    if wanted.split_once(':').is_some_and(poisoned) {
        panic!("this job is poison");
    }
}

/// Nothing.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn poison(_kind: &str, _job: &serde_json::Value) {}

/// Nothing.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub async fn point(_kind: &str, _point: &str) {}
