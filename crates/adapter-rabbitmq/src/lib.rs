//! The queues on RabbitMQ.
//!
//! Two connections a process, one to publish and one to consume, both of which come back by themselves. Quorum
//! queues, confirmed and mandatory publishes, pipelined; acks sent together where they can be.
//!
//! Architecture invariant: no type of lapin leaves this crate.

mod backoff;
mod broker;
mod confirms;
mod consumer;
mod dead;
mod dial;
mod error;
mod link;
mod message;
mod publisher;
mod settle;
mod topology;
mod unacked;

pub use broker::{Rabbit, RabbitConfig};
