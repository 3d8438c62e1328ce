//! What somebody reads of what was made for the eyes of a role that sees more.

use crate::support::{Clockwork, World};
use contracts::{ApprovalId, ChangeKind, Column, Event, Personal, ResultSet, Role};
use ports::approvals::{Approval, ApprovalState, Approvals};
use ports::store::StoredResult;
use serde_json::{Value, json};

/// Rows as they are kept of a manager: an address, a number from a column that was called `phone`, and one of a column
/// that the settings hide.
fn clear() -> ResultSet {
    let noted = |name: &str, personal| Column { personal: Some(personal), ..Column::new(name, "text") };
    let columns = vec![
        Column::new("contact", "text"),
        noted("p", Personal::Values),
        noted("s", Personal::Hidden),
        Column::new("city", "text"),
    ];
    let rows = vec![vec![json!("ann@example.org"), json!("5551234"), json!(100), json!("Oslo")]];
    ResultSet { columns, rows, truncated: false }
}

fn shown_to(role: Role) -> Value {
    match role {
        Role::Viewer | Role::Member => json!([["a***@***.org", "***", "***", "Oslo"]]),
        Role::Manager | Role::Admin => json!([["ann@example.org", "5551234", 100, "Oslo"]]),
    }
}

const ROLES: [Role; 4] = [Role::Viewer, Role::Member, Role::Manager, Role::Admin];

async fn read(world: &World, path: &str, role: Role) -> Value {
    world.get(path).token(&world.token(role)).send().await.json()
}

#[tokio::test]
async fn a_preview_is_masked_for_each_reader_by_their_own_role() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    let approval = Approval {
        id: ApprovalId::of(&id.as_str().into()),
        business: "biz_a".into(),
        connection: "con_shop".into(),
        turn: id.as_str().into(),
        user: "usr_manager".into(),
        question: "Move Ann to Oslo.".to_owned(),
        statement: "update customers set city = 'Oslo' where id = 3".to_owned(),
        sql: "UPDATE customers SET city = 'Oslo' WHERE id = 3".to_owned(),
        preview_sql: "SELECT * FROM customers WHERE id = 3".to_owned(),
        kind: ChangeKind::Update,
        table: "customers".to_owned(),
        affected: 1,
        preview: clear(),
        state: ApprovalState::Pending,
        decided: None,
        executed_as: None,
        changed: None,
        error: None,
        created_ms: Clockwork::START_MS,
        expires_ms: Clockwork::START_MS + 3_600_000,
    };
    world.store.ask_approval(&approval).await.unwrap();
    for role in ROLES {
        let one = read(&world, &format!("/v1/approvals/{}", approval.id), role).await;
        let of_response = read(&world, &format!("/v1/responses/{id}/approval"), role).await;
        let listed = read(&world, "/v1/approvals", role).await["data"][0].clone();
        for seen in [one, of_response, listed] {
            assert_eq!(seen["preview"]["rows"], shown_to(role), "{role:?}");
        }
    }
}

#[tokio::test]
async fn a_result_is_masked_for_each_reader_by_their_own_role() {
    let world = World::new().await;
    let result = StoredResult { id: "res_1".into(), business: "biz_a".into(), turn: "t".into(), rows: clear() };
    world.store.add_result(result);
    for role in ROLES {
        assert_eq!(read(&world, "/v1/results/res_1", role).await["rows"], shown_to(role), "{role:?}");
    }
}

#[tokio::test]
async fn what_is_streamed_is_masked_for_each_reader_by_their_own_role() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    let preview = Event::ApprovalRequired {
        approval_id: "apr_1".into(),
        sql: "UPDATE customers SET city = 'Oslo' WHERE id = 3".to_owned(),
        kind: ChangeKind::Update,
        table: "customers".to_owned(),
        affected_rows: 1,
        preview: clear(),
        expires_at: 1,
    };
    world.log.emit(&id, 0, &[Event::rows(&clear(), 10), preview]);
    world.end(&id);
    for role in ROLES {
        let path = format!("/v1/responses/{id}?stream=true");
        let mut stream = world.get(&path).token(&world.token(role)).stream().await;
        let mut seen = Vec::new();
        while let Some(event) = stream.next().await {
            match event["type"].as_str() {
                Some("response.askline.rows") => seen.push(event["rows"].clone()),
                Some("response.askline.approval.required") => seen.push(event["preview"]["rows"].clone()),
                _ => {}
            }
        }
        assert_eq!(seen, [shown_to(role), shown_to(role)], "{role:?}");
    }
}
