//! The MCP server: what an agent may do, over the same guard, policy, audit and tokens as everybody else.

mod access;
mod bridge;
mod client;
mod stops;
mod tables;
mod tenants;
mod tools;

use client::Agent;
use contracts::Role;
use ports::audit::AuditRow;
use serde_json::{Value, json};
use testkit::World;

const COUNT: &str = "SELECT COUNT(*) AS customers FROM customers";
const QUESTION: &str = "How many customers do we have?";
const PASSWORD: &str = "a-long-password";

async fn agent(world: &World) -> Agent {
    Agent::open(&world.demo.url, &world.demo.token).await
}

/// A token of somebody else in the demo's business.
async fn colleague(world: &World, email: &str, role: Role) -> String {
    testkit::add_member_as(&world.ports, email, PASSWORD, "Demo", role).await;
    token(world, email).await
}

async fn token(world: &World, email: &str) -> String {
    let login = reqwest::Client::new().post(format!("{}/v1/auth/login", world.demo.url));
    let login = login.json(&json!({ "email": email, "password": PASSWORD })).send().await.unwrap();
    login.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
}

/// The audit rows of a result's turn.
async fn audit(world: &World, result: &Value) -> Vec<AuditRow> {
    let turn = result["structuredContent"]["response_id"].as_str().unwrap();
    world.ports.store.audit_of(&"biz_demo".into(), &turn.into()).await.unwrap()
}
