//! Queues, event log and signals of one process, without a server. What is durable lies in two SQLite files: the
//! queue journal (synchronous=FULL: a confirmed message survives a power cut) and the event log (survives the end of
//! the process, but for its last events a power cut; its loss costs clients a snapshot, never an answer).

mod broker;
mod event_log;
mod file;
mod flights;
mod limiter;
mod queues;
mod signals;
mod watchers;
mod writer;

pub use broker::Journal;
pub use event_log::FileLog;
pub use flights::LocalFlights;
pub use limiter::LocalLimiter;
pub use signals::LocalSignals;
