//! The app store on SQLite or PostgreSQL, the ledger that lives in it, and the vault for credentials.
//!
//! Architecture invariant: one implementation serves both dialects. What differs is how a connection is opened
//! (`db/open.rs`), how a batch is made (`batch/`) and what a batch's statement takes its rows from (`writes/`, `reads/`).

mod approvals;
mod audit;
mod batch;
mod connections;
mod db;
mod dead;
mod files;
mod identity;
mod leaders;
mod ledger;
mod line;
mod migrate;
mod options;
mod policies;
mod reads;
mod records;
mod retention;
mod schemas;
mod store;
mod turns;
mod vault;
mod writes;

pub use options::Options;
pub use store::Store;
pub use vault::HpkeVault;
