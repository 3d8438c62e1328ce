//! One file a command.

pub mod ask;
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
pub mod user;
