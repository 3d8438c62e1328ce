//! Who is let in.

use super::{COUNT, agent, colleague};
use crate::mcp::client::Agent;
use crate::mode::Mode;
use contracts::Role;
use reqwest::StatusCode;
use serde_json::json;
use testkit::World;

in_both_modes!(
    without_a_valid_token_nothing_is_answered,
    a_viewer_looks_and_runs_nothing,
    a_host_or_an_origin_that_is_not_allowed_is_refused,
);

async fn without_a_valid_token_nothing_is_answered(mode: Mode) {
    let world = mode.world(&[]).await;
    for token in ["", "made up", "eyJhbGciOiJub25lIn0.e30."] {
        let agent = Agent::closed(&world.demo.url, token);
        let answer = agent.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{token}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    }
    let bare = reqwest::Client::new().get(format!("{}/mcp", world.demo.url)).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    world.stop().await;
}

async fn a_viewer_looks_and_runs_nothing(mode: Mode) {
    let world = mode.world(&[]).await;
    let viewer = colleague(&world, "viewer@example.org", Role::Viewer).await;
    let viewer = Agent::open(&world.demo.url, &viewer).await;
    viewer.works("search_schema", json!({"query": "customers"})).await;
    viewer.works("describe_table", json!({"table": "customers"})).await;
    for (tool, arguments) in
        [("execute_sql", json!({"sql": COUNT})), ("ask", json!({"question": "How many customers do we have?"}))]
    {
        let said = viewer.refuses(tool, arguments).await;
        assert!(said.contains("takes the role member"), "{said}");
    }
    world.stop().await;
}

async fn a_host_or_an_origin_that_is_not_allowed_is_refused(mode: Mode) {
    let pairs = [
        ("ASKLINE_MCP__ALLOWED_HOSTS", "['127.0.0.1', 'askline.example']".to_owned()),
        ("ASKLINE_SERVER__CORS_ORIGINS", "['https://page.example']".to_owned()),
    ];
    let world = mode.world(&pairs).await;
    let agent = agent(&world).await;
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    for (name, value, allowed) in [
        ("host", "askline.example", true),
        ("host", "askline.example:8443", true),
        ("host", "evil.example", false),
        ("host", "localhost", false),
        ("origin", "https://askline.example", true),
        ("origin", "http://127.0.0.1:3000", true),
        ("origin", "https://page.example", true),
        ("origin", "https://evil.example", false),
        ("origin", "http://page.example", false),
        ("origin", "null", false),
    ] {
        let status = agent.request().header(name, value).json(&list).send().await.unwrap().status();
        let expected = if allowed { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(status, expected, "{name}: {value}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_it_has_nothing_there() {
    let world = World::embedded(&[("ASKLINE_MCP__ENABLED", "false".to_owned())]).await;
    let answer = Agent::closed(&world.demo.url, &world.demo.token).post(&json!({"id": 1, "method": "ping"})).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    world.stop().await;
}
