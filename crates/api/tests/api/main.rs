//! The API over in-memory ports: its router called directly, and its sockets over a real listener.

// Helpers of tests are tests, although clippy sees that only of the tests themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admission;
mod approvals;
mod audit;
mod identity;
mod mcp;
mod page;
mod personal;
mod relay;
mod rest;
mod socket;
mod socket_limits;
mod submit;
mod support;
