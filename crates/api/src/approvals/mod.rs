//! Changes of data that wait for a person's word.

mod bodies;
mod decide;
mod routes;
mod sight;

pub use routes::{
    __path_approve, __path_decline, __path_list, __path_of_response, __path_one, approve, decline, list, of_response,
    one,
};
