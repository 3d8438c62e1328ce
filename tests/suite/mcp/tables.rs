//! Tables as tools and as resources, through the policy of the caller's role.

use super::{agent, colleague};
use crate::mcp::client::Agent;
use crate::mode::Mode;
use contracts::Role;
use serde_json::{Value, json};
use testkit::World;

in_both_modes!(
    tables_are_found_described_and_read_as_resources,
    what_a_policy_hides_does_not_show,
    with_several_databases_one_must_be_named
);

async fn tables_are_found_described_and_read_as_resources(mode: Mode) {
    let world = mode.world(&[]).await;
    let agent = agent(&world).await;
    let found = agent.works("search_schema", json!({"query": "customer city", "top_k": 1})).await;
    let found = &found["structuredContent"];
    assert_eq!((found["tables"].as_array().unwrap().len(), &found["tables"][0]["name"]), (1, &json!("customers")));
    assert!(found["tables"][0]["columns"].to_string().contains("\"city\""), "{found}");
    let nothing = agent.works("search_schema", json!({"query": "weather"})).await;
    let notice = nothing["structuredContent"]["notice"].as_str().unwrap().to_owned();
    assert!(notice.contains("customers") && notice.contains("orders"), "{notice}");

    let described = agent.works("describe_table", json!({"table": "Customers"})).await["structuredContent"].clone();
    assert_eq!((&described["table"], &described["dialect"]), (&json!("customers"), &json!("sqlite")));
    assert_eq!(described["primary_key"], json!(["customer_id"]));
    let near = agent.refuses("describe_table", json!({"table": "customer_list"})).await;
    assert!(near.contains("Did you mean customers"), "{near}");

    let uri = described["uri"].as_str().unwrap().to_owned();
    assert_eq!(uri, "schema://biz_demo/customers?connection=con_sample_shop");
    let listed = agent.ask("resources/list", json!({})).await["resources"].clone();
    assert!(listed.as_array().unwrap().iter().any(|resource| resource["uri"] == json!(uri)), "{listed}");
    let templates = agent.ask("resources/templates/list", json!({})).await["resourceTemplates"].clone();
    assert_eq!(templates[0]["uriTemplate"], "schema://{business}/{table}{?connection}");
    for uri in [uri.as_str(), "schema://biz_demo/customers"] {
        let read = agent.ask("resources/read", json!({ "uri": uri })).await["contents"][0].clone();
        assert_eq!((&read["uri"], &read["mimeType"]), (&json!(uri), &json!("application/json")));
        let text: Value = serde_json::from_str(read["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, described);
    }
    for uri in ["schema://biz_demo/nothing", "schema://biz_demo/", "file:///etc/passwd", "customers"] {
        let error = agent.fail("resources/read", json!({ "uri": uri })).await;
        assert!([-32002, -32602].contains(&error["code"].as_i64().unwrap()), "{uri}: {error}");
    }
    let cursor = agent.fail("resources/list", json!({"cursor": "made up"})).await;
    assert_eq!(cursor["code"], -32602, "{cursor}");
    world.stop().await;
}

async fn set_policy(world: &World, policy: Value) {
    let address = format!("{}/v1/connections/con_sample_shop/policy", world.demo.url);
    let put = reqwest::Client::new().put(address).bearer_auth(&world.demo.token).json(&policy);
    assert_eq!(put.send().await.unwrap().status().as_u16(), 200);
}

async fn what_a_policy_hides_does_not_show(mode: Mode) {
    let world = mode.world(&[]).await;
    let rules = json!([{"name": "customers", "filter": "customer_id <= 10", "masks": {"email": "refuse"}}]);
    set_policy(&world, json!({"roles": {"member": rules}})).await;
    let member = colleague(&world, "member@example.org", Role::Member).await;
    let member = Agent::open(&world.demo.url, &member).await;
    let described = member.works("describe_table", json!({"table": "customers"})).await;
    assert!(!described.to_string().contains("email"), "{described}");
    let read = member.ask("resources/read", json!({"uri": "schema://biz_demo/customers"})).await;
    assert!(!read.to_string().contains("email"), "{read}");
    let found = member.works("search_schema", json!({"query": "email"})).await;
    assert!(!found["structuredContent"]["tables"].to_string().contains("\"customers\""), "{found}");
    let refused = member.refuses("execute_sql", json!({"sql": "SELECT email FROM customers"})).await;
    assert!(refused.starts_with("statement_refused (hidden_column)"), "{refused}");
    let some = member.works("execute_sql", json!({"sql": "SELECT COUNT(*) FROM customers"})).await;
    assert_eq!(some["structuredContent"]["rows"], json!([[10]]));
    let manager = agent(&world).await;
    let all = manager.works("describe_table", json!({"table": "customers"})).await;
    assert!(all.to_string().contains("email"));
    world.stop().await;
}

async fn with_several_databases_one_must_be_named(mode: Mode) {
    let world = mode.world(&[]).await;
    let file = world.databases.path().join("second.db");
    let second = rusqlite::Connection::open(&file).unwrap();
    second.execute_batch("CREATE TABLE customers (nickname TEXT); CREATE TABLE notes (note TEXT)").unwrap();
    let http = reqwest::Client::new().post(format!("{}/v1/connections", world.demo.url));
    let add = json!({"name": "Second", "url": format!("sqlite:{}", file.display())});
    let added: Value = http.bearer_auth(&world.demo.token).json(&add).send().await.unwrap().json().await.unwrap();
    let tested = world.client().follow(added["response_id"].as_str().unwrap()).await;
    assert_eq!(tested.status(), "completed", "{:#?}", tested.terminal());
    let agent = agent(&world).await;
    let which = agent.refuses("describe_table", json!({"table": "customers"})).await;
    assert!(which.contains("Sample shop (con_sample_shop") && which.contains("Second (con_"), "{which}");
    let second = agent.works("describe_table", json!({"table": "customers", "connection": "Second"})).await;
    assert_eq!(second["structuredContent"]["columns"][0]["name"], "nickname");
    let ambiguous = agent.fail("resources/read", json!({"uri": "schema://biz_demo/customers"})).await;
    assert!(ambiguous["message"].as_str().unwrap().contains("connection"), "{ambiguous}");
    let uri = second["structuredContent"]["uri"].clone();
    let read = agent.ask("resources/read", json!({ "uri": uri })).await;
    assert!(read.to_string().contains("nickname"), "{read}");
    let only = agent.ask("resources/read", json!({"uri": "schema://biz_demo/notes"})).await;
    assert!(only.to_string().contains("note"), "a table of one database alone needs no more: {only}");
    world.stop().await;
}
