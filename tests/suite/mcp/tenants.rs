//! Nothing of one business is given to another.

use super::{PASSWORD, agent, token};
use crate::mcp::client::Agent;
use crate::mode::Mode;
use rusqlite::Connection;
use serde_json::{Value, json};
use testkit::{Client, World};

in_both_modes!(nothing_of_one_business_is_given_to_another, a_caller_of_two_businesses_acts_in_the_one_it_names);

const CANARY: &str = "CANARY-51c0de";
const EMAIL: &str = "stranger@example.org";

/// Somebody of another business, whose database says whose it is. Gives the token and the connection.
async fn stranger(world: &World) -> (String, String) {
    testkit::add_member(&world.ports, EMAIL, PASSWORD, "Another business").await;
    let token = token(world, EMAIL).await;
    let file = world.databases.path().join("theirs.db");
    let database = Connection::open(&file).unwrap();
    database.execute_batch("CREATE TABLE secret_notes (id INTEGER PRIMARY KEY, note TEXT)").unwrap();
    database.execute("INSERT INTO secret_notes (note) VALUES (?1)", [CANARY]).unwrap();
    let add = json!({"name": "Notes", "url": format!("sqlite:{}", file.display())});
    let added = reqwest::Client::new().post(format!("{}/v1/connections", world.demo.url)).bearer_auth(&token);
    let added: Value = added.json(&add).send().await.unwrap().json().await.unwrap();
    let tested = Client::new(&world.demo.url, &token).follow(added["response_id"].as_str().unwrap()).await;
    assert_eq!(tested.status(), "completed", "{:#?}", tested.terminal());
    (token, added["connection"]["id"].as_str().unwrap().to_owned())
}

async fn nothing_of_one_business_is_given_to_another(mode: Mode) {
    let world = mode.world(&[]).await;
    let (token, connection) = stranger(&world).await;
    let theirs = Agent::open(&world.demo.url, &token).await;
    let select = json!({"sql": "SELECT note FROM secret_notes"});
    let rows = theirs.works("execute_sql", select.clone()).await;
    assert!(rows.to_string().contains(CANARY), "{rows}");
    let described = theirs.works("describe_table", json!({"table": "secret_notes"})).await;
    let uri = described["structuredContent"]["uri"].as_str().unwrap().to_owned();
    let turn = rows["structuredContent"]["response_id"].as_str().unwrap().to_owned();

    let ours = agent(&world).await;
    let mut given = Vec::new();
    for (tool, arguments) in [
        ("search_schema", json!({"query": "secret notes"})),
        ("search_schema", json!({"query": "secret notes", "connection": connection})),
        ("describe_table", json!({"table": "secret_notes"})),
        ("describe_table", json!({"table": "secret_notes", "connection": connection})),
        ("execute_sql", select.clone()),
        ("execute_sql", json!({"sql": select["sql"], "connection": connection})),
        ("execute_sql", json!({"sql": select["sql"], "connection": "Notes"})),
        ("ask", json!({"question": "Which notes are there?", "connection": connection})),
    ] {
        given.push(ours.call(tool, arguments).await);
    }
    let business = uri.trim_start_matches("schema://").split('/').next().unwrap().to_owned();
    for uri in [uri.clone(), format!("schema://{business}/secret_notes"), "schema://biz_demo/secret_notes".into()] {
        given.push(ours.fail("resources/read", json!({ "uri": uri })).await);
    }
    given.push(ours.ask("resources/list", json!({})).await);
    for text in given.iter().map(Value::to_string) {
        assert!(!text.contains(CANARY) && !text.contains("\"note\""), "{text}");
    }
    assert!(given[..8].iter().skip(1).filter(|result| result["isError"] == true).count() >= 6, "{given:#?}");

    let elsewhere = ours.request().header("x-askline-business", &business);
    let elsewhere = elsewhere.json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).send().await.unwrap();
    assert_eq!(elsewhere.status().as_u16(), 403, "the token does not cover it");
    // A session's name opens nothing: calls of it are of whoever holds the token.
    let mut borrowed = Agent::closed(&world.demo.url, &world.demo.token);
    borrowed.session = theirs.session.clone();
    let same_number = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "execute_sql", "arguments": select}});
    let said = borrowed.post(&same_number).await.text().await.unwrap();
    assert!(!said.contains(CANARY), "{said}");
    let stored = world.ports.store.turn(&"biz_demo".into(), &turn.as_str().into()).await.unwrap();
    assert_eq!(stored, None, "their turn is not of this business");
    world.stop().await;
}

async fn a_caller_of_two_businesses_acts_in_the_one_it_names(mode: Mode) {
    let world = mode.world(&[]).await;
    stranger(&world).await;
    testkit::add_member(&world.ports, EMAIL, PASSWORD, "Demo").await;
    let both = token(&world, EMAIL).await;
    let agent = Agent::closed(&world.demo.url, &both);
    for (business, table) in [("biz_demo", "customers"), ("biz_another_business", "secret_notes")] {
        let list = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/list"});
        let listed = agent.request().header("x-askline-business", business).json(&list).send().await.unwrap();
        let listed = super::client::messages(listed).await.pop().unwrap()["result"]["resources"].to_string();
        assert!(listed.contains(&format!("schema://{business}/{table}")), "{listed}");
        assert_eq!(listed.contains("secret_notes"), table == "secret_notes", "{listed}");
    }
    world.stop().await;
}
