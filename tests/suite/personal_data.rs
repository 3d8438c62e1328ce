//! Who sees personal data: managers in results, nobody else, and no language model.

use crate::mode::Mode;
use contracts::Role;
use serde_json::{Value, json};
use testkit::{Client, ScriptedLlm, World};

const SQL: &str = "SELECT name, email FROM customers ORDER BY customer_id LIMIT 2";
const REPLY: &str = "Two customers.";

async fn world(mode: Mode, llm: &ScriptedLlm, more: &[(&str, String)]) -> World {
    let mut pairs = vec![("ASKLINE_LLM__PROVIDERS", format!("[{}]", llm.provider("scripted")))];
    pairs.extend_from_slice(more);
    mode.world(&pairs).await
}

/// A token of somebody else in the demo's business.
async fn colleague(world: &World, email: &str) -> String {
    let password = "a-long-password";
    testkit::add_member_as(&world.ports, email, password, "Demo", Role::Member).await;
    let login = reqwest::Client::new()
        .post(format!("{}/v1/auth/login", world.demo.url))
        .json(&json!({ "email": email, "password": password }))
        .send()
        .await
        .unwrap();
    login.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
}

fn rows_of(transcript: &testkit::Transcript) -> String {
    transcript.of("response.askline.rows").next().unwrap()["rows"].to_string()
}

async fn a_member_sees_masks_and_a_manager_does_not(mode: Mode) {
    let llm = ScriptedLlm::answering(SQL, REPLY).await;
    let world = world(mode, &llm, &[]).await;
    let clear = world.client().ask("Who are our customers?").await;
    assert_eq!(clear.check().status(), "completed", "{:#?}", clear.terminal());
    assert!(rows_of(&clear).contains("@mail.example"), "{}", rows_of(&clear));
    let token = colleague(&world, "member@example.org").await;
    let masked = Client::new(&world.demo.url, &token).ask("Who are our customers?").await;
    assert_eq!(masked.check().status(), "completed", "{:#?}", masked.terminal());
    let rows = rows_of(&masked);
    assert!(rows.contains("***@***") && !rows.contains("@mail.example"), "{rows}");
    assert!(masked.of("response.askline.notice").any(|notice| notice["code"] == "masked"));
    // What is stored is what was shown.
    let turn = world.ports.store.turn(&"biz_demo".into(), &masked.id().into()).await.unwrap().unwrap();
    let end = turn.end.unwrap();
    let stored = world.ports.store.result(&"biz_demo".into(), &end.result.unwrap()).await.unwrap().unwrap();
    assert_eq!(serde_json::to_string(&stored.rows).unwrap(), rows);
    assert_eq!(end.answer, masked.text());
    world.stop().await;
}

async fn no_language_model_sees_personal_data(mode: Mode) {
    let llm = ScriptedLlm::with(|purpose, _| match purpose {
        "classify" => testkit::llm_server::Script::answer(&[r#"{"intent":"sql","tables":[],"filters":[]}"#]),
        // The model can only repeat what it was shown.
        "generate_sql" => testkit::llm_server::Script::answer(&[
            "SELECT name, email FROM customers WHERE email = 'person1.masked@example.invalid' OR customer_id = 1",
        ]),
        _ => testkit::llm_server::Script::answer(&[REPLY]),
    })
    .await;
    let world = world(mode, &llm, &[]).await;
    let question = "Who is somebody@example.org, paid with 4111111111111111?";
    let transcript = world.client().ask(question).await;
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    let sql = transcript.of("response.askline.sql.generated").next().unwrap()["sql"].as_str().unwrap().to_owned();
    assert!(sql.contains("somebody@example.org"), "{sql}");
    let asked = llm.server.received();
    assert!(asked.len() >= 3, "{}", asked.len());
    for request in &asked {
        let body = request.body.to_string();
        let shown = ["somebody@", "@mail.example", "4111111111111111"].iter().any(|secret| body.contains(secret));
        assert!(!shown, "{body}");
    }
    world.stop().await;
}

async fn the_settings_may_show_it_to_both(mode: Mode) {
    let llm = ScriptedLlm::answering(SQL, REPLY).await;
    let clear = [
        ("ASKLINE_MASKING__CLEAR_TO_LLM", "true".to_owned()),
        ("ASKLINE_MASKING__CLEAR_ROLES", "['member', 'manager']".to_owned()),
    ];
    let world = world(mode, &llm, &clear).await;
    let token = colleague(&world, "second@example.org").await;
    let transcript = Client::new(&world.demo.url, &token).ask("Who are our customers?").await;
    assert!(rows_of(&transcript).contains("@mail.example"), "{}", rows_of(&transcript));
    assert!(llm.server.received().iter().any(|request| request.body.to_string().contains("@mail.example")));
    world.stop().await;
}

/// Aliases, expressions and subqueries of a column that the settings name, and of one that is called personal.
const RENAMED: &str = "SELECT name AS who, c, upper(c) AS d, e FROM (SELECT name, city AS c, substr(email, 1, 5) AS e \
                       FROM customers) t ORDER BY name LIMIT 3";

async fn a_column_is_masked_by_whatever_name_and_in_every_prompt(mode: Mode) {
    let llm = ScriptedLlm::answering(RENAMED, REPLY).await;
    let world = world(mode, &llm, &[("ASKLINE_MASKING__COLUMNS", "['customers.city']".to_owned())]).await;
    let clear = world.client().ask("Where do our customers live?").await;
    assert_eq!(clear.check().status(), "completed", "{:#?}", clear.terminal());
    let rows = clear.of("response.askline.rows").next().unwrap()["rows"].clone();
    let secrets: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap()[1..].iter())
        .map(|cell| cell.as_str().unwrap())
        .collect();
    assert!(secrets.len() == 9 && secrets.iter().all(|secret| !secret.contains("***")), "{rows}");
    let asked = llm.server.received();
    let told = asked.iter().map(|request| request.body.to_string()).collect::<String>();
    assert!(told.contains(rows[0][0].as_str().unwrap()), "what is not personal is told: {told}");
    assert!(told.contains("city"), "the column is known: {told}");
    for secret in &secrets {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    let token = colleague(&world, "third@example.org").await;
    let masked = Client::new(&world.demo.url, &token).ask("Where do our customers live?").await;
    assert_eq!(masked.check().status(), "completed", "{:#?}", masked.terminal());
    let seen = masked.of("response.askline.rows").next().unwrap()["rows"].clone();
    for row in seen.as_array().unwrap() {
        assert_eq!([&row[1], &row[2], &row[3]], ["***", "***", "***"], "{row}");
    }
    // The manager's rows as the member reads them.
    let result = clear.terminal()["response"]["metadata"]["result_id"].as_str().unwrap().to_owned();
    let url = format!("{}/v1/results/{result}", world.demo.url);
    let read = reqwest::Client::new().get(url).bearer_auth(&token).send().await.unwrap().json::<Value>().await.unwrap();
    assert_eq!(read["rows"], seen);
    world.stop().await;
}

in_both_modes!(
    a_column_is_masked_by_whatever_name_and_in_every_prompt,
    a_member_sees_masks_and_a_manager_does_not,
    no_language_model_sees_personal_data,
    the_settings_may_show_it_to_both,
);
