//! The MCP server at `/mcp`: the protocol is the crate `mcp`, and what its callers may do is here. The same tokens, the
//! same turns, the same limits as over REST.

mod answer;
mod caller;

use crate::auth::Caller;
use crate::body::RawBody;
use crate::error::ApiError;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::Response;
use caller::Member;
use std::sync::Arc;

/// One message of a client, and what answers it.
pub async fn serve(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Parts,
    RawBody(body): RawBody,
) -> Result<Response, ApiError> {
    let actor = caller.act_in(None)?;
    let server = state.mcp.clone().ok_or_else(|| ApiError::not_found("MCP server"))?;
    let member = Member::new(state, caller, actor);
    let response = server.handle(Request::from_parts(parts, body), Arc::new(member)).await;
    Ok(response.map(Body::new))
}
