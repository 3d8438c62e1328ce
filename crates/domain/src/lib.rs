//! What Askline decides: pure functions over contracts, without I/O.

pub mod audit_chain;
pub mod change;
pub mod fair;
pub mod find;
pub mod flight;
pub mod intent;
pub mod personal;
pub mod prompt;
pub mod recent;
pub mod redact;
pub mod response;
pub mod rules;
pub mod schema_text;
pub mod suggest;
pub mod untrusted;
