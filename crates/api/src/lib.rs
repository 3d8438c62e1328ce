//! The API: it authenticates, takes questions, enqueues the first job of a turn, and relays the events of responses.
//!
//! Architecture invariant: it never calls a language model or a source, and writes no terminal event. What needs
//! either is a job for a worker.

mod approvals;
mod auth;
mod body;
mod dead;
mod error;
mod headers;
mod health;
mod in_line;
mod lines;
mod login;
mod mcp;
mod openapi;
mod page;
pub mod passwords;
mod relay;
mod response_object;
mod responses;
mod rest;
mod router;
mod shown;
mod snapshot;
mod socket;
mod state;
mod submit;
mod throttle;
mod tokens;

pub use openapi::openapi;
pub use rest::audit::AuditList;
pub use router::router;
pub use state::{ApiState, StartError};
pub use tokens::{Claims, Issued, MembershipClaim, TokenError, Tokens};
