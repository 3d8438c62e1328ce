mod accept;
mod actors;
mod doomed;
#[cfg(test)]
mod random_runs;
mod read;
mod search;
mod step;
mod sweeps;
mod ways;
mod why;

pub use accept::{Rejected, accepts, accepts_within};
pub use read::{Log, ReadError, traces};
pub use step::{Act, Step};
