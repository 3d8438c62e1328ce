//! Who may depend on whom, and who may name which outside crate.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Our crates: what each may depend on. A crate that is not here may not exist.
const ALLOWED: &[(&str, &[&str])] = &[
    ("contracts", &[]),
    ("sql-guard", &["contracts"]),
    ("domain", &["contracts"]),
    ("ports", &["contracts"]),
    ("settings", &[]),
    ("telemetry", &["contracts"]),
    ("tls", &[]),
    ("worker-kit", &["contracts", "domain", "ports", "telemetry"]),
    ("adapter-embedded", &["contracts", "ports"]),
    ("adapter-rabbitmq", &["contracts", "ports", "telemetry", "tls"]),
    ("adapter-redis", &["contracts", "ports", "telemetry", "tls"]),
    ("adapter-store", &["contracts", "domain", "ports", "telemetry", "tls"]),
    ("adapter-llm", &["contracts", "domain", "ports", "telemetry"]),
    ("adapter-sources", &["contracts", "domain", "ports", "telemetry", "tls"]),
    ("classify", WORKER),
    ("generate-sql", WORKER),
    ("execute-sql", WORKER),
    ("reply", WORKER),
    ("inspect-source", WORKER),
    ("sweep", WORKER),
    ("dispatch", WORKER),
    ("follow", WORKER),
    ("web", &[]),
    ("mcp", &["contracts", "domain"]),
    ("api", &["contracts", "domain", "mcp", "ports", "settings", "sql-guard", "telemetry", "web"]),
    ("app", ANYTHING),
    ("cli", &["app", "contracts", "ports", "settings", "sql-guard", "telemetry"]),
    ("testkit", &["app", "contracts", "ports", "settings", "worker-kit"]),
    ("turn-model", &[]),
    ("tests", ANYTHING),
];
const WORKER: &[&str] = &["contracts", "domain", "ports", "sql-guard", "telemetry", "worker-kit"];
const ANYTHING: &[&str] = &["*"];

/// Outside crates that define a boundary: who alone may name each. `cli` names sqlx for `eval replay`, whose direct
/// run must share no code with the pipeline; `testkit` names it to make databases of its own.
const BOUNDARIES: &[(&str, &[&str])] = &[
    ("lapin", &["adapter-rabbitmq", "cli"]),
    ("redis", &["adapter-redis"]),
    ("async-openai", &["adapter-llm"]),
    ("apalis", &["worker-kit"]),
    ("apalis-core", &["worker-kit"]),
    ("sqlx", &["adapter-store", "adapter-sources", "adapter-embedded", "cli", "testkit"]),
    ("rmcp", &["mcp"]),
    ("rusqlite", &["adapter-sources"]),
    ("sqlparser", &["sql-guard"]),
    ("axum", &["api", "app", "testkit"]),
    ("stateright", &["turn-model"]),
];

/// Crates that do no I/O: what they may name of the outside.
const PURE: &[(&str, &[&str])] = &[
    ("contracts", &["serde", "serde_json"]),
    ("domain", &["serde", "serde_json", "sha2", "thiserror", "rust-stemmers"]),
    ("sql-guard", &["serde", "serde_json", "sqlparser", "thiserror"]),
    ("turn-model", &["serde", "serde_json", "stateright", "thiserror"]),
];

struct Package {
    name: String,
    dependencies: BTreeSet<String>,
}

fn packages() -> Vec<Package> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(value: &Value) -> Package {
    let normal = |dependency: &&Value| dependency["kind"].is_null();
    let name = |dependency: &Value| dependency["name"].as_str().unwrap().to_owned();
    let dependencies = value["dependencies"].as_array().unwrap().iter().filter(normal).map(name).collect();
    Package { name: value["name"].as_str().unwrap().to_owned(), dependencies }
}

#[test]
fn imports_point_in_the_allowed_direction() {
    let table: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    for package in packages() {
        let allowed = table.get(package.name.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("{} is not in the layering table", package.name));
        if *allowed == ANYTHING {
            continue;
        }
        for dependency in package.dependencies.iter().filter(|name| table.contains_key(name.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "{} must not depend on {dependency}", package.name);
        }
    }
}

#[test]
fn a_boundary_crate_is_named_only_by_its_adapter() {
    for package in packages().iter().filter(|package| package.name != "tests") {
        for (outside, owners) in BOUNDARIES {
            let names = package.dependencies.contains(*outside);
            assert!(!names || owners.contains(&package.name.as_str()), "{} must not name {outside}", package.name);
        }
    }
}

#[test]
fn the_pure_crates_do_no_io() {
    let ours: BTreeSet<_> = ALLOWED.iter().map(|(name, _)| *name).collect();
    for package in packages() {
        let Some((_, allowed)) = PURE.iter().find(|(name, _)| *name == package.name) else { continue };
        for dependency in package.dependencies.iter().filter(|name| !ours.contains(name.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "{} must not name {dependency}", package.name);
        }
    }
}
