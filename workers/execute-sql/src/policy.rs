//! What the statements of a user may touch, and whose data their rows hold.

use contracts::{Personal, ResultSet, Schema, UserId};
use domain::personal::{Masking, Sight};
use ports::source::Reads;
use ports::store::Connection;
use sql_guard::{Carried, Checked, ConnectionPolicy, Policy};
use std::sync::Arc;
use worker_kit::{Ctx, Database, JobError, OrRetry, Reader};

/// What whoever asks may touch: as `seen_by`, of what was read with the connection.
pub async fn asked(ctx: &Ctx, database: &Database, sight: &Sight) -> Result<Policy, JobError> {
    let Database { seen, schema } = database;
    let is_clear = sight.is_clear(seen.role);
    let reader = ctx.reader_of(seen).await?;
    made(&seen.connection, schema, reader, |column| !is_clear && sight.masking.hides(column))
}

/// Everything that discovery found, or what the policy of the connection leaves of it. A policy that cannot be applied
/// refuses every statement.
pub async fn of(ctx: &Ctx, connection: &Connection, schema: &Schema, user: &UserId) -> Result<Policy, JobError> {
    made(connection, schema, ctx.reader_as(connection, user).await?, |_| false)
}

/// The same. Columns that the settings name are redacted in it, unless the user's role sees personal data: so they hold
/// nothing else wherever in a statement they stand, whatever they are called there.
pub async fn seen_by(
    ctx: &Ctx,
    connection: &Connection,
    schema: &Schema,
    user: &UserId,
    sight: &Sight,
) -> Result<Policy, JobError> {
    if !sight.masking.hides_any() {
        return of(ctx, connection, schema, user).await;
    }
    let role = ctx.ports.store.role_in(user, &ctx.meta.business).await.or_retry("read the role")?;
    let is_clear = sight.is_clear(role);
    let reader = ctx.reader_as(connection, user).await?;
    made(connection, schema, reader, |column| !is_clear && sight.masking.hides(column))
}

fn made(
    connection: &Connection,
    schema: &Schema,
    reader: Option<Reader>,
    is_redacted: impl Fn(&str) -> bool,
) -> Result<Policy, JobError> {
    let Some(Reader { role, attributes, policy }) = reader else {
        let policy = Policy::for_schema(connection.dialect, schema);
        return policy.redacting(is_redacted).map_err(|error| unusable(&error));
    };
    let policy: ConnectionPolicy = serde_json::from_value(policy).map_err(|error| unusable(&error))?;
    let policy = policy.policy(connection.dialect, schema, role).map_err(|error| unusable(&error))?;
    let policy = policy.redacting(is_redacted).map_err(|error| unusable(&error))?;
    policy.for_user(&attributes).map_err(|error| unusable(&error))
}

/// Notes at the columns of a result what personal columns their values come from, whatever they are called now.
pub fn note(rows: &mut ResultSet, checked: &Checked, policy: &Policy, masking: &Masking) {
    let hidden = match masking.hides_any() {
        true => checked.carried(policy, |column| masking.hides(column)),
        false => Carried::default(),
    };
    let values = checked.carried(policy, |column| masking.is_personal(column));
    masking.note(rows, |place, name| match (hidden.holds(place, name), values.holds(place, name)) {
        (true, _) => Some(Personal::Hidden),
        (false, true) => Some(Personal::Values),
        (false, false) => None,
    });
}

/// The same, for the session.
pub fn reads(policy: &Policy) -> Arc<Reads> {
    Arc::new(Reads::new(policy.tables().iter().map(|table| (table.namespace.clone(), table.name.clone()))))
}

fn unusable(error: &impl std::fmt::Display) -> JobError {
    let message = format!("The policy of this connection cannot be used: {error}. Ask a manager to correct it.");
    JobError::fail("policy_unusable", message)
}
