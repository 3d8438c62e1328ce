//! The whole application in a test: in this process, or as processes over real servers; a scripted language model;
//! a client that checks what it hears.

// Everything here is test code, although it is compiled as a library.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod audit;
mod bare;
mod client;
pub mod inline;
pub mod llm_server;
mod normal;
pub mod otlp;
mod processes;
pub mod proxy;
mod scripted;
pub mod secure;
mod servers;
mod shared;
mod world;

pub use audit::{add_member, add_member_as, audit_attempts};
pub use bare::Bare;
pub use client::{Client, Transcript};
pub use normal::normalise;
pub use processes::{Embedded, Process, Processes, free_port};
pub use scripted::{ScriptedLlm, purpose_of};
pub use servers::{FreshDatabase, Servers, binary, faults_binary};
pub use shared::shared_data;
pub use world::{World, overrides_with_llm};
