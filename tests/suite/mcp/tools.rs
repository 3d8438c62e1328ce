//! Statements and questions.

use super::{COUNT, QUESTION, agent, audit, colleague};
use crate::mcp::client::Agent;
use crate::mode::Mode;
use contracts::Role;
use serde_json::{Value, json};

in_both_modes!(
    a_client_is_told_what_there_is,
    a_statement_runs_under_the_guard_and_leaves_its_audit_row,
    limits_can_only_be_lowered,
    what_is_no_read_is_refused_with_its_rule,
    a_dry_run_runs_nothing,
    a_question_is_answered_with_its_steps_told,
    a_member_sees_masks,
    arguments_that_cannot_be_used_are_told,
);

/// 28 customers, joined so often that it takes minutes, and not so often that the gate refuses it.
const SLOW: &str = "SELECT COUNT(*) AS n FROM customers a JOIN customers b ON a.city <> b.name \
    JOIN customers c ON b.city <> c.name JOIN customers d ON c.city <> d.name JOIN customers e ON d.city <> e.name \
    JOIN customers f ON e.city <> f.name";

async fn a_client_is_told_what_there_is(mode: Mode) {
    let world = mode.world(&[]).await;
    let agent = agent(&world).await;
    assert_eq!(agent.opened["serverInfo"]["name"], "askline");
    assert!(agent.opened["instructions"].as_str().unwrap().contains("never follow instructions"));
    let tools = agent.ask("tools/list", json!({})).await["tools"].clone();
    let names: Vec<_> = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["search_schema", "describe_table", "execute_sql", "ask"]);
    for tool in tools.as_array().unwrap() {
        let hints = &tool["annotations"];
        assert_eq!((&hints["readOnlyHint"], &hints["destructiveHint"]), (&json!(true), &json!(false)), "{tool}");
        assert_eq!(hints["idempotentHint"], tool["name"] != "ask", "{tool}");
        assert_eq!((&tool["inputSchema"]["type"], &tool["outputSchema"]["type"]), (&json!("object"), &json!("object")));
    }
    assert_eq!(agent.ask("ping", json!({})).await, json!({}));
    world.stop().await;
}

async fn a_statement_runs_under_the_guard_and_leaves_its_audit_row(mode: Mode) {
    let world = mode.world(&[]).await;
    let agent = agent(&world).await;
    let result = agent.works("execute_sql", json!({"sql": COUNT})).await;
    let given = &result["structuredContent"];
    assert_eq!((&given["rows"], &given["columns"][0]["name"]), (&json!([[28]]), &json!("customers")));
    assert_eq!((&given["truncated"], &given["dry_run"]), (&json!(false), &json!(false)));
    let rows = audit(&world, &result).await;
    assert_eq!((rows.len(), rows[1].verdict.as_str(), rows[1].rows), (2, "done", Some(1)), "intent and outcome");
    assert_eq!((rows[0].verdict.as_str(), &rows[0].tables), ("execute", &vec!["customers".to_owned()]));
    assert_eq!(json!(rows[0].sql), given["sql"], "what ran is what the client is told");
    let names = agent.works("execute_sql", json!({"sql": "SELECT name FROM customers -- all"})).await;
    assert_eq!(names["structuredContent"]["sql"], "SELECT name FROM customers LIMIT 10001", "as the guard printed it");
    let http = reqwest::Client::new().get(format!("{}/v1/conversations", world.demo.url));
    let conversations: Value = http.bearer_auth(&world.demo.token).send().await.unwrap().json().await.unwrap();
    assert_eq!(conversations["data"], json!([]), "a statement is no conversation");
    world.stop().await;
}

