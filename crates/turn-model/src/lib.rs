//! The protocol of a turn as a small model: claim, run, commit, publish, mark, ack, with at-least-once delivery,
//! crashes, late workers and a sweeper. `stateright` looks at every state that it can reach, and the invariants are
//! the properties ([`TurnModel::properties`]).
//!
//! Real processes log the same steps (target `askline::protocol`). [`traces`] reads them from JSON logs, and
//! [`accepts`] tells whether a run of the model explains them:
//!
//! ```
//! use turn_model::{Act, Step, accepts};
//! let hop = "resp_1/classify.0";
//! let step = |act| Step::new("worker", act);
//! let trace = [
//!     step(Act::Claimed { hop: hop.into(), fence: 1 }),
//!     step(Act::Committed { hop: hop.into(), fence: 1, ends: true }),
//!     step(Act::Published { hop: hop.into() }),
//!     step(Act::Marked { hop: hop.into() }),
//!     step(Act::Acked { hop: hop.into() }),
//! ];
//! assert!(accepts(&trace).is_ok());
//! // The commit is missing: nothing can be published.
//! assert!(accepts(&[trace[0].clone(), trace[2].clone()]).is_err());
//! ```
//!
//! No I/O. What is modelled, and what is not: docs/model.md.

mod model;
mod trace;

pub use model::{Action, Config, Mutant, State, TurnModel, names};
pub use trace::{Act, Log, ReadError, Rejected, Step, accepts, accepts_within, traces};
