//! Connections, history, results, models, the audit.

pub mod audit;
pub mod connections;
pub mod conversations;
pub mod files;
pub mod models;
pub mod new_connection;
pub mod policy;

use serde::Serialize;
use utoipa::ToSchema;

/// A list.
#[derive(Serialize, ToSchema)]
pub struct List<T: ToSchema> {
    pub data: Vec<T>,
}
