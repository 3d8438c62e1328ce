use super::new_connection::{Checked, NewConnection};
use super::{List, policy, writes};
use crate::auth::{Actor, Caller};
use crate::body::{Body, Id};
use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use crate::submit::{self, Order, submit};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contracts::job::{ImportFile, TestConnection};
use contracts::{ConnectionId, Lane, Role, Schema, TurnId};
use ports::store::{Connection, ConnectionStatus, FileKind, NewTurn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const SUGGESTIONS: usize = 6;

/// A database that can be asked. Its URL is never shown.
#[derive(Serialize, ToSchema)]
pub struct ConnectionBody {
    id: String,
    name: String,
    /// `sqlite`, `postgres` or `mysql`.
    dialect: &'static str,
    /// `new`, `ready` or `failed`.
    status: &'static str,
    /// What the last test said.
    status_message: String,
    /// Rows that the database may expect to go through for a statement; null: as the settings say.
    max_scanned_rows: Option<u64>,
    /// Whether changes of data can be asked for: it has a URL for them.
    allows_writes: bool,
    /// Unix milliseconds.
    created_ms: i64,
}

/// A new connection, and the test that runs.
#[derive(Serialize, ToSchema)]
pub struct Added {
    pub(super) connection: ConnectionBody,
    /// The response to follow; null when the test could not be queued.
    pub(super) response_id: Option<String>,
}

/// A test that runs.
#[derive(Serialize, ToSchema)]
pub struct Testing {
    /// The response to follow.
    response_id: String,
}

impl From<&Connection> for ConnectionBody {
    fn from(connection: &Connection) -> Self {
        Self {
            id: connection.id.0.clone(),
            name: connection.name.clone(),
            dialect: connection.dialect.as_str(),
            status: connection.status.as_str(),
            status_message: connection.status_message.clone(),
            max_scanned_rows: connection.max_scanned_rows,
            allows_writes: connection.sealed_write_url.is_some(),
            created_ms: connection.created_ms,
        }
    }
}

/// The connections of the business.
#[utoipa::path(
    get, path = "/v1/connections", tag = "connections",
    responses((status = 200, description = "Oldest first", body = List<ConnectionBody>))
)]
pub async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<List<ConnectionBody>>, ApiError> {
    let actor = caller.act_in(None)?;
    let all = state.ports.store.connections(&actor.business).await?;
    Ok(Json(List { data: all.iter().map(ConnectionBody::from).collect() }))
}

/// Add a connection, and test it.
#[utoipa::path(
    post, path = "/v1/connections", tag = "connections", request_body = NewConnection,
    responses(
        (status = 201, description = "Added; the test runs", body = Added),
        (status = 400, description = "No database", body = ErrorBody),
        (status = 403, description = "Takes the role manager", body = ErrorBody),
        (status = 409, description = "The name is taken", body = ErrorBody),
    )
)]
pub async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    Body(new): Body<NewConnection>,
) -> Result<(StatusCode, Json<Added>), ApiError> {
    let actor = caller.act_as(Role::Manager, None)?;
    let connection = store(&state, &actor, new.check()?).await?;
    // The connection stands whether or not its test can be queued now; it can be tested again.
    let response_id = test(&state, &actor, &connection).await.map(|id| id.0).ok();
    Ok((StatusCode::CREATED, Json(Added { connection: ConnectionBody::from(&connection), response_id })))
}

/// One connection.
#[utoipa::path(
    get, path = "/v1/connections/{id}", tag = "connections", params(("id" = String, Path, description = "Connection")),
    responses(
        (status = 200, description = "The connection", body = ConnectionBody),
        (status = 404, description = "No such connection", body = ErrorBody),
    )
)]
pub async fn one(State(state): State<ApiState>, caller: Caller, Id(id): Id) -> Result<Json<ConnectionBody>, ApiError> {
    let connection = find(&state, &caller.act_in(None)?, id).await?;
    Ok(Json(ConnectionBody::from(&connection)))
}

/// What can be changed of a connection.
#[derive(Deserialize, ToSchema)]
pub struct Bounds {
    /// Rows that the database may expect to go through for a statement; null: as the settings say.
    max_scanned_rows: Option<u64>,
}

/// Set how much a statement on a connection may cost.
#[utoipa::path(
    put, path = "/v1/connections/{id}/bounds", tag = "connections",
    params(("id" = String, Path, description = "Connection")), request_body = Bounds,
    responses(
        (status = 200, description = "The connection", body = ConnectionBody),
        (status = 403, description = "Takes the role manager", body = ErrorBody),
        (status = 404, description = "No such connection", body = ErrorBody),
    )
)]
pub async fn set_bounds(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Body(bounds): Body<Bounds>,
) -> Result<Json<ConnectionBody>, ApiError> {
    let actor = caller.act_as(Role::Manager, None)?;
    let id = ConnectionId(id);
    if !state.ports.store.set_max_scanned_rows(&actor.business, &id, bounds.max_scanned_rows).await? {
        return Err(ApiError::not_found("connection"));
    }
    Ok(Json(ConnectionBody::from(&find(&state, &actor, id.0).await?)))
}

