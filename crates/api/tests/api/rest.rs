use crate::support::{Clockwork, Mode, OTHER, World, answer};
use contracts::{ResultSet, Role, Schema};
use ports::broker::{Destination, Queue};
use ports::store::{ConnectionStatus, Connections, StoredResult, TurnState};
use serde_json::{Value, json};

async fn ask_raw(world: &World, body: impl Into<Vec<u8>>) -> (u16, String) {
    world.post("/v1/responses").token(&world.token(Role::Member)).raw(body).send().await.error()
}

#[tokio::test]
async fn bad_input_is_named() {
    let world = World::new().await;
    assert_eq!(ask_raw(&world, r#"{"input": "  "}"#).await, (400, "empty_question".into()));
    assert_eq!(ask_raw(&world, "{}").await, (400, "empty_question".into()));
    assert_eq!(ask_raw(&world, r#"{"input": "#).await, (400, "invalid_json".into()));
    assert_eq!(ask_raw(&world, "[".repeat(10_000)).await, (400, "invalid_json".into()));
    assert_eq!(ask_raw(&world, r#"{"input": "x", "stream": "yes"}"#).await, (400, "invalid_request".into()));
    assert_eq!(ask_raw(&world, b"{\"input\": \"\xff\"}".to_vec()).await, (400, "invalid_utf8".into()));
    assert_eq!(ask_raw(&world, "").await, (400, "invalid_json".into()));
    let key = json!({"input": "x", "idempotency_key": "k".repeat(256)}).to_string();
    assert_eq!(ask_raw(&world, key).await, (400, "invalid_idempotency_key".into()));
    assert!(world.effects.all().is_empty());
}

#[tokio::test]
async fn a_question_that_is_too_long_is_refused_with_the_limit() {
    let world = World::new().await;
    for length in [16_385, 1_000_000, 10_000_000] {
        let body = json!({"input": "x".repeat(length)});
        let answer = world.ask(body).send().await;
        assert_eq!(answer.error(), (413, "input_too_long".into()));
        let limit = if length < 65_536 { "16384" } else { "65536" };
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains(limit));
    }
    assert!(world.effects.all().is_empty());
}

#[tokio::test]
async fn what_belongs_to_another_business_looks_like_nothing() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    world.store.add_result(StoredResult {
        id: "res_1".into(),
        business: "biz_a".into(),
        turn: id.as_str().into(),
        rows: ResultSet::default(),
    });
    let theirs = world.token_in(&[(OTHER, Role::Admin)]);
    let conversation = world.broker.envelopes()[0].meta.conversation.clone().unwrap();
    let paths = [
        (format!("/v1/responses/{id}"), "/v1/responses/resp_none"),
        (format!("/v1/responses/{id}?stream=true"), "/v1/responses/resp_none?stream=true"),
        ("/v1/connections/con_shop".into(), "/v1/connections/con_none"),
        ("/v1/connections/con_shop/schema".into(), "/v1/connections/con_none/schema"),
        ("/v1/connections/con_shop/suggestions".into(), "/v1/connections/con_none/suggestions"),
        (format!("/v1/conversations/{conversation}/turns"), "/v1/conversations/conv_none/turns"),
        ("/v1/results/res_1".into(), "/v1/results/res_none"),
    ];
    for (ours, none) in paths {
        let answer = world.get(&ours).token(&theirs).send().await;
        assert_eq!(answer.error(), (404, "not_found".into()), "{ours}");
        assert_eq!(answer.body, world.get(none).token(&theirs).send().await.body, "{ours}");
    }
    let stop = world.post(&format!("/v1/responses/{id}/cancel")).token(&theirs).send().await;
    assert_eq!(stop.error(), (404, "not_found".into()));
    assert!(!world.effects.all().contains(&"request_cancel".to_owned()));
}

#[tokio::test]
async fn a_stop_is_noted_then_signalled_and_ends_nothing_here() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    let path = format!("/v1/responses/{id}/cancel");
    let viewer = world.post(&path).token(&world.token(Role::Viewer)).send().await;
    assert_eq!(viewer.error(), (403, "forbidden_role".into()));
    let stopped = world.post(&path).token(&world.token(Role::Member)).send().await.json();
    assert_eq!((stopped["id"].as_str(), stopped["status"].as_str()), (Some(id.as_str()), Some("in_progress")));
    assert_eq!(world.effects.all()[4..], ["request_cancel".to_owned(), format!("signal {id}")]);
    assert_eq!(world.store.state_of(&id), TurnState::Accepted);

    world.end(&id);
    let late = world.post(&path).token(&world.token(Role::Member)).send().await.json();
    assert_eq!(late["status"], "completed");
    assert_eq!(world.effects.all().len(), 7, "no signal for what has ended");
}

#[tokio::test]
async fn a_connection_is_sealed_stored_and_tested() {
    let world = World::new().await;
    let body = json!({"name": "Sales", "url": "postgres://me:hush@db.example.org/sales"});
    let answer = world.post("/v1/connections").token(&world.token(Role::Manager)).json(body.clone()).send().await;
    assert_eq!(answer.status, 201);
    let added = answer.json();
    let connection = &added["connection"];
    assert_eq!((&connection["dialect"], &connection["status"]), (&json!("postgres"), &json!("new")));
    assert!(!added.to_string().contains("hush"));
    let id = connection["id"].as_str().unwrap();
    assert_eq!(world.store.sealed_url(id), format!("sealed for biz_a {id}: 39 bytes"));

    let (to, _) = world.broker.published().remove(0);
    assert_eq!(to, Destination::Work(Queue::interactive("test_connection")));
    let envelope = world.broker.envelopes().remove(0);
    assert_eq!(envelope.job, json!({"connection": id, "then_introspect": true}));
    assert_eq!(
        (envelope.meta.conversation, envelope.meta.turn.as_str()),
        (None, added["response_id"].as_str().unwrap())
    );

    let again = world.post("/v1/connections").token(&world.token(Role::Manager)).json(body).send().await;
    assert_eq!(again.error(), (409, "name_taken".into()));
    let listed = world.get("/v1/connections").token(&world.token(Role::Viewer)).send().await.json();
    let names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["shop", "Sales"]);
}

#[tokio::test]
async fn a_connection_stands_although_its_test_could_not_be_queued() {
    let world = World::new().await;
    world.broker.behave(Mode::Down);
    let body = json!({"name": "Sales", "url": "sqlite:/data/sales.db"});
    let answer = world.post("/v1/connections").token(&world.token(Role::Manager)).json(body).send().await;
    assert_eq!((answer.status.as_u16(), &answer.json()["response_id"]), (201, &Value::Null));
    let path = format!("/v1/connections/{}/test", answer.json()["connection"]["id"].as_str().unwrap());
    assert_eq!(
        world.post(&path).token(&world.token(Role::Manager)).send().await.error(),
        (503, "queue_unavailable".into())
    );
    world.broker.behave(Mode::Up);
    let tested = world.post(&path).token(&world.token(Role::Manager)).send().await;
    assert_eq!((tested.status.as_u16(), tested.json()["response_id"].is_string()), (202, true));
}

#[tokio::test]
async fn only_managers_change_connections() {
    let world = World::new().await;
    let member = world.token(Role::Member);
    let add = world.post("/v1/connections").token(&member).json(json!({"name": "x", "url": "sqlite:x"})).send().await;
    assert_eq!(add.error(), (403, "forbidden_role".into()));
    let test = world.post("/v1/connections/con_shop/test").token(&member).send().await;
    assert_eq!(test.error(), (403, "forbidden_role".into()));
    let url =
        world.post("/v1/connections").token(&world.token(Role::Manager)).json(json!({"name": "x", "url": "http://h"}));
    assert_eq!(url.send().await.error(), (400, "invalid_url".into()));
}

#[tokio::test]
async fn a_schema_is_shown_once_it_is_known() {
    let world = World::new().await;
    let token = world.token(Role::Viewer);
    let unknown = world.get("/v1/connections/con_shop/schema").token(&token).send().await;
    assert_eq!(unknown.error(), (404, "schema_unknown".into()));
    let none = world.get("/v1/connections/con_shop/suggestions").token(&token).send().await;
    assert_eq!(none.json(), json!({"data": []}));
    let schema: Schema = serde_json::from_value(json!({"tables": [{"name": "customers", "columns": [
        {"name": "id", "data_type": "INTEGER"},
        {"name": "country", "data_type": "TEXT", "samples": ["France", "Peru", "Japan"]},
    ], "primary_key": ["id"]}]}))
    .unwrap();
    world.store.save_schema(&"biz_a".into(), &"con_shop".into(), &schema).await.unwrap();
    let shown = world.get("/v1/connections/con_shop/schema").token(&token).send().await.json();
    assert_eq!(shown["tables"][0]["name"], "customers");
    let some = world.get("/v1/connections/con_shop/suggestions").token(&token).send().await.json();
    let expected = domain::suggest::questions(&schema, 6);
    assert_eq!(some, json!({"data": expected}));
    assert!(!expected.is_empty());
}

#[tokio::test]
async fn history_shows_questions_with_their_answers() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    world.store.end(&id, answer(), 2);
    let token = world.token(Role::Member);
    let conversations = world.get("/v1/conversations").token(&token).send().await.json();
    let conversation = conversations["data"][0]["id"].as_str().unwrap();
    let turns = world.get(&format!("/v1/conversations/{conversation}/turns")).token(&token).send().await.json();
    let expected = json!({"data": [{
        "id": id, "question": "How many?", "state": "completed", "answer": "There are 42.", "sql": "SELECT 42",
        "result_id": "res_1", "error": null, "reason": null, "created_ms": Clockwork::START_MS, "connection": "con_shop",
    }]});
    assert_eq!(turns, expected);
}

#[tokio::test]
async fn rows_are_given_out_by_their_id() {
    let world = World::new().await;
    let rows = ResultSet { columns: vec![], rows: vec![vec![json!(42)]], truncated: false };
    world.store.add_result(StoredResult { id: "res_1".into(), business: "biz_a".into(), turn: "t".into(), rows });
    let shown = world.get("/v1/results/res_1").token(&world.token(Role::Viewer)).send().await.json();
    assert_eq!(shown, json!({"columns": [], "rows": [[42]], "truncated": false}));
}

#[tokio::test]
async fn readiness_names_what_is_out_of_reach_and_no_host() {
    let world = World::new().await;
    let answer = world.get("/ready").send().await;
    assert_eq!((answer.status.as_u16(), answer.json()["status"].as_str()), (200, Some("ready")));
    world.broker.behave(Mode::Down);
    let answer = world.get("/ready").send().await;
    let checks = &answer.json()["checks"];
    assert_eq!(
        (answer.status.as_u16(), &checks["broker"]["ok"], &checks["store"]["ok"]),
        (503, &json!(false), &json!(true))
    );
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret-host"));
    assert_eq!(world.get("/health").send().await.status, 200);
}

#[tokio::test]
async fn a_connection_that_is_not_ready_is_asked_when_there_is_no_other() {
    let settings = settings::load(&settings::Source::default()).unwrap();
    let world = World::bare(&settings);
    world.add_connection("con_new", "biz_a", "new", ConnectionStatus::New).await;
    world.ask(json!({"input": "How many?", "stream": true})).stream().await;
    assert_eq!(world.broker.envelopes()[0].meta.connection, Some("con_new".into()));
}
