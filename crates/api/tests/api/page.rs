use crate::support::World;
use contracts::Role;
use settings::Settings;

#[tokio::test]
async fn the_page_comes_with_headers_that_keep_foreign_code_out() {
    let world = World::new().await;
    for path in ["/", "/some/view"] {
        let answer = world.get(path).send().await;
        assert_eq!((answer.status.as_u16(), answer.header("x-content-type-options")), (200, Some("nosniff")), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let world = World::new().await;
    let tag = world.get("/").send().await.header("etag").unwrap().to_owned();
    let answer = world.get("/").header("if-none-match", &tag).send().await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0));
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let world = World::new().await;
    assert_eq!(world.get("/v1/nothing").send().await.error(), (404, "not_found".into()));
    assert_eq!(world.get("/assets/nothing.js").send().await.error(), (404, "not_found".into()));
    assert_eq!(world.post("/v1/me").send().await.error(), (405, "method_not_allowed".into()));
    assert_eq!(world.get("/v1/responses").send().await.error(), (426, "upgrade_required".into()));
}

#[tokio::test]
async fn the_document_lists_what_is_served() {
    let world = World::new().await;
    let document = world.get("/openapi.json").send().await.json();
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/v1/auth/login",
        "/v1/me",
        "/v1/responses",
        "/v1/responses/{id}",
        "/v1/responses/{id}/cancel",
        "/v1/connections",
        "/v1/connections/{id}/suggestions",
        "/v1/conversations/{id}/turns",
        "/v1/results/{id}",
        "/v1/models",
        "/health",
        "/ready",
        "/metrics",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    let responses = paths["/v1/responses"].as_object().unwrap();
    assert!(responses.contains_key("get") && responses.contains_key("post"));
    assert!(document["components"]["securitySchemes"]["bearer"].is_object());
}

#[tokio::test]
async fn there_is_one_model() {
    let world = World::new().await;
    let models = world.get("/v1/models").token(&world.token(Role::Viewer)).send().await.json();
    assert_eq!(models["data"][0]["id"], "askline");
}

#[tokio::test]
async fn other_origins_are_let_in_by_name_only() {
    let world = World::with(|settings| settings.server.cors_origins = vec!["https://example.org".into()]).await;
    let from = async |origin: &str| world.get("/health").header("origin", origin).send().await;
    assert_eq!(from("https://example.org").await.header("access-control-allow-origin"), Some("https://example.org"));
    assert_eq!(from("https://evil.example").await.header("access-control-allow-origin"), None);
}

#[test]
fn an_origin_that_no_browser_sends_and_a_short_secret_stop_the_start() {
    let start = |change: fn(&mut Settings), secret: &str| {
        let mut settings = settings::load(&settings::Source::default()).unwrap();
        change(&mut settings);
        World::try_bare(&settings, secret).err().map(|error| error.to_string()).unwrap()
    };
    let origin = start(|settings| settings.server.cors_origins = vec!["example.org".into()], &"k".repeat(32));
    assert!(origin.contains("server.cors_origins") && origin.contains("example.org"), "{origin}");
    let secret = start(|_| {}, "hush");
    assert!(secret.contains("ASKLINE_SECRETS__JWT_SECRET") && !secret.contains("hush"), "{secret}");
}
