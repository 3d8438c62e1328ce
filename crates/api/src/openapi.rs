use crate::{dead, health, login, responses, rest, socket};
use axum::Json;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(title = "Askline", description = "Ask your databases in your own words."),
    modifiers(&Bearer),
    tags(
        (name = "identity", description = "Login"),
        (name = "responses", description = "Questions and answers, as OpenAI's Responses API"),
        (name = "connections", description = "Databases to ask"),
        (name = "history", description = "Conversations and results"),
        (name = "audit", description = "What ran on the databases, and on whose behalf"),
        (name = "dead jobs", description = "What was given up"),
        (name = "operation", description = "Health and metrics"),
    ),
    paths(
        login::login, login::me,
        responses::create, responses::retrieve, responses::cancel_response, socket::upgrade, rest::models::models,
        rest::connections::list, rest::connections::add, rest::files::add, rest::connections::one,
        rest::connections::run_test, rest::connections::schema, rest::connections::suggestions,
        rest::connections::set_bounds, rest::policy::show, rest::policy::replace,
        rest::conversations::list, rest::conversations::turns, rest::conversations::result,
        rest::audit::list,
        dead::list, dead::one, dead::replay_one, dead::drop_one, dead::replay_many, dead::drop_many,
        health::health, health::ready, health::metrics,
    )
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        openapi.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
        openapi.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    }
}

/// What the API serves, as an OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub async fn document() -> impl IntoResponse {
    Json(openapi())
}
