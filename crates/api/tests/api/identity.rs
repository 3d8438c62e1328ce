use crate::support::{Clockwork, World};
use contracts::Role;
use serde_json::json;
use std::time::Duration;

async fn log_in(world: &World, email: &str, password: &str) -> crate::support::Answer {
    world.post("/v1/auth/login").json(json!({"email": email, "password": password})).send().await
}

#[tokio::test]
async fn a_login_gives_a_token_that_opens_the_rest() {
    let world = World::new().await;
    world.add_user("ann@example.org", "correct horse", Role::Manager).await;
    let answer = log_in(&world, " Ann@Example.org ", "correct horse").await.json();
    assert_eq!(answer["user"], json!({"id": "usr_1", "email": "ann@example.org"}));
    assert_eq!(answer["expires_at_ms"], Clockwork::START_MS + 7_200_000);
    let membership = json!([{"business": "biz_a", "business_name": "Business biz_a", "role": "manager"}]);
    assert_eq!(answer["businesses"], membership);
    let me = world.get("/v1/me").token(answer["token"].as_str().unwrap()).send().await.json();
    assert_eq!((&me["user"], &me["businesses"]), (&answer["user"], &membership));
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_hear_the_same() {
    let world = World::new().await;
    world.add_user("ann@example.org", "correct horse", Role::Member).await;
    let wrong = log_in(&world, "ann@example.org", "wrong").await;
    let unknown = log_in(&world, "bob@example.org", "wrong").await;
    assert_eq!(wrong.error(), (401, "wrong_credentials".into()));
    assert_eq!((wrong.status, &wrong.body), (unknown.status, &unknown.body));
}

#[tokio::test]
async fn who_guesses_passwords_has_to_wait() {
    let world = World::new().await;
    world.add_user("ann@example.org", "correct horse", Role::Member).await;
    for _ in 0..5 {
        assert_eq!(log_in(&world, "ann@example.org", "wrong").await.status, 401);
    }
    let answer = log_in(&world, "ann@example.org", "correct horse").await;
    assert_eq!((answer.error(), answer.header("retry-after")), ((429, "rate_limited".into()), Some("60")));
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(log_in(&world, "ann@example.org", "correct horse").await.status, 200);
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_shown() {
    let world = World::new().await;
    let token = world.token(Role::Admin);
    for path in
        ["/v1/me", "/v1/connections", "/v1/conversations", "/v1/responses/resp_1", "/v1/results/res_1", "/v1/models"]
    {
        let nobody = world.get(path).send().await;
        assert_eq!(
            (nobody.error(), nobody.header("www-authenticate")),
            ((401, "no_token".into()), Some("Bearer")),
            "{path}"
        );
        assert_eq!(world.get(path).token("nonsense").send().await.error(), (401, "invalid_token".into()), "{path}");
    }
    world.clock.advance(Duration::from_secs(7200 + 60));
    assert_eq!(world.get("/v1/me").token(&token).send().await.error(), (401, "token_expired".into()));
}

#[tokio::test]
async fn who_belongs_nowhere_is_told_so() {
    let world = World::new().await;
    let answer = world.get("/v1/connections").token(&world.token_in(&[])).send().await;
    assert_eq!(answer.error(), (403, "no_business".into()));
}
