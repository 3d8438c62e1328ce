//! What each role may see of a connection.

use super::connections::find;
use crate::auth::{Actor, Caller};
use crate::body::{Body, Id};
use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contracts::{Role, Schema};
use ports::store::Connection;
use serde_json::Value;
use sql_guard::ConnectionPolicy;

/// The policy of a connection.
#[utoipa::path(
    get, path = "/v1/connections/{id}/policy", tag = "connections",
    params(("id" = String, Path, description = "Connection")),
    responses(
        (status = 200, description = "The rules by role; empty when there are none", body = Object),
        (status = 403, description = "Takes the role manager", body = ErrorBody),
        (status = 404, description = "No such connection", body = ErrorBody),
    )
)]
pub async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<ConnectionPolicy>, ApiError> {
    let actor = caller.act_as(Role::Manager, None)?;
    let connection = find(&state, &actor, id).await?;
    Ok(Json(stored(&state, &actor, &connection).await?.unwrap_or_default()))
}

/// Replace the policy of a connection. Every rule is read and checked first.
#[utoipa::path(
    put, path = "/v1/connections/{id}/policy", tag = "connections", request_body = Object,
    params(("id" = String, Path, description = "Connection")),
    responses(
        (status = 200, description = "Stored", body = Object),
        (status = 400, description = "A rule cannot be used; the message says where", body = ErrorBody),
        (status = 403, description = "Takes the role manager", body = ErrorBody),
        (status = 404, description = "No such connection, or its tables are not known yet", body = ErrorBody),
    )
)]
pub async fn replace(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Body(policy): Body<Value>,
) -> Result<Json<ConnectionPolicy>, ApiError> {
    let actor = caller.act_as(Role::Manager, None)?;
    let connection = find(&state, &actor, id).await?;
    let policy: ConnectionPolicy = serde_json::from_value(policy).map_err(|error| wrong(&error))?;
    let schema = state.ports.store.schema(&actor.business, &connection.id).await?;
    let schema = schema.ok_or_else(|| {
        let message = "The tables of this connection are not known yet. Test the connection first.";
        ApiError::new(StatusCode::NOT_FOUND, "schema_unknown", message)
    })?;
    policy.check(connection.dialect, &schema).map_err(|error| wrong(&error))?;
    let body = serde_json::to_value(&policy).map_err(|error| wrong(&error))?;
    state.ports.store.save_connection_policy(&actor.business, &connection.id, &body).await?;
    Ok(Json(policy))
}

/// The schema as the caller's role may know it: what is masked in rows is masked in sample values.
pub async fn visible(
    state: &ApiState,
    actor: &Actor,
    connection: &Connection,
    schema: Schema,
) -> Result<Schema, ApiError> {
    let mut schema = match stored(state, actor, connection).await? {
        Some(policy) => policy.visible(&schema, actor.role),
        None => schema,
    };
    if !state.sight.is_clear(Some(actor.role)) {
        state.sight.masking.apply_to_samples(&mut schema);
    }
    Ok(schema)
}

async fn stored(
    state: &ApiState,
    actor: &Actor,
    connection: &Connection,
) -> Result<Option<ConnectionPolicy>, ApiError> {
    let body = state.ports.store.connection_policy(&actor.business, &connection.id).await?;
    body.map(serde_json::from_value).transpose().map_err(|error| wrong(&error))
}

fn wrong(error: &impl std::fmt::Display) -> ApiError {
    ApiError::bad_request("invalid_policy", format!("The policy cannot be used: {error}"))
}
