//! Time and identifiers, as parameters.

/// What time it is.
pub trait Clock: Send + Sync {
    /// Unix milliseconds. For deadlines and records, never for durations or order.
    fn now_ms(&self) -> i64;
    /// Milliseconds since some fixed moment of this process, never going back. For durations.
    fn monotonic_ms(&self) -> u64;
}

/// New identifiers.
pub trait Ids: Send + Sync {
    /// A new identifier with this prefix (`resp`, `conv`, …): prefix, `_`, letters and digits. Later ones sort later.
    fn next(&self, prefix: &str) -> String;
}