/// Test a connection, and read its schema.
#[utoipa::path(
    post, path = "/v1/connections/{id}/test", tag = "connections",
    params(("id" = String, Path, description = "Connection")),
    responses(
        (status = 202, description = "The test runs", body = Testing),
        (status = 404, description = "No such connection", body = ErrorBody),
        (status = 503, description = "Not taken; send it again", body = ErrorBody),
    )
)]
pub async fn run_test(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<(StatusCode, Json<Testing>), ApiError> {
    let actor = caller.act_as(Role::Manager, None)?;
    let connection = find(&state, &actor, id).await?;
    let turn = test(&state, &actor, &connection).await?;
    Ok((StatusCode::ACCEPTED, Json(Testing { response_id: turn.0 })))
}

/// The tables of a connection, as discovery found them.
#[utoipa::path(
    get, path = "/v1/connections/{id}/schema", tag = "connections",
    params(("id" = String, Path, description = "Connection")),
    responses(
        (status = 200, description = "Tables and columns", body = Object),
        (status = 404, description = "No such connection, or not read yet", body = ErrorBody),
    )
)]
pub async fn schema(State(state): State<ApiState>, caller: Caller, Id(id): Id) -> Result<Json<Schema>, ApiError> {
    let actor = caller.act_in(None)?;
    let connection = find(&state, &actor, id).await?;
    let schema = state.ports.store.schema(&actor.business, &connection.id).await?;
    let schema = schema.ok_or_else(|| {
        let message = "The tables of this connection are not known yet. Test the connection first.";
        ApiError::new(StatusCode::NOT_FOUND, "schema_unknown", message)
    })?;
    Ok(Json(policy::visible(&state, &actor, &connection, schema).await?))
}

/// Questions that the tables of a connection suggest.
#[utoipa::path(
    get, path = "/v1/connections/{id}/suggestions", tag = "connections",
    params(("id" = String, Path, description = "Connection")),
    responses(
        (status = 200, description = "Questions", body = List<String>),
        (status = 404, description = "No such connection", body = ErrorBody),
    )
)]
pub async fn suggestions(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<List<String>>, ApiError> {
    let actor = caller.act_in(None)?;
    let connection = find(&state, &actor, id).await?;
    let schema = state.ports.store.schema(&actor.business, &connection.id).await?.unwrap_or_default();
    let schema = policy::visible(&state, &actor, &connection, schema).await?;
    Ok(Json(List { data: domain::suggest::questions(&schema, SUGGESTIONS) }))
}

pub(super) async fn find(state: &ApiState, actor: &Actor, id: String) -> Result<Connection, ApiError> {
    let found = state.ports.store.connection(&actor.business, &ConnectionId(id)).await?;
    found.ok_or_else(|| ApiError::not_found("connection"))
}

async fn store(state: &ApiState, actor: &Actor, new: Checked) -> Result<Connection, ApiError> {
    let id = ConnectionId(state.ports.ids.next("con"));
    let sealed_write_url = match &new.write_url {
        Some(url) => Some(writes::seal(state, actor, &id, url).await?),
        None => None,
    };
    let connection = Connection {
        sealed_url: state.ports.vault.seal(&actor.business, &id, &new.url).await?,
        sealed_write_url,
        id,
        business: actor.business.clone(),
        name: new.name,
        dialect: new.dialect,
        status: ConnectionStatus::New,
        status_message: String::new(),
        max_scanned_rows: None,
        schema_ms: None,
        created_ms: state.now_ms(),
    };
    if state.ports.store.create_connection(&connection).await? {
        return Ok(connection);
    }
    Err(taken())
}

pub(super) fn taken() -> ApiError {
    let message = "A connection of this name exists. Choose another name.";
    ApiError::new(StatusCode::CONFLICT, "name_taken", message).about("name")
}

pub(super) async fn test(state: &ApiState, actor: &Actor, connection: &Connection) -> Result<TurnId, ApiError> {
    let now_ms = state.now_ms();
    let turn = NewTurn {
        id: TurnId(state.ports.ids.next("resp")),
        business: actor.business.clone(),
        user: actor.user.clone(),
        conversation: None,
        connection: Some(connection.id.clone()),
        question: format!("Test of the connection {}", connection.name),
        idempotency_key: None,
        lane: Lane::Interactive,
        share: None,
        created_ms: now_ms,
        deadline_ms: submit::deadline_ms(state, Lane::Interactive, now_ms),
        replay_of: None,
    };
    // A file that was uploaded and not yet imported is imported first.
    if state.ports.store.file_of(&actor.business, &connection.id, FileKind::Upload).await?.is_some() {
        let job = ImportFile { connection: connection.id.clone() };
        return submit(state, Order { turn, job }).await;
    }
    let job = TestConnection { connection: connection.id.clone(), then_introspect: true };
    submit(state, Order { turn, job }).await
}
