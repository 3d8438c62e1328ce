mod action;
mod config;
mod crash;
mod event_log;
mod explore;
mod ledger;
pub mod names;
mod properties;
mod recovery;
mod simple;
mod state;
mod sweeper;
mod worker;

pub use action::Action;
pub(crate) use config::ANY_NUMBER;
pub use config::{Config, Mutant};
pub use explore::TurnModel;
pub use state::State;
#[cfg(test)]
pub(crate) use state::Why;
pub(crate) use state::{Ended, Hop, Phase, Sweeper};
