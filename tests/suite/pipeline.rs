//! A turn from question to answer. Every case runs in both modes.

use crate::mode::Mode;
use serde_json::{Value, json};
use testkit::llm_server::Script;
use testkit::{ScriptedLlm, World};

impl Mode {
    async fn with_llm(self, llm: &ScriptedLlm) -> World {
        self.world(&[("ASKLINE_LLM__PROVIDERS", format!("[{}]", llm.provider("scripted")))]).await
    }
}

in_both_modes!(
    a_question_is_answered_with_the_number_and_the_statement,
    the_events_of_a_turn_come_in_order,
    an_unclear_question_fails_clearly_and_the_next_one_is_answered,
    a_refused_statement_is_corrected,
    a_failing_statement_is_corrected_with_the_databases_message,
    after_two_corrections_the_turn_fails,
    with_corrections_off_the_first_refusal_ends_the_turn,
    a_write_never_reaches_the_database,
    small_talk_needs_no_statement,
    a_workflow_is_said_to_be_undefined,
    the_prompt_shows_the_conversation,
    a_cancel_ends_the_turn_once_and_stops_the_language_model,
    the_same_key_gives_the_same_answer,
    the_same_key_gives_the_same_error,
    a_second_device_hears_the_whole_response,
    a_resume_begins_after_the_number,
    a_cut_schema_is_told,
    a_connection_is_tested_and_read,
    a_connection_that_cannot_work_says_why,
    another_business_sees_nothing,
    each_role_gets_the_rows_of_its_policy,
);

const COUNT: &str = "How many customers do we have?";

async fn a_question_is_answered_with_the_number_and_the_statement(mode: Mode) {
    let world = mode.world(&[]).await;
    let transcript = world.client().ask(COUNT).await;
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    let rows = transcript.of("response.askline.rows").next().unwrap();
    assert_eq!(rows["rows"], json!([[28]]));
    assert!(transcript.text().contains("28"), "{}", transcript.text());
    let sql = transcript.terminal()["response"]["metadata"]["sql"].as_str().unwrap().to_lowercase();
    assert!(sql.contains("count") && sql.contains("customers"), "{sql}");
    world.stop().await;
}

async fn the_events_of_a_turn_come_in_order(mode: Mode) {
    let llm = ScriptedLlm::answering("SELECT COUNT(*) AS customers FROM customers", "There are 28 customers.").await;
    let world = mode.with_llm(&llm).await;
    let transcript = world.client().ask(COUNT).await;
    let mut types = transcript.check().types();
    types.dedup();
    let short: Vec<_> =
        types.iter().map(|name| name.trim_start_matches("response.").trim_start_matches("askline.")).collect();
    assert_eq!(
        short,
        [
            "created",
            "queued",
            "step.started",
            "in_progress",
            "step.completed",
            "step.started",
            "sql.generated",
            "step.completed",
            "step.started",
            "rows",
            "step.completed",
            "step.started",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "step.completed",
            "completed",
        ]
    );
    assert_eq!(transcript.text(), "There are 28 customers.");
    let usage = &transcript.terminal()["response"]["usage"];
    assert!(usage["total_tokens"].as_u64() > Some(0), "tokens are counted: {usage}");
    world.stop().await;
}

async fn an_unclear_question_fails_clearly_and_the_next_one_is_answered(mode: Mode) {
    let world = mode.world(&[]).await;
    let mut client = world.client();
    let first = client.ask("Which customers will leave us next year, and why?").await;
    assert_eq!(first.check().status(), "failed");
    let (code, message) = first.error();
    assert_eq!(code, "not_understood");
    assert!(message.len() > 20, "{message}");
    let conversation = first.terminal()["response"]["conversation"]["id"].clone();
    let second = client.ask_with(json!({"input": COUNT, "conversation": conversation})).await;
    assert_eq!(second.check().status(), "completed");
    world.stop().await;
}