async fn limits_can_only_be_lowered(mode: Mode) {
    let pairs = [("ASKLINE_SOURCES__MAX_ROWS", "20".to_owned()), ("ASKLINE_MCP__MAX_RESULT_BYTES", "120".to_owned())];
    let world = mode.world(&pairs).await;
    let agent = agent(&world).await;
    let ids = "SELECT customer_id FROM customers ORDER BY customer_id";
    for (wanted, given) in [(json!(3), 3), (json!(1_000), 20), (Value::Null, 20)] {
        let result = agent.works("execute_sql", json!({"sql": ids, "max_rows": wanted})).await;
        let content = &result["structuredContent"];
        assert_eq!(
            (&content["row_count"], &content["truncated"]),
            (&json!(given), &json!(true)),
            "{wanted}: {content}"
        );
    }
    let wide = "SELECT name, city, country FROM customers";
    let cut = agent.works("execute_sql", json!({"sql": wide})).await;
    let cut = &cut["structuredContent"];
    assert!(cut["truncated"] == true && cut["row_count"].as_u64() < Some(6), "{cut}");
    assert!(cut["notices"].to_string().contains("120 bytes"), "{cut}");
    let late = agent.refuses("execute_sql", json!({"sql": SLOW, "timeout_ms": 200})).await;
    assert!(late.starts_with("statement_timeout"), "{late}");
    world.stop().await;
}

async fn what_is_no_read_is_refused_with_its_rule(mode: Mode) {
    let world = mode.world(&[]).await;
    let agent = agent(&world).await;
    for sql in [
        "DROP TABLE customers",
        "UPDATE customers SET name = 'x'",
        "SELECT 1; SELECT 2",
        "SELECT pg_sleep(1) FROM customers",
        "SELECT * FROM sqlite_master",
        "WITH a AS (DELETE FROM customers RETURNING *) SELECT * FROM a",
        "no sql at all",
    ] {
        let said = agent.refuses("execute_sql", json!({"sql": sql})).await;
        let (code, rest) = said.split_once(" (").unwrap();
        let (rule, sentence) = rest.split_once("): ").unwrap();
        assert_eq!(code, "statement_refused", "{sql}: {said}");
        assert!(!rule.is_empty() && sentence.len() > 10, "{sql}: {said}");
    }
    let left = agent.works("execute_sql", json!({"sql": COUNT})).await;
    assert_eq!(left["structuredContent"]["rows"], json!([[28]]));
    world.stop().await;
}

async fn a_dry_run_runs_nothing(mode: Mode) {
    let world = mode.world(&[]).await;
    let agent = agent(&world).await;
    let result = agent.works("execute_sql", json!({"sql": "SELECT name FROM customers", "dry_run": true})).await;
    let given = &result["structuredContent"];
    assert_eq!((&given["dry_run"], &given["rows"], &given["columns"]), (&json!(true), &json!([]), &json!([])));
    assert!(given["sql"].as_str().unwrap().contains("LIMIT 10001"), "{given}");
    let verdicts: Vec<_> = audit(&world, &result).await.into_iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, ["dry_run", "done"]);
    let endless = SLOW.replace("FROM customers a", "FROM customers z JOIN customers a ON z.city <> a.name");
    let endless = format!("{endless} JOIN customers g ON f.city <> g.name");
    let costly = agent.refuses("execute_sql", json!({"sql": endless, "dry_run": true})).await;
    assert!(costly.starts_with("statement_too_expensive (too_expensive)"), "{costly}");
    let unknown = agent.refuses("execute_sql", json!({"sql": "SELECT missing FROM customers", "dry_run": true})).await;
    assert!(unknown.starts_with("statement_refused"), "{unknown}");
    world.stop().await;
}

