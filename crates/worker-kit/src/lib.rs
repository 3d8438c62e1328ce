//! The worker runtime: takes a job from a queue, makes sure that nobody else works on it, runs the handler, stores
//! what came of it, publishes that, and settles the delivery. A worker crate brings a `Worker` and nothing else.
//!
//! The order is the promise: claim, run, commit, publish, mark, ack. A crash between any two of them repeats at most
//! what nobody saw, and a newer claim fences out an older run. Where this process does the next job, too, the commit may
//! claim it in the same write, and the run goes on under the delivery that it has ([`Crew`]).

mod answer;
pub mod audit;
mod backend;
mod cancels;
mod context_of;
mod crew;
mod ctx;
mod emitter;
mod ending;
mod flight;
mod gate;
mod job_error;
mod llm;
mod onward;
pub mod pause;
mod progress;
mod protocol;
mod publish;
mod reader;
mod run;
mod runner;
mod runtime;
mod settle;
mod shown;
mod told;
mod worker;

pub use answer::Answer;
pub use cancels::CancelRegistry;
pub use context_of::Database;
pub use crew::Crew;
pub use ctx::Ctx;
pub use emitter::{Emitter, Flush};
pub use ending::{Ending, end_in, end_state, end_turn};
pub use job_error::{JobError, OrFail, OrRetry};
pub use llm::llm_failure;
pub use publish::{mark_published, publish_again, publish_outcome};
pub use reader::Reader;
pub use runner::{Limits, Runner};
pub use runtime::run_worker;
pub use shown::ShownSchemas;
pub use worker::{Done, Handler, Worker, handler};
