//! The conformance suites of the store, the ledger and the vault on SQLite and PostgreSQL, and what only this adapter
//! can show: migrations, durability, the append-only audit, failures.

// What helps a test is a test, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod fresh;
mod migrations;
mod outage;
mod postgres;
mod sqlite;
mod tls;
mod vault;
