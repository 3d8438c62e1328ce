use crate::support::{Clockwork, Mode, OTHER, World};
use contracts::{ApprovalId, ChangeKind, ColumnSchema, ResultSet, Role, Schema, TableSchema};
use ports::approvals::{Approval, ApprovalState, Approvals, ChangeEnd};
use ports::store::{Connections, TurnState};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn asked(turn: &str) -> Approval {
    Approval {
        id: ApprovalId::of(&turn.into()),
        business: "biz_a".into(),
        connection: "con_shop".into(),
        turn: turn.into(),
        user: "usr_member".into(),
        question: "Cancel order 3.".to_owned(),
        statement: "delete from orders where id = 3".to_owned(),
        sql: "DELETE FROM orders WHERE id = 3".to_owned(),
        preview_sql: "SELECT `id`, `note` FROM orders WHERE id = 3".to_owned(),
        kind: ChangeKind::Delete,
        table: "orders".to_owned(),
        affected: 1,
        preview: ResultSet { rows: vec![vec![3.into(), "secret".into()]], ..ResultSet::default() },
        state: ApprovalState::Pending,
        decided: None,
        executed_as: None,
        changed: None,
        error: None,
        created_ms: Clockwork::START_MS,
        expires_ms: Clockwork::START_MS + i64::try_from(HOUR.as_millis()).unwrap(),
    }
}

/// A world in which a response has ended by asking for a change.
async fn asking() -> (World, String) {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    world.store.ask_approval(&asked(&id)).await.unwrap();
    world.end(&id);
    (world, id)
}

/// Says it as somebody of this role: the status, and the response or the code.
async fn say(world: &World, id: &str, word: &str, role: Role) -> (u16, String) {
    let answer = world.post(&format!("/v1/responses/{id}/{word}")).token(&world.token(role)).send().await;
    match answer.status.as_u16() {
        202 => (202, answer.json()["response_id"].as_str().unwrap().to_owned()),
        _ => answer.error(),
    }
}

async fn approval(world: &World, id: &str, role: Role) -> Value {
    world.get(&format!("/v1/responses/{id}/approval")).token(&world.token(role)).send().await.json()
}

#[tokio::test]
async fn an_approval_starts_a_response_that_is_linked_to_the_one_that_asked() {
    let (world, id) = asking().await;
    let (status, turn) = say(&world, &id, "approve", Role::Manager).await;
    assert_eq!(status, 202, "{turn}");
    let envelopes = world.broker.envelopes();
    let job = envelopes.last().unwrap();
    assert_eq!((job.kind.as_str(), job.meta.turn.as_str()), ("execute_change", turn.as_str()));
    assert_eq!(job.job, json!({"approval": ApprovalId::of(&id.as_str().into())}));
    assert_eq!(job.meta.replay_of.as_ref().map(|turn| turn.as_str()), Some(id.as_str()));
    assert_eq!(job.meta.conversation, envelopes[0].meta.conversation);
    let stored = approval(&world, &id, Role::Manager).await;
    assert_eq!((stored["state"].as_str(), stored["executed_as"].as_str()), (Some("approved"), Some(turn.as_str())));
    assert_eq!(stored["decided_by"], "usr_1");
}

#[tokio::test]
async fn the_same_word_again_gives_the_same_response_and_another_word_is_refused() {
    let (world, id) = asking().await;
    let first = say(&world, &id, "approve", Role::Manager).await;
    let jobs = world.broker.envelopes().len();
    assert_eq!(say(&world, &id, "approve", Role::Admin).await, first);
    assert_eq!(say(&world, &id, "decline", Role::Admin).await, (409, "approved".to_owned()));
    assert_eq!(world.broker.envelopes().len(), jobs, "it is not done twice");
    let done = ChangeEnd::Done { rows: 1 };
    world.store.end_change(&"biz_a".into(), &ApprovalId::of(&id.as_str().into()), &done).await.unwrap();
    assert_eq!(say(&world, &id, "approve", Role::Manager).await, first);

    let (world, id) = asking().await;
    let first = say(&world, &id, "decline", Role::Manager).await;
    assert_eq!(first.0, 202);
    assert_eq!(say(&world, &id, "decline", Role::Manager).await, first);
    assert_eq!(say(&world, &id, "approve", Role::Manager).await, (409, "declined".to_owned()));
}

#[tokio::test]
async fn only_the_roles_of_the_setting_decide() {
    let (world, id) = asking().await;
    for role in [Role::Viewer, Role::Member] {
        for word in ["approve", "decline"] {
            assert_eq!(say(&world, &id, word, role).await, (403, "forbidden_role".to_owned()), "{role:?}");
        }
    }
    assert_eq!(approval(&world, &id, Role::Member).await["may_decide"], false);
    assert_eq!(approval(&world, &id, Role::Manager).await["may_decide"], true);
    assert_eq!(approval(&world, &id, Role::Manager).await["state"], "pending");
}

