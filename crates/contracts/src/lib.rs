//! What crosses a process boundary: job structs, the envelope that carries them, and the events a client hears.
//!
//! Architecture invariant: serde only, no behaviour beyond building and reading the types, and append-only. A field
//! is added with a default and never renamed or removed; a breaking change is a new kind.

mod change;
mod chunk;
mod dead;
mod envelope;
pub mod event;
mod id;
pub mod job;
mod result_set;
mod role;
mod schema;
mod text;

pub use change::ChangeKind;
pub use chunk::{Frame, LoggedEvent, unnumbered_json};
pub use envelope::{ENVELOPE_VERSION, Envelope, Lane, Meta, NextJob};
pub use event::Event;
pub use id::{ApprovalId, BusinessId, ConnectionId, ConversationId, DeadId, HopId, ResultId, TurnId, UserId};
pub use job::{Job, Kind};
pub use result_set::{Cell, Column, Personal, ResultSet};
pub use role::Role;
pub use schema::{ColumnSchema, Dialect, ForeignKey, Schema, TableSchema};
pub use text::Message;
