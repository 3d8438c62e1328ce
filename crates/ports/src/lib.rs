//! What the application needs of the world, as traits. One adapter crate stands behind each; one conformance suite
//! in `tests/` runs on every adapter of a port.
//!
//! Architecture invariant: no adapter type, no I/O crate and no decision of the domain lies here.

pub mod audit;
pub mod broker;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod dead;
mod error;
pub mod event_log;
pub mod flights;
pub mod leader;
pub mod ledger;
pub mod limiter;
pub mod line;
pub mod llm;
pub mod records;
pub mod retention;
pub mod signals;
pub mod source;
pub mod store;
pub mod vault;

pub use broker::Broker;
pub use clock::{Clock, Ids};
pub use error::PortError;
pub use event_log::EventLog;
pub use flights::Flights;
pub use ledger::Ledger;
pub use limiter::Limiter;
pub use line::Line;
pub use llm::Llm;
pub use signals::Signals;
pub use source::Sources;
pub use store::AppStore;
pub use vault::Vault;

use std::sync::Arc;

/// Everything outside, as the composition root chose it. A role that must not have a port gets one that refuses.
#[derive(Clone)]
pub struct Ports {
    /// Queues.
    pub broker: Arc<dyn Broker>,
    /// Numbered events of each response.
    pub events: Arc<dyn EventLog>,
    /// Cancel, to whoever works on a turn.
    pub signals: Arc<dyn Signals>,
    /// Claims, outcomes, terminal states, the budget of calls.
    pub ledger: Arc<dyn Ledger>,
    /// Everything else that is durable.
    pub store: Arc<dyn AppStore>,
    /// What is in flight over all processes.
    pub limiter: Arc<dyn Limiter>,
    /// Who runs a question that several ask.
    pub flights: Arc<dyn Flights>,
    /// Language models.
    pub llm: Arc<dyn Llm>,
    /// Customers' databases.
    pub sources: Arc<dyn Sources>,
    /// Credentials.
    pub vault: Arc<dyn Vault>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn Ids>,
}
