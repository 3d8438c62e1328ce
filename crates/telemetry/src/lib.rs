//! Logs, traces, metrics: set up once, named in one place.

pub mod metrics;
pub mod names;
mod setup;
pub mod trace;

pub use setup::{Error, Guard, Logs, setup};
