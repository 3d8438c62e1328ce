//! The composition root: settings become ports, ports become roles, roles become a process.
//!
//! Architecture invariant: this is the only crate that names both adapters and workers, and `compose` is the only
//! function that asks for the mode.

mod audit;
mod clock;
mod compose;
mod demo;
mod desk;
mod doctor;
mod keys;
mod lifecycle;
mod llm;
mod members;
mod ops;
mod patience;
mod roles;
mod rotate;
mod seats;
mod serve;
mod trial;

pub use audit::{AuditDesk, CheckedChain, Verified, verify_audit};
pub use clock::{SystemClock, UuidIds};
pub use compose::{Composed, Overrides, compose, migrate};
pub use demo::{Demo, demo_settings, prepare_demo};
pub use desk::OperatorDesk;
pub use doctor::{Finding, doctor};
pub use keys::{DataKeys, generate_vault_keys, random_secret};
pub use lifecycle::{Shutdown, until_signal};
pub use members::{NewMember, add_member, add_member_to, remove_member};
pub use patience::compose_patiently;
pub use roles::{ALL_KINDS, Role, Roles};
pub use rotate::rotate_keys;
pub use seats::{NewConnection, Seat};
pub use serve::{Running, start};
pub use trial::{ServerUrls, remove_prefixes, server_urls};

/// The sample shop in any database.
pub use adapter_sources::sample;
