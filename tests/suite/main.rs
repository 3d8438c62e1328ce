//! The tests of the whole, in one binary.

mod bad_input;
mod contracts;
mod kills;
mod layering;
mod llm_faults;
mod modes;
mod pipeline;
mod program;
