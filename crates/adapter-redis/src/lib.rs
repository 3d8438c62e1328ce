//! Events and signals on Redis.
//!
//! One stream per response, written by one script that numbers the events and tells the processes where somebody
//! listens; one channel per process. One connection for commands and one that listens, both of which come back by
//! themselves. Nothing here is needed for the truth: losing all of it costs a reload.
//!
//! Architecture invariant: no type of redis leaves this crate.

mod backoff;
mod bus;
mod dial;
mod error;
mod frame;
mod interest;
mod keys;
mod limiter;
mod link;
mod subscription;
mod watchers;

pub use bus::{RedisBus, RedisConfig};
