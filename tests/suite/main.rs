//! The tests of the whole, in one binary.

// Everything here is test code: helpers beside the test functions may fail a test as these do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod bad_input;
mod contracts;
mod dead;
mod kills;
mod layering;
mod llm_faults;
mod modes;
mod pipeline;
mod program;
mod protocol;
mod real_llm;
mod skew;
mod starting;
mod traces;
mod workers;
