//! Files as databases: they are put into the store, and a worker makes the database.

use super::connections::{Added, ConnectionBody, taken, test};
use super::new_connection::name_of;
use crate::auth::{Actor, Caller};
use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use axum::Json;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use contracts::{ConnectionId, Dialect, Role};
use ports::store::{Connection, ConnectionStatus, FILE_URL, FileKind, StoredFile};
use utoipa::ToSchema;

const LONGEST_FILE_NAME: usize = 200;

/// A file to ask questions of.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct NewFile {
    /// Name of the connection, unique in the business.
    name: String,
    /// CSV, or an Excel workbook (.xlsx).
    #[schema(format = Binary)]
    file: String,
}

/// What was uploaded.
#[derive(Default)]
struct Form {
    name: String,
    file_name: String,
    bytes: Vec<u8>,
}

/// Add a CSV file or a workbook as a connection.
#[utoipa::path(
    post, path = "/v1/connections/files", tag = "connections",
    request_body(content = NewFile, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Added; the import runs", body = Added),
        (status = 400, description = "No file", body = ErrorBody),
        (status = 403, description = "Takes the role manager", body = ErrorBody),
        (status = 409, description = "The name is taken", body = ErrorBody),
        (status = 413, description = "The file is too large", body = ErrorBody),
    )
)]
pub async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<(StatusCode, Json<Added>), ApiError> {
    let actor = caller.act_as(Role::Manager, None)?;
    let parts = parts.map_err(|_| {
        ApiError::bad_request("invalid_form", "Send a form (multipart/form-data) with the fields name and file.")
    })?;
    let form = read(parts, state.settings.max_upload_bytes).await?;
    let connection = store(&state, &actor, form).await?;
    let response_id = test(&state, &actor, &connection).await.map(|id| id.0).ok();
    Ok((StatusCode::CREATED, Json(Added { connection: ConnectionBody::from(&connection), response_id })))
}

async fn read(mut parts: Multipart, limit: usize) -> Result<Form, ApiError> {
    let mut form = Form::default();
    while let Some(field) = parts.next_field().await.map_err(|error| broken(&error, limit))? {
        match field.name() {
            Some("name") => form.name = field.text().await.map_err(|error| broken(&error, limit))?,
            Some("file") => {
                form.file_name = field.file_name().unwrap_or("file").chars().take(LONGEST_FILE_NAME).collect();
                form.bytes = bytes(field, limit).await?;
            }
            _ => {}
        }
    }
    form.name = name_of(&form.name)?;
    form.file_name.retain(|character| !character.is_control());
    if form.bytes.is_empty() {
        let message = "The form holds no file, or an empty one. Choose a CSV file or an Excel workbook.";
        return Err(ApiError::bad_request("no_file", message).about("file"));
    }
    Ok(form)
}

async fn bytes(mut field: Field<'_>, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error, limit))? {
        if bytes.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn broken(error: &MultipartError, limit: usize) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(limit);
    }
    ApiError::bad_request("invalid_form", "The form did not arrive whole. Send it again.")
}

fn too_large(limit: usize) -> ApiError {
    ApiError::too_large(format!("The file is larger than {limit} bytes. Split it, or leave columns out."))
}

/// The file lies in the store before the connection does: a connection of a file always has it.
async fn store(state: &ApiState, actor: &Actor, form: Form) -> Result<Connection, ApiError> {
    let id = ConnectionId(state.ports.ids.next("con"));
    let file = StoredFile {
        id: state.ports.ids.next("file"),
        business: actor.business.clone(),
        connection: id.clone(),
        kind: FileKind::Upload,
        name: form.file_name,
        bytes: form.bytes.len() as u64,
        sha256: String::new(),
        created_ms: state.now_ms(),
    };
    state.ports.store.save_file(&file, &form.bytes).await?;
    let connection = Connection {
        sealed_url: state.ports.vault.seal(&actor.business, &id, FILE_URL).await?,
        sealed_write_url: None,
        id,
        business: actor.business.clone(),
        name: form.name,
        dialect: Dialect::Sqlite,
        status: ConnectionStatus::New,
        status_message: String::new(),
        schema_ms: None,
        max_scanned_rows: None,
        created_ms: state.now_ms(),
    };
    if state.ports.store.create_connection(&connection).await? {
        return Ok(connection);
    }
    state.ports.store.remove_file(&actor.business, &file.id).await?;
    Err(taken())
}
