//! `/v1/responses`: ask, follow, stop.

mod ask;
mod input;
mod rest;
mod sse;

pub use ask::{ask, ask_as, cancel};
pub use input::CreateRequest;
pub use rest::{__path_cancel_response, __path_create, __path_retrieve, cancel_response, create, cursor, retrieve};
