//! One file a command.

pub mod ask;
pub mod audit;
pub mod bench;
pub mod connection;
pub mod dead;
pub mod demo;
pub mod doctor;
pub mod eval;
pub mod guard;
pub mod health;
pub mod mcp;
pub mod serve;
pub mod setup;
mod time;
pub mod user;
