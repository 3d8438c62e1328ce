//! What the statements of a user may touch.

use contracts::{Schema, UserId};
use ports::source::Reads;
use ports::store::Connection;
use sql_guard::{ConnectionPolicy, Policy};
use std::sync::Arc;
use worker_kit::{Ctx, JobError, Reader};

/// Everything that discovery found, or what the policy of the connection leaves of it. A policy that cannot be applied
/// refuses every statement.
pub async fn of(ctx: &Ctx, connection: &Connection, schema: &Schema, user: &UserId) -> Result<Policy, JobError> {
    let Some(Reader { role, attributes, policy }) = ctx.reader_as(connection, user).await? else {
        return Ok(Policy::for_schema(connection.dialect, schema));
    };
    let policy: ConnectionPolicy = serde_json::from_value(policy).map_err(|error| unusable(&error))?;
    let policy = policy.policy(connection.dialect, schema, role).map_err(|error| unusable(&error))?;
    policy.for_user(&attributes).map_err(|error| unusable(&error))
}

/// The same, for the session.
pub fn reads(policy: &Policy) -> Arc<Reads> {
    Arc::new(Reads::new(policy.tables().iter().map(|table| (table.namespace.clone(), table.name.clone()))))
}

fn unusable(error: &impl std::fmt::Display) -> JobError {
    let message = format!("The policy of this connection cannot be used: {error}. Ask a manager to correct it.");
    JobError::fail("policy_unusable", message)
}