#[tokio::test]
async fn another_business_neither_sees_nor_decides() {
    let (world, id) = asking().await;
    let theirs = world.token_in(&[(OTHER, Role::Admin)]);
    for path in
        [format!("/v1/responses/{id}/approval"), format!("/v1/approvals/{}", ApprovalId::of(&id.as_str().into()))]
    {
        assert_eq!(world.get(&path).token(&theirs).send().await.error(), (404, "not_found".to_owned()), "{path}");
    }
    for word in ["approve", "decline"] {
        let answer = world.post(&format!("/v1/responses/{id}/{word}")).token(&theirs).send().await;
        assert_eq!(answer.error(), (404, "not_found".to_owned()));
    }
    assert_eq!(world.get("/v1/approvals").token(&theirs).send().await.json()["data"], json!([]));
    let ours = world.get("/v1/approvals?state=pending").token(&world.token(Role::Viewer)).send().await.json();
    assert_eq!(ours["data"][0]["response_id"].as_str(), Some(id.as_str()));
}

#[tokio::test]
async fn what_was_not_asked_or_is_too_late_cannot_be_approved() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    assert_eq!(say(&world, &id, "approve", Role::Manager).await, (404, "not_found".to_owned()), "it asked for nothing");
    world.store.ask_approval(&asked(&id)).await.unwrap();
    assert_eq!(say(&world, &id, "approve", Role::Manager).await, (409, "not_asked".to_owned()), "it still runs");
    world.end(&id);
    world.clock.advance(HOUR);
    assert_eq!(say(&world, &id, "approve", Role::Manager).await, (409, "approval_expired".to_owned()));
    assert_eq!(say(&world, &id, "decline", Role::Manager).await, (409, "approval_expired".to_owned()));
    assert_eq!(approval(&world, &id, Role::Manager).await["state"], "expired");
    let filtered = world.get("/v1/approvals?state=nonsense").token(&world.token(Role::Manager)).send().await;
    assert_eq!(filtered.error(), (400, "unknown_state".to_owned()));
}

#[tokio::test]
async fn an_approval_that_did_not_reach_the_queue_is_sent_by_the_next_one() {
    let (world, id) = asking().await;
    world.broker.behave(Mode::Down);
    assert_eq!(say(&world, &id, "approve", Role::Manager).await.0, 503);
    world.broker.behave(Mode::Up);
    let (status, turn) = say(&world, &id, "approve", Role::Manager).await;
    assert_eq!(status, 202, "{turn}");
    let jobs = world.broker.envelopes().into_iter().filter(|job| job.kind == "execute_change");
    let turns: Vec<String> = jobs.map(|job| job.meta.turn.0).collect();
    assert_eq!(turns, std::slice::from_ref(&turn));
    assert_eq!(approval(&world, &id, Role::Manager).await["executed_as"].as_str(), Some(turn.as_str()));
    assert_eq!(world.store.state_of(&turn), TurnState::Accepted);
}

#[tokio::test]
async fn who_may_not_see_a_column_of_the_rows_neither_sees_nor_approves_them() {
    let (world, id) = asking().await;
    let column = |name: &str| ColumnSchema {
        name: name.to_owned(),
        data_type: "TEXT".to_owned(),
        nullable: true,
        comment: None,
        samples: Vec::new(),
    };
    let table = TableSchema {
        namespace: None,
        name: "orders".to_owned(),
        comment: None,
        columns: vec![column("id"), column("note")],
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        row_estimate: None,
        is_view: false,
    };
    let (business, connection) = ("biz_a".into(), "con_shop".into());
    world.store.save_schema(&business, &connection, &Schema { tables: vec![table] }).await.unwrap();
    world.add_user("ann@example.org", "a password of hers", Role::Manager).await;
    let hidden = json!({"roles": {"manager": [{"name": "orders", "masks": {"note": "refuse"}}]}});
    world.store.save_connection_policy(&business, &connection, &hidden).await.unwrap();
    let seen = approval(&world, &id, Role::Manager).await;
    assert_eq!((seen["preview"].clone(), seen["may_decide"].clone()), (Value::Null, json!(false)));
    assert_eq!(say(&world, &id, "approve", Role::Manager).await, (403, "change_hidden".to_owned()));
    assert_eq!(approval(&world, &id, Role::Admin).await["preview"]["rows"][0][1], "secret");
    assert_eq!(say(&world, &id, "approve", Role::Admin).await.0, 202);
}

#[tokio::test]
async fn a_manager_allows_changes_and_takes_them_back_and_nobody_is_shown_the_url() {
    let world = World::new().await;
    let path = "/v1/connections/con_shop/writes";
    let set = |role: Role, url: Value| world.put(path).token(&world.token(role)).json(json!({ "url": url })).send();
    assert_eq!(set(Role::Member, json!("sqlite:/w.db")).await.error(), (403, "forbidden_role".to_owned()));
    assert_eq!(set(Role::Manager, json!("postgres://w:hush@h/d")).await.error(), (400, "invalid_dialect".to_owned()));
    assert_eq!(set(Role::Manager, json!("w.db")).await.error(), (400, "invalid_url".to_owned()));
    let allowed = set(Role::Manager, json!(" sqlite:/w.db ")).await;
    assert_eq!(allowed.json()["allows_writes"], true);
    assert!(!String::from_utf8_lossy(&allowed.body).contains("w.db"));
    let stored = world.store.connection(&"biz_a".into(), &"con_shop".into()).await.unwrap().unwrap();
    assert_eq!(stored.sealed_write_url.as_deref(), Some("sealed for biz_a con_shop#write: 12 bytes"));
    assert_eq!(set(Role::Manager, Value::Null).await.json()["allows_writes"], false);
}
