//! The MCP server: tools and resources for agents, over streamable HTTP.
//!
//! No session lies in this process. Every message is answered by itself, so any number of processes serve one client,
//! and none of them is missed when it goes. What a caller may do stands behind [`Caller`]; this crate knows the
//! protocol and nothing of turns, stores and tokens.

mod caller;
mod fit;
mod follow;
mod handler;
mod lookup;
mod resources;
mod server;
mod tools;
mod uri;

pub use caller::{Answer, CallKey, Caller, Database, Problem, Question, Statement};
pub use server::{Config, ConfigError, Reply, Server};