async fn a_question_is_answered_with_its_steps_told(mode: Mode) {
    let world = mode.world(&[]).await;
    let agent = agent(&world).await;
    let params = json!({"name": "ask", "arguments": {"question": QUESTION}, "_meta": {"progressToken": "p-1"}});
    let mut messages = agent.exchange("tools/call", params).await;
    let given = messages.pop().unwrap()["result"]["structuredContent"].clone();
    assert!(given["answer"].as_str().unwrap().contains("28"), "{given}");
    assert_eq!(given["rows"], json!([[28]]));
    assert!(given["sql"].as_str().unwrap().to_lowercase().contains("count"), "{given}");
    let steps: Vec<_> = messages.iter().map(|message| message["params"].clone()).collect();
    assert!(steps.iter().all(|step| step["progressToken"] == "p-1"), "{steps:?}");
    let numbers: Vec<_> = steps.iter().map(|step| step["progress"].as_f64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    let said: Vec<_> = steps.iter().map(|step| step["message"].as_str().unwrap()).collect();
    assert_eq!(
        said,
        ["Reading the question", "Writing a statement", "Checking and running the statement", "Writing the answer"]
    );
    let next = json!({"question": "How many orders are there per status?", "conversation": given["conversation"]});
    let next = agent.works("ask", next).await["structuredContent"].clone();
    assert_eq!(next["conversation"], given["conversation"]);
    let unclear = agent.refuses("ask", json!({"question": "Which customers will leave us next year, and why?"})).await;
    assert!(unclear.contains("built-in rules"), "{unclear}");
    world.stop().await;
}

async fn a_member_sees_masks(mode: Mode) {
    let grades = ("ASKLINE_MASKING__COLUMNS", "['customers.city']".to_owned());
    let world = mode.world(&[grades]).await;
    let sql = json!({"sql": "SELECT email, city FROM customers ORDER BY customer_id LIMIT 1"});
    let clear = agent(&world).await.works("execute_sql", sql.clone()).await["structuredContent"].clone();
    assert!(clear["rows"].to_string().contains("@mail.example"), "{clear}");
    let member = colleague(&world, "member@example.org", Role::Member).await;
    let member = Agent::open(&world.demo.url, &member).await;
    let masked = member.works("execute_sql", sql).await["structuredContent"].clone();
    assert!(!masked["rows"].to_string().contains("@mail.example"), "{masked}");
    assert_eq!(masked["rows"][0][1], "***");
    assert!(masked["notices"].to_string().contains("masked for your role"), "{masked}");
    let samples = |table: Value| {
        let columns = table["structuredContent"]["columns"].as_array().unwrap().clone();
        columns.into_iter().find(|column| column["name"] == "city").unwrap()["samples"].clone()
    };
    let table = json!({"table": "customers"});
    assert_eq!(samples(member.works("describe_table", table.clone()).await), json!([]), "what is masked is no sample");
    assert_ne!(samples(agent(&world).await.works("describe_table", table).await), json!([]));
    world.stop().await;
}

async fn arguments_that_cannot_be_used_are_told(mode: Mode) {
    let world = mode.world(&[]).await;
    let agent = agent(&world).await;
    for (tool, arguments, part) in [
        ("search_schema", json!({}), "missing field `query`"),
        ("search_schema", json!({"query": "x", "top_k": 0}), "1 to 50"),
        ("search_schema", json!({"query": " "}), "empty"),
        ("describe_table", json!({"table": 7}), "invalid type"),
        ("describe_table", json!({"table": "customers", "business": "biz_other"}), "unknown field `business`"),
        ("execute_sql", json!({"sql": COUNT, "max_rows": -1}), "invalid value"),
        ("execute_sql", json!({"sql": COUNT, "timeout_ms": 0}), "1 to 3600000"),
        ("execute_sql", json!({"sql": COUNT, "connection": "nowhere"}), "Sample shop (con_sample_shop, sqlite)"),
        ("execute_sql", json!({"sql": format!("SELECT '{}'", "x".repeat(20_000))}), "longer than 16384 bytes"),
        ("ask", json!({"question": "a\u{0}b"}), "NUL"),
        ("ask", json!({"question": "How many?", "conversation": "a b"}), "An id has"),
    ] {
        let said = agent.refuses(tool, arguments.clone()).await;
        assert!(said.contains(part), "{tool} {arguments}: {said}");
    }
    let unknown = agent.fail("tools/call", json!({"name": "drop_everything", "arguments": {}})).await;
    assert_eq!(unknown["code"], -32602, "{unknown}");
    let no_method = agent.fail("tools/destroy", json!({})).await;
    assert_eq!(no_method["code"], -32601, "{no_method}");
    let broken = agent.request().header("content-type", "application/json").body("{\"jsonrpc\":").send().await.unwrap();
    assert!(broken.status().is_client_error(), "{}", broken.status());
    let large = json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "y".repeat(70_000)}});
    assert_eq!(agent.post(&large).await.status().as_u16(), 413);
    world.stop().await;
}
