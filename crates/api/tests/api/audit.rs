use crate::support::{OTHER, World, entry};
use contracts::Role;
use serde_json::Value;

async fn world() -> World {
    let world = World::new().await;
    for seq in 1..=5 {
        world.store.add_audit(entry("biz_a", if seq < 4 { "resp_1" } else { "resp_2" }, seq));
    }
    world.store.add_audit(entry(OTHER, "resp_9", 1));
    world
}

fn numbers(page: &Value) -> Vec<u64> {
    page["data"].as_array().unwrap().iter().map(|row| row["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_manager_reads_the_audit_of_the_business_page_by_page() {
    let world = world().await;
    let token = world.token(Role::Manager);
    let first = world.get("/v1/audit?limit=2").token(&token).send().await.json();
    assert_eq!((numbers(&first), first["next"].as_u64()), (vec![5, 4], Some(4)));
    let second = world.get("/v1/audit?limit=2&before=4").token(&token).send().await.json();
    assert_eq!((numbers(&second), second["next"].as_u64()), (vec![3, 2], Some(2)));
    let last = world.get("/v1/audit?limit=2&before=2").token(&token).send().await.json();
    assert_eq!((numbers(&last), last["next"].as_u64()), (vec![1], None));
    let row = &first["data"][0];
    assert_eq!((row["phase"].as_str(), row["verdict"].as_str()), (Some("intent"), Some("execute")));
    assert_eq!((row["question"].as_str(), row["sql"].as_str()), (Some("How many?"), Some("SELECT 1")));
}

#[tokio::test]
async fn the_audit_is_narrowed_by_response_user_connection_and_time() {
    let world = world().await;
    let token = world.token(Role::Manager);
    let cases = [
        ("response_id=resp_1", vec![3, 2, 1]),
        ("response_id=resp_9", vec![]),
        ("user_id=usr_1&since_ms=2&until_ms=4", vec![3, 2]),
        ("user_id=usr_2", vec![]),
        ("connection_id=con_1&limit=1", vec![5]),
        ("connection_id=con_2", vec![]),
    ];
    for (query, expected) in cases {
        let page = world.get(&format!("/v1/audit?{query}")).token(&token).send().await.json();
        assert_eq!(numbers(&page), expected, "{query}");
    }
}

#[tokio::test]
async fn the_audit_takes_a_manager_of_the_business() {
    let world = world().await;
    for role in [Role::Viewer, Role::Member] {
        let answer = world.get("/v1/audit").token(&world.token(role)).send().await;
        assert_eq!(answer.error(), (403, "forbidden_role".into()));
    }
    let theirs = world.token_in(&[(OTHER, Role::Admin)]);
    let page = world.get("/v1/audit").token(&theirs).send().await.json();
    assert_eq!(page["data"][0]["response_id"].as_str(), Some("resp_9"));
    assert_eq!(numbers(&page), [1]);
    assert_eq!(world.get("/v1/audit").send().await.error().0, 401);
}

#[tokio::test]
async fn a_filter_that_is_none_is_named() {
    let world = world().await;
    let token = world.token(Role::Admin);
    for query in ["before=soon", "table=orders", "user_id=%00"] {
        let answer = world.get(&format!("/v1/audit?{query}")).token(&token).send().await;
        assert_eq!(answer.error(), (400, "invalid_query".into()), "{query}");
    }
}