/// Writes `first`, then `then` once it was told what was wrong.
async fn corrected(first: &str, then: &str) -> ScriptedLlm {
    let (first, then) = (first.to_owned(), then.to_owned());
    ScriptedLlm::with(move |purpose, count| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
        "generate_sql" if count == 1 => Script::answer(&[&first]),
        "generate_sql" => Script::answer(&[&then]),
        _ => Script::answer(&["There ", "are 28."]),
    })
    .await
}

async fn a_refused_statement_is_corrected(mode: Mode) {
    let llm = corrected("SELECT * FROM payroll", "SELECT COUNT(*) FROM customers").await;
    let world = mode.with_llm(&llm).await;
    let transcript = world.client().ask(COUNT).await;
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    let rejected = transcript.of("response.askline.sql.rejected").next().unwrap();
    assert_eq!(rejected["rule"], "unknown_table");
    let told = llm.server.received()[2].body.to_string();
    assert!(told.contains("payroll") && told.contains("rejected"), "the model is told what was wrong: {told}");
    world.stop().await;
}

async fn a_failing_statement_is_corrected_with_the_databases_message(mode: Mode) {
    let llm = corrected("SELECT shoe_size FROM customers", "SELECT COUNT(*) FROM customers").await;
    let world = mode.with_llm(&llm).await;
    let transcript = world.client().ask(COUNT).await;
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    let rejected = transcript.of("response.askline.sql.rejected").next().unwrap();
    assert!(rejected["message"].as_str().unwrap().contains("shoe_size"), "{rejected}");
    world.stop().await;
}

async fn after_two_corrections_the_turn_fails(mode: Mode) {
    let llm = corrected("SELECT 1 FROM nowhere", "SELECT 2 FROM nowhere").await;
    let world = mode.with_llm(&llm).await;
    let transcript = world.client().ask(COUNT).await;
    assert_eq!(transcript.check().status(), "failed");
    assert_eq!(transcript.error().0, "statement_refused");
    assert_eq!(transcript.of("response.askline.sql.generated").count(), 3, "one try and two corrections");
    world.stop().await;
}

async fn with_corrections_off_the_first_refusal_ends_the_turn(mode: Mode) {
    let llm = corrected("SELECT 1 FROM nowhere", "SELECT COUNT(*) FROM customers").await;
    let providers = format!("[{}]", llm.provider("scripted"));
    let pairs = [("ASKLINE_LLM__PROVIDERS", providers), ("ASKLINE_TURN__CORRECTION_ROUNDS", "0".to_owned())];
    let world = mode.world(&pairs).await;
    let transcript = world.client().ask(COUNT).await;
    assert_eq!((transcript.check().status(), transcript.error().0.as_str()), ("failed", "statement_refused"));
    world.stop().await;
}

async fn a_write_never_reaches_the_database(mode: Mode) {
    let llm = ScriptedLlm::answering("DELETE FROM order_items", "Done.").await;
    let world = mode.with_llm(&llm).await;
    let transcript = world.client().ask("Delete everything").await;
    assert_eq!((transcript.check().status(), transcript.error().0.as_str()), ("failed", "statement_refused"));
    let rows = world.ports.store.audit_of(&"biz_demo".into(), &transcript.id().into()).await.unwrap();
    let verdicts: Vec<_> = rows.iter().map(|row| row.verdict.as_str()).collect();
    assert_eq!(verdicts, ["refuse"; 3], "each try is on record, and none was run");
    world.stop().await;
}

async fn small_talk_needs_no_statement(mode: Mode) {
    let llm = ScriptedLlm::with(|purpose, _| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"chat"}"#]),
        _ => Script::answer(&["Hello! ", "Ask me about your data."]),
    })
    .await;
    let world = mode.with_llm(&llm).await;
    let transcript = world.client().ask("Hello there").await;
    assert_eq!(transcript.check().text(), "Hello! Ask me about your data.");
    assert_eq!(transcript.of("response.askline.sql.generated").count(), 0);
    world.stop().await;
}

