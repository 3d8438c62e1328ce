use crate::auth::Caller;
use axum::Json;
use serde_json::{Value, json};

/// The one model that clients can choose.
#[utoipa::path(
    get, path = "/v1/models", tag = "responses",
    responses((status = 200, description = "A list with the model askline", body = Object))
)]
pub async fn models(_caller: Caller) -> Json<Value> {
    let model = json!({ "id": "askline", "object": "model", "created": 0, "owned_by": "askline" });
    Json(json!({ "object": "list", "data": [model] }))
}
