//! The URL for changes of a connection.

use super::connections::{ConnectionBody, find};
use super::new_connection::url_of;
use crate::auth::{Actor, Caller};
use crate::body::{Body, Id};
use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contracts::{ConnectionId, Role};
use ports::store::{Connection, FileKind};
use ports::vault::write_slot;
use serde::Deserialize;
use utoipa::ToSchema;

/// Whether a connection allows changes.
#[derive(Deserialize, ToSchema)]
pub struct Writes {
    /// A second URL, whose login may change data. It is encrypted at once, never shown again, and used for approved
    /// changes alone; null: no changes any more.
    url: Option<String>,
}

/// Allow changes on a connection, or allow them no more. Each one waits until a person has approved it.
#[utoipa::path(
    put, path = "/v1/connections/{id}/writes", tag = "connections",
    params(("id" = String, Path, description = "Connection")), request_body = Writes,
    responses(
        (status = 200, description = "The connection", body = ConnectionBody),
        (status = 400, description = "No database, or another kind than the connection's", body = ErrorBody),
        (status = 403, description = "Takes the role manager", body = ErrorBody),
        (status = 404, description = "No such connection", body = ErrorBody),
        (status = 409, description = "An uploaded file, which is not changed", body = ErrorBody),
    )
)]
pub async fn set(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Body(writes): Body<Writes>,
) -> Result<Json<ConnectionBody>, ApiError> {
    let actor = caller.act_as(Role::Manager, None)?;
    let connection = find(&state, &actor, id).await?;
    let sealed = match writes.url {
        Some(url) => Some(checked(&state, &actor, &connection, &url).await?),
        None => None,
    };
    if !state.ports.store.set_write_url(&actor.business, &connection.id, sealed.as_deref()).await? {
        return Err(ApiError::not_found("connection"));
    }
    Ok(Json(ConnectionBody::from(&find(&state, &actor, connection.id.0).await?)))
}

async fn checked(state: &ApiState, actor: &Actor, connection: &Connection, url: &str) -> Result<String, ApiError> {
    let (url, dialect) = url_of(url).map_err(|error| error.about("url"))?;
    if dialect != connection.dialect {
        let message =
            format!("The connection is one of {}; its URL for changes must be too.", connection.dialect.as_str());
        return Err(ApiError::bad_request("invalid_dialect", message).about("url"));
    }
    for kind in [FileKind::Upload, FileKind::Database] {
        if state.ports.store.file_of(&actor.business, &connection.id, kind).await?.is_some() {
            let message = "This connection is an uploaded file, which is not changed. Upload another file instead.";
            return Err(ApiError::new(StatusCode::CONFLICT, "uploaded_file", message));
        }
    }
    seal(state, actor, &connection.id, &url).await
}

pub(super) async fn seal(state: &ApiState, actor: &Actor, id: &ConnectionId, url: &str) -> Result<String, ApiError> {
    Ok(state.ports.vault.seal(&actor.business, &write_slot(id), url).await?)
}