async fn a_workflow_is_said_to_be_undefined(mode: Mode) {
    let llm = ScriptedLlm::with(|_, _| Script::answer(&[r#"{"intent":"workflow"}"#])).await;
    let world = mode.with_llm(&llm).await;
    let transcript = world.client().ask("Run the month-end workflow").await;
    assert!(transcript.check().text().contains("No workflow"), "{}", transcript.text());
    world.stop().await;
}

async fn the_prompt_shows_the_conversation(mode: Mode) {
    let llm = ScriptedLlm::answering("SELECT COUNT(*) FROM customers", "There are 28 customers.").await;
    let world = mode.with_llm(&llm).await;
    let mut client = world.client();
    let first = client.ask("How many customers?").await;
    let conversation = first.terminal()["response"]["conversation"]["id"].clone();
    client.ask_with(json!({"input": "And now?", "conversation": conversation})).await;
    let asked = llm.server.received();
    let second_sort = asked[3].body["messages"].to_string();
    assert!(second_sort.contains("How many customers?") && second_sort.contains("There are 28 customers."));
    world.stop().await;
}

async fn a_cancel_ends_the_turn_once_and_stops_the_language_model(mode: Mode) {
    let llm = ScriptedLlm::with(|purpose, _| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"chat"}"#]),
        _ => Script::answer_then_hang(&["Well, "]),
    })
    .await;
    let world = mode.with_llm(&llm).await;
    let mut client = world.client();
    client.create(json!({"input": "Talk to me"})).await;
    let heard = client.listen_until(|event| event["type"] == "response.output_text.delta").await;
    let id = heard.last().unwrap()["response_id"].clone();
    client.send(json!({"type": "response.cancel", "response_id": id})).await;
    let heard = heard.into_iter().filter(|event| event["response_id"].is_string()).collect();
    let transcript = client.listen_on(heard).await;
    assert_eq!(transcript.check().status(), "incomplete");
    assert_eq!(transcript.terminal()["response"]["incomplete_details"]["reason"], "cancelled");
    assert!(llm.server.was_broken_off(1).await, "the call to the language model is broken off");
    world.stop().await;
}

/// Also an error is an answer.
async fn the_same_key_gives_the_same_error(mode: Mode) {
    let world = mode.world(&[]).await;
    let fields = json!({"input": "Which customers will leave us next year, and why?", "idempotency_key": "once"});
    let first = world.client().ask_with(fields.clone()).await;
    assert_eq!(first.check().status(), "failed", "{:#?}", first.terminal());
    let again = world.client().ask_with(fields).await;
    assert_eq!((again.check().id(), again.error()), (first.id(), first.error()));
    assert_eq!(again.events, first.events, "it is the same response, not another run");
    world.stop().await;
}

async fn the_same_key_gives_the_same_answer(mode: Mode) {
    let world = mode.world(&[]).await;
    let mut client = world.client();
    let fields = json!({"input": COUNT, "idempotency_key": "once"});
    let first = client.ask_with(fields.clone()).await;
    let again = client.ask_with(fields).await;
    assert_eq!(first.check().events, again.check().events);
    client.create(json!({"input": "Something else", "idempotency_key": "once"})).await;
    let refusal = client.next().await.unwrap();
    assert_eq!((&refusal["type"], refusal["code"].is_string()), (&json!("error"), true), "{refusal}");
    world.stop().await;
}

async fn a_second_device_hears_the_whole_response(mode: Mode) {
    let world = mode.world(&[]).await;
    let first = world.client().ask(COUNT).await;
    let second = world.client().follow(first.id()).await;
    assert_eq!(first.check().events, second.check().events);
    world.stop().await;
}

async fn a_resume_begins_after_the_number(mode: Mode) {
    let world = mode.world(&[]).await;
    let whole = world.client().ask(COUNT).await;
    let half = whole.events.len() as u64 / 2;
    let mut client = world.client();
    client.send(json!({"type": "response.subscribe", "response_id": whole.id(), "starting_after": half})).await;
    let rest = client.listen_until(|event| event["type"] == "response.completed").await;
    let rest: Vec<Value> = rest.into_iter().filter(|event| event["response_id"].is_string()).collect();
    assert_eq!(rest, whole.events[half as usize + 1..]);
    world.stop().await;
}

async fn a_cut_schema_is_told(mode: Mode) {
    let world = mode.world(&[("ASKLINE_TURN__SCHEMA_TOKENS", "60".to_owned())]).await;
    let transcript = world.client().ask(COUNT).await;
    let notices: Vec<_> = transcript.of("response.askline.notice").map(|notice| notice["code"].clone()).collect();
    assert!(notices.contains(&json!("schema_cut")), "{notices:?}");
    world.stop().await;
}

async fn add_connection(world: &World, url: &str) -> Value {
    let http = reqwest::Client::new();
    let added = http
        .post(format!("{}/v1/connections", world.demo.url))
        .bearer_auth(&world.demo.token)
        .json(&json!({"name": format!("added {}", url.len()), "url": url}))
        .send()
        .await
        .unwrap();
    assert_eq!(added.status(), 201);
    added.json().await.unwrap()
}

async fn a_connection_is_tested_and_read(mode: Mode) {
    let world = mode.world(&[]).await;
    let file = world.folder.path().join("sample-shop.sqlite");
    let added = add_connection(&world, &format!("sqlite:{}", file.display())).await;
    assert!(!added.to_string().contains("sqlite:"), "the URL is never shown: {added}");
    let transcript = world.client().follow(added["response_id"].as_str().unwrap()).await;
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    assert!(transcript.text().starts_with("Ready!") || transcript.terminal().to_string().contains("Ready!"));
    let connection = added["connection"]["id"].clone();
    let answer = world.client().ask_with(json!({"input": COUNT, "connection": connection})).await;
    assert_eq!(answer.status(), "completed", "{:#?}", answer.terminal());
    world.stop().await;
}

async fn a_connection_that_cannot_work_says_why(mode: Mode) {
    let world = mode.world(&[]).await;
    let empty = world.databases.path().join("empty.sqlite");
    std::fs::write(&empty, b"").unwrap();
    for (url, code) in [
        ("sqlite:/nowhere/at/all.sqlite".to_owned(), "connection_settings"),
        ("postgres://nobody:hush@127.0.0.1:1/none".to_owned(), "database_unavailable"),
        (format!("sqlite:{}", empty.display()), "no_tables"),
    ] {
        let added = add_connection(&world, &url).await;
        let transcript = world.client().follow(added["response_id"].as_str().unwrap()).await;
        assert_eq!(transcript.check().status(), "failed", "{url}");
        let (found, message) = transcript.error();
        assert_eq!(found, code, "{message}");
        assert!(message.len() > 20 && !message.contains("hush"), "{message}");
    }
    world.stop().await;
}

async fn another_business_sees_nothing(mode: Mode) {
    let world = mode.world(&[]).await;
    let answered = world.client().ask(COUNT).await;
    let http = reqwest::Client::new();
    let unknown = http.get(format!("{}/v1/responses/resp_unknown", world.demo.url)).bearer_auth(&world.demo.token);
    let unknown = unknown.send().await.unwrap();
    let stranger = stranger(&world).await;
    let theirs = http.get(format!("{}/v1/responses/{}", world.demo.url, answered.id())).bearer_auth(&stranger);
    let theirs = theirs.send().await.unwrap();
    assert_eq!((unknown.status(), theirs.status()), (404.into_status(), 404.into_status()));
    let connections = http.get(format!("{}/v1/connections", world.demo.url)).bearer_auth(&stranger);
    let connections: Value = connections.send().await.unwrap().json().await.unwrap();
    assert_eq!(connections["data"], json!([]));
    world.stop().await;
}

/// A manager is asked past no rule; a member sees the customers up to number 10, and no e-mail addresses.
async fn each_role_gets_the_rows_of_its_policy(mode: Mode) {
    let llm =
        ScriptedLlm::answering("SELECT customer_id, email FROM customers ORDER BY customer_id", "Here they are.").await;
    let world = mode.with_llm(&llm).await;
    let member = member(&world).await;
    let http = reqwest::Client::new();
    let connections = http.get(format!("{}/v1/connections", world.demo.url)).bearer_auth(&world.demo.token);
    let connections: Value = connections.send().await.unwrap().json().await.unwrap();
    let address =
        format!("{}/v1/connections/{}/policy", world.demo.url, connections["data"][0]["id"].as_str().unwrap());
    let put = |token: &str, policy: Value| http.put(&address).bearer_auth(token).json(&policy).send();

    let misspelt = json!({"tables": [{"name": "customers", "filter": "customr_id <= 10"}]});
    let refused = put(&world.demo.token, misspelt).await.unwrap();
    assert_eq!(refused.status(), 400.into_status());
    let said = refused.text().await.unwrap();
    assert!(said.contains("tables.customers.filter") && said.contains("Did you mean customer_id?"), "{said}");

    let rules = json!([{"name": "customers", "filter": "customer_id <= 10 AND {user.role} = 'member'", "masks": {"email": "redact"}}]);
    let policy = json!({"roles": {"member": rules}});
    assert_eq!(put(&member, policy.clone()).await.unwrap().status(), 403.into_status());
    assert_eq!(put(&world.demo.token, policy).await.unwrap().status(), 200.into_status());

    let all = world.client().ask("Who are the customers?").await;
    let some = testkit::Client::new(&world.demo.url, &member).ask("Who are the customers?").await;
    let rows = |transcript: &testkit::Transcript| {
        assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
        transcript.of("response.askline.rows").next().unwrap().clone()
    };
    let (all, some) = (rows(&all), rows(&some));
    assert_eq!((all["row_count"].as_u64(), some["row_count"].as_u64()), (Some(28), Some(10)), "{all:#}");
    assert!(some["rows"].as_array().unwrap().iter().all(|row| row[1] == "***"), "{some:#}");
    world.stop().await;
}

/// The token of a member of the sample shop.
async fn member(world: &World) -> String {
    let email = "member@example.org";
    testkit::add_member(&world.ports, email, PASSWORD, "Zoo").await;
    let store = &world.ports.store;
    let manager = store.user_by_email(&world.demo.email).await.unwrap().unwrap();
    let shop = store.memberships(&manager.id).await.unwrap().remove(0).business;
    let user = store.user_by_email(email).await.unwrap().unwrap();
    store.set_membership(&user.id, &shop, contracts::Role::Member).await.unwrap();
    token(world, email).await
}

async fn token(world: &World, email: &str) -> String {
    let login = reqwest::Client::new()
        .post(format!("{}/v1/auth/login", world.demo.url))
        .json(&json!({"email": email, "password": PASSWORD}))
        .send()
        .await
        .unwrap();
    let login: Value = login.json().await.unwrap();
    login["token"].as_str().unwrap().to_owned()
}

const PASSWORD: &str = "a password of theirs";

trait IntoStatus {
    fn into_status(self) -> reqwest::StatusCode;
}

impl IntoStatus for u16 {
    fn into_status(self) -> reqwest::StatusCode {
        reqwest::StatusCode::from_u16(self).unwrap()
    }
}

/// The token of a user of another business.
async fn stranger(world: &World) -> String {
    testkit::add_member(&world.ports, "stranger@example.org", PASSWORD, "Another business").await;
    token(world, "stranger@example.org").await
}
