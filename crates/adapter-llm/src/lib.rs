//! Language models: a chain of providers behind the `Llm` port.
//!
//! Architecture invariant: only [`Chain`] tries again, and each try first spends one of the turn's budget. A provider
//! makes one request per call; the retries of `async-openai` are off.

mod backoff;
mod chain;
mod limited;
pub mod openai;
mod provider;
mod rendering;
pub mod replay;
pub mod rules;
mod run;
pub mod telemetry;
mod unconfigured;

pub use backoff::{Backoff, Jitter, RandomJitter};
pub use chain::Chain;
pub use limited::Limited;
pub use openai::{ApiKey, Openai, OpenaiConfig};
pub use provider::{Chunk, End, Failure, Provider, ProviderStream, RetryAfter};
pub use replay::{Replay, ReplayConfig};
pub use rules::{BuiltIn, RuleBook, RuleBookAnswer, Rules};
pub use unconfigured::Unconfigured;
