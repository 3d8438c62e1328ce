//! Policies, as discovered and as written down.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use common::{shop, verdict};
use contracts::{ColumnSchema, Dialect, Role, Schema, TableSchema};
use sql_guard::{ConnectionPolicy, Policy};

fn table(namespace: Option<&str>, name: &str, data_type: &str) -> TableSchema {
    let column = ColumnSchema {
        name: "id".to_owned(),
        data_type: data_type.to_owned(),
        nullable: false,
        comment: None,
        samples: Vec::new(),
    };
    TableSchema {
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        comment: None,
        columns: vec![column],
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        row_estimate: None,
        is_view: false,
    }
}

#[test]
fn a_policy_survives_being_written_down() {
    for dialect in common::DIALECTS {
        let policy = shop(dialect).allow_function("own_function");
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
    }
}

#[test]
fn a_misspelt_field_of_a_policy_is_an_error() {
    let written = r#"{"dialect": "sqlite", "tables": [], "function": ["a"]}"#;
    assert!(serde_json::from_str::<Policy>(written).is_err());
}

#[test]
fn the_only_namespace_is_the_default_one() {
    let schema = Schema { tables: vec![table(Some("shop"), "orders", "int")] };
    let policy = Policy::for_schema(Dialect::Postgres, &schema);
    assert_eq!(policy.default_namespaces(), ["shop"]);
    assert_eq!(verdict("SELECT * FROM orders, shop.orders o", &policy), "allowed");
    assert_eq!(verdict("SELECT * FROM public.orders", &policy), "unknown_table");
}

#[test]
fn of_several_namespaces_only_public_is_a_default() {
    let schema = Schema { tables: vec![table(Some("public"), "orders", "int"), table(Some("sales"), "leads", "int")] };
    assert_eq!(Policy::for_schema(Dialect::Postgres, &schema).default_namespaces(), ["public"]);
    assert!(Policy::for_schema(Dialect::Mysql, &schema).default_namespaces().is_empty());
}

#[test]
fn a_type_of_a_column_may_be_cast_to() {
    let schema = Schema { tables: vec![table(Some("public"), "orders", "order_status")] };
    let policy = Policy::for_schema(Dialect::Postgres, &schema);
    assert_eq!(verdict("SELECT 'open'::order_status", &policy), "allowed");
    assert_eq!(verdict("SELECT 'open'::other_status", &policy), "unknown_type");
    let catalog = Schema { tables: vec![table(Some("public"), "orders", "regclass")] };
    let policy = Policy::for_schema(Dialect::Postgres, &catalog);
    assert_eq!(verdict("SELECT 'pg_class'::regclass", &policy), "unknown_type");
}

#[test]
fn a_schema_without_tables_allows_none() {
    let policy = Policy::for_schema(Dialect::Sqlite, &Schema::default());
    let refusal = sql_guard::check("SELECT * FROM orders", &policy).unwrap_err();
    assert_eq!(refusal.rule, "unknown_table");
    assert!(refusal.message.contains("no tables"), "{}", refusal.message);
}

/// A view reads tables past their rules.
#[test]
fn where_there_are_rules_a_view_is_read_only_with_a_rule_of_its_own() {
    let view = TableSchema { is_view: true, ..table(Some("public"), "all_orders", "int") };
    let schema = Schema { tables: vec![table(Some("public"), "orders", "int"), view] };
    let written = |text: &str| serde_json::from_str::<ConnectionPolicy>(text).unwrap();
    let reads = |policy: &ConnectionPolicy, role: Role| {
        let rules = policy.policy(Dialect::Postgres, &schema, role).unwrap();
        let is_shown = policy.visible(&schema, role).tables.iter().any(|table| table.is_view);
        let verdicts =
            ["SELECT id FROM all_orders", "SELECT id FROM orders WHERE id IN (SELECT id FROM public.all_orders)"]
                .map(|sql| verdict(sql, &rules));
        assert_eq!(verdict("SELECT id FROM orders", &rules), "allowed", "a table needs no rule");
        assert_eq!(verdicts, if is_shown { ["allowed"; 2] } else { ["unknown_table"; 2] });
        is_shown
    };
    assert!(reads(&written("{}"), Role::Member), "without rules there is nothing to get past");
    for rules in [r#"[{"name": "orders", "filter": "id < 10"}]"#, r#"[{"name": "orders", "masks": {"id": "null"}}]"#] {
        assert!(!reads(&written(&format!(r#"{{"tables": {rules}}}"#)), Role::Member), "{rules}");
    }
    let listed = r#"{"tables": [{"name": "orders", "filter": "id < 10"}, {"name": "all_orders"}]}"#;
    assert!(reads(&written(listed), Role::Member));
    let own = r#"{"tables": [{"name": "all_orders"}], "roles": {"member": [{"name": "orders", "filter": "id < 10"}]}}"#;
    assert!(!reads(&written(own), Role::Member) && reads(&written(own), Role::Manager));
}
