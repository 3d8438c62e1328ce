//! Policies, as discovered and as written down.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use common::{shop, verdict};
use contracts::{ColumnSchema, Dialect, Schema, TableSchema};
use sql_guard::Policy;

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
