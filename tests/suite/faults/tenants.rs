//! Two tenants, each with a database of its own that holds a canary.

use super::installation::Installation;
use super::servers::Servers;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use testkit::proxy::Proxy;

pub const NAMES: &[&str] = &["tenant_a", "tenant_b"];
pub const READER_PASSWORD: &str = "reader-7c41e0a9";
const PASSWORD: &str = "a-password-of-the-suite";
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who asks.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub token: String,
    /// Stands in every row of its database, and in no other.
    pub canary: String,
}

/// One proxy per tenant, before the server of their databases.
pub async fn proxies(port: u16) -> Vec<Proxy> {
    let mut proxies = Vec::new();
    for _ in NAMES {
        proxies.push(Proxy::before(format!("127.0.0.1:{port}")).await);
    }
    proxies
}

pub fn canary(tenant: usize) -> String {
    format!("CANARY-{}-{}", NAMES[tenant].replace('_', "-"), ["5f2c", "9d8e"][tenant])
}

/// Brings the app store up to date.
pub async fn migrate(program: &Path, env: &BTreeMap<String, String>) {
    run(program, env, &["migrate"], "");
}

fn run(program: &Path, env: &BTreeMap<String, String>, arguments: &[&str], input: &str) {
    let mut command = Command::new(program);
    command.args(arguments).envs(env).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads its input");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes users and databases, logs in, and connects each tenant to its database.
pub async fn add(installation: &Installation, servers: &mut Servers) -> Vec<Tenant> {
    prepare_databases(servers).await;
    let mut tenants = Vec::new();
    for (number, name) in NAMES.iter().enumerate() {
        let_in(installation, number);
        let email = email_of(name);
        let url = installation.urls()[0].clone();
        let login = json!({"email": email, "password": PASSWORD});
        let login: Value = post(&format!("{url}/v1/auth/login"), "", &login).await;
        let token = login["token"].as_str().unwrap_or_else(|| panic!("{email} logs in: {login}")).to_owned();
        let database = format!(
            "postgres://reader:{READER_PASSWORD}@127.0.0.1:{}/{name}?sslmode=disable",
            installation.sources[number].port
        );
        post(&format!("{url}/v1/connections"), &token, &json!({"name": "shop", "url": database})).await;
        until_ready(&url, &token).await;
        tenants.push(Tenant { token, canary: canary(number) });
    }
    tenants
}

fn email_of(name: &str) -> String {
    format!("{name}@example.org")
}

/// The tenant's user may ask.
pub fn let_in(installation: &Installation, tenant: usize) {
    let name = NAMES[tenant];
    installation.run_program(&["user", "add", &email_of(name), "--business", name, "--role", "manager"], PASSWORD);
}

/// The tenant's user may not ask any more, and keeps its token.
pub fn shut_out(installation: &Installation, tenant: usize) {
    let name = NAMES[tenant];
    installation.run_program(&["user", "remove", &email_of(name), "--business", name], "");
}

impl Installation {
    /// Runs the program once on this installation.
    fn run_program(&self, arguments: &[&str], input: &str) {
        let (program, env) = self.program();
        run(program, env, arguments, input);
    }
}

async fn post(url: &str, token: &str, body: &Value) -> Value {
    let answer = reqwest::Client::new().post(url).bearer_auth(token).json(body).send().await.expect("the API answers");
    answer.json().await.expect("JSON")
}

async fn until_ready(url: &str, token: &str) {
    let started = Instant::now();
    loop {
        let listed = reqwest::Client::new().get(format!("{url}/v1/connections")).bearer_auth(token).send().await;
        let listed: Value = listed.expect("the API answers").json().await.expect("JSON");
        if listed["data"][0]["status"] == "ready" {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "the tenant's database is not ready: {listed}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Once per server: a later installation finds them.
async fn prepare_databases(servers: &Servers) {
    let source = &servers.source;
    if source.number("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'reader'").await > 0 {
        return;
    }
    source.execute("postgres", &format!("CREATE ROLE reader LOGIN PASSWORD '{READER_PASSWORD}'")).await;
    for (number, name) in NAMES.iter().enumerate() {
        source.execute("postgres", &format!("CREATE DATABASE {name}")).await;
        let canary = canary(number);
        for statement in [
            "CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, canary text NOT NULL)".to_owned(),
            format!("INSERT INTO customers SELECT n, 'Customer ' || n, '{canary}' FROM generate_series(1, 28) n"),
            "CREATE VIEW slow_customers AS SELECT 28 AS n FROM pg_sleep(3)".to_owned(),
            "CREATE VIEW too_slow_customers AS SELECT 28 AS n FROM pg_sleep(600)".to_owned(),
            "CREATE TABLE numbers AS SELECT n FROM generate_series(1, 2000) n".to_owned(),
            "CREATE VIEW many_rows AS SELECT a.n FROM numbers a, numbers b".to_owned(),
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader".to_owned(),
            "ANALYZE".to_owned(),
        ] {
            source.execute(name, &statement).await;
        }
    }
}
