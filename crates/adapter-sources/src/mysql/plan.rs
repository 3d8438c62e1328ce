//! The plan of MySQL and MariaDB, as `EXPLAIN FORMAT=JSON` prints it. Both write a join as a list of tables, each with
//! the rows that are read of it for one row of those before it.

use crate::cost::Estimate;
use serde_json::{Map, Value};

/// Reads a plan; nothing is known of what is no plan.
pub(super) fn read(explained: &Value) -> Estimate {
    let mut estimate = Estimate::default();
    estimate.rows = work(explained, &mut estimate);
    estimate
}

/// Rows that this part goes through.
fn work(part: &Value, estimate: &mut Estimate) -> f64 {
    match part {
        Value::Array(parts) => parts.iter().map(|part| work(part, estimate)).sum(),
        Value::Object(fields) => fields.iter().map(|(name, field)| field_work(name, field, estimate)).sum(),
        _ => 0.0,
    }
}

fn field_work(name: &str, field: &Value, estimate: &mut Estimate) -> f64 {
    match (name, field) {
        ("nested_loop", Value::Array(tables)) => joined(tables, estimate),
        ("table", Value::Object(table)) => rows(table) + table_work(table, estimate),
        _ => work(field, estimate),
    }
}

fn joined(tables: &[Value], estimate: &mut Estimate) -> f64 {
    let mut before = 1.0;
    let mut all = 0.0;
    for (place, item) in tables.iter().enumerate() {
        let Some(table) = table_of(item) else {
            all += work(item, estimate);
            continue;
        };
        all += before * rows(table) + table_work(table, estimate);
        let unconditional = !table.contains_key("attached_condition") && !table.contains_key("ref");
        let hashed = item.get("block-nl-join").is_some_and(|join| join.get("attached_condition").is_some());
        if place > 0 && before > 1.0 && rows(table) > 1.0 && unconditional && !hashed {
            estimate.product = true;
        }
        before *= (rows(table) * filtered(table)).max(1.0);
    }
    all
}

/// What a table costs beside its rows: how it is made, and conditions with queries of their own.
fn table_work(table: &Map<String, Value>, estimate: &mut Estimate) -> f64 {
    if matches!(table.get("access_type").and_then(Value::as_str), Some("ALL" | "index")) {
        let name = table.get("table_name").and_then(Value::as_str).unwrap_or_default();
        if !name.starts_with('<') {
            estimate.scan(name, rows(table));
        }
    }
    table.values().filter(|field| field.is_object() || field.is_array()).map(|field| work(field, estimate)).sum()
}

/// The table of an item, which may stand inside what is done with it.
fn table_of(item: &Value) -> Option<&Map<String, Value>> {
    let fields = item.as_object()?;
    match fields.get("table") {
        Some(table) => table.as_object(),
        None => fields.iter().filter(|(name, _)| *name != "query_block").find_map(|(_, field)| table_of(field)),
    }
}

fn rows(table: &Map<String, Value>) -> f64 {
    ["rows", "rows_examined_per_scan"].iter().find_map(|key| table.get(*key)?.as_f64()).unwrap_or(1.0)
}

fn filtered(table: &Map<String, Value>) -> f64 {
    let percent = table.get("filtered").and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()));
    percent.unwrap_or(100.0) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(name: &str, rows: u64) -> Value {
        json!({"table_name": name, "access_type": "ALL", "rows": rows, "filtered": 100})
    }

    #[test]
    fn a_join_multiplies() {
        let plan = json!({"query_block": {"nested_loop": [
            {"table": table("a", 100)},
            {"block-nl-join": {"table": table("b", 1000), "join_type": "BNL"}},
        ]}});
        let estimate = read(&plan);
        assert_eq!(estimate.rows, 100.0 + 100.0 * 1000.0);
        assert!(estimate.product);
        assert_eq!(estimate.scans.len(), 2);
    }

    #[test]
    fn a_look_up_is_no_product_and_a_single_table_is_its_rows() {
        let looked_up = json!({"table_name": "b", "access_type": "ref", "rows": 3, "filtered": 100, "ref": ["a.id"]});
        let plan = json!({"query_block": {"nested_loop": [{"table": table("a", 10)}, {"table": looked_up}]}});
        assert_eq!((read(&plan).rows, read(&plan).product), (40.0, false));
        let plan = json!({"query_block": {"cost_info": {}, "table": {"access_type": "ALL", "table_name": "a",
            "rows_examined_per_scan": 7, "filtered": "10.00"}}});
        assert_eq!(read(&plan).rows, 7.0);
    }
}
