mod accept;
mod actors;
mod read;
mod step;
mod ways;
mod why;

pub use accept::{Rejected, accepts};
pub use read::{Log, ReadError, traces};
pub use step::{Act, Step};
