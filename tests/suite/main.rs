//! The tests of the whole, in one binary.

// Everything here is test code: helpers beside the test functions may fail a test as these do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout)]

// First, for its macro.
#[macro_use]
mod mode;

mod access;
mod admission;
mod audit;
mod bad_input;
mod bounds;
mod browser;
mod canary;
mod command_line;
mod contracts;
mod crowd;
mod dead;
mod fake_llm;
mod faults;
mod files;
mod flights;
mod foreign_stage;
mod inspector_kills;
mod kills;
mod layering;
mod limits;
mod llm_faults;
mod logs;
mod mcp;
mod modes;
mod onward;
mod personal_data;
mod pipeline;
mod program;
mod protocol;
mod real_llm;
mod rollout;
mod rotation;
mod skew;
mod starting;
mod stops;
mod stuck;
mod sweeps;
mod taken_up;
mod tls;
mod traces;
mod unstorable;
mod workers;
mod writes;
