use crate::responses;
use crate::rest::{audit, connections, conversations, files, models, policy};
use crate::state::ApiState;
use crate::{dead, headers, health, login, mcp, openapi, page, socket};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Method, header};
use axum::middleware::map_response;
use axum::routing::{any, get, post, put};
use tower_http::cors::CorsLayer;

const FORM_BYTES: usize = 16 * 1024;

/// Everything that the API serves. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: without the
/// address the login throttle counts per account only.
pub fn router(state: ApiState) -> Router {
    let cors = cors(&state);
    Router::new()
        .merge(identity())
        .merge(questions())
        .merge(business())
        .merge(uploads(&state))
        .merge(desk())
        .merge(operation())
        .merge(agents(&state))
        .fallback(page::page)
        .method_not_allowed_fallback(page::wrong_method)
        .layer(map_response(headers::secure))
        .layer(cors)
        .with_state(state)
}

fn identity() -> Router<ApiState> {
    Router::new().route("/v1/auth/login", post(login::login)).route("/v1/me", get(login::me))
}

fn questions() -> Router<ApiState> {
    Router::new()
        .route("/v1/responses", get(socket::upgrade).post(responses::create))
        .route("/v1/responses/{id}", get(responses::retrieve))
        .route("/v1/responses/{id}/cancel", post(responses::cancel_response))
        .route("/v1/models", get(models::models))
}

fn business() -> Router<ApiState> {
    Router::new()
        .route("/v1/connections", get(connections::list).post(connections::add))
        .route("/v1/connections/{id}", get(connections::one))
        .route("/v1/connections/{id}/test", post(connections::run_test))
        .route("/v1/connections/{id}/bounds", put(connections::set_bounds))
        .route("/v1/connections/{id}/schema", get(connections::schema))
        .route("/v1/connections/{id}/policy", get(policy::show).put(policy::replace))
        .route("/v1/connections/{id}/suggestions", get(connections::suggestions))
        .route("/v1/conversations", get(conversations::list))
        .route("/v1/conversations/{id}/turns", get(conversations::turns))
        .route("/v1/results/{id}", get(conversations::result))
        .route("/v1/audit", get(audit::list))
}

/// A form is larger than its file: names and boundaries.
fn uploads(state: &ApiState) -> Router<ApiState> {
    let limit = DefaultBodyLimit::max(state.settings.max_upload_bytes.saturating_add(FORM_BYTES));
    Router::new().route("/v1/connections/files", post(files::add).layer(limit))
}

fn desk() -> Router<ApiState> {
    Router::new()
        .route("/v1/dead", get(dead::list))
        .route("/v1/dead/replay", post(dead::replay_many))
        .route("/v1/dead/drop", post(dead::drop_many))
        .route("/v1/dead/{id}", get(dead::one))
        .route("/v1/dead/{id}/replay", post(dead::replay_one))
        .route("/v1/dead/{id}/drop", post(dead::drop_one))
}

fn operation() -> Router<ApiState> {
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::document))
}

/// Every method is answered there, with what the protocol says.
fn agents(state: &ApiState) -> Router<ApiState> {
    match state.mcp {
        Some(_) => Router::new().route("/mcp", any(mcp::serve)),
        None => Router::new(),
    }
}

fn cors(state: &ApiState) -> CorsLayer {
    let ours = [
        "idempotency-key",
        "last-event-id",
        "x-askline-business",
        "mcp-protocol-version",
        "mcp-session-id",
        "mcp-method",
        "mcp-name",
    ]
    .map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(state.origins.clone())
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([vec![header::AUTHORIZATION, header::CONTENT_TYPE], ours.to_vec()].concat())
        .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE, HeaderName::from_static("mcp-session-id")])
}
