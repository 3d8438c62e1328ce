//! PostgreSQL's plan of a statement, as `EXPLAIN (FORMAT JSON)` prints it.

use crate::cost::Estimate;
use serde_json::Value;

/// `cpu_tuple_cost`: what going through one row costs by default.
const COST_OF_A_ROW: f64 = 0.01;

/// Reads a plan; nothing is known of what is no plan.
pub(super) fn read(explained: &Value) -> Estimate {
    let Some(plan) = explained.get(0).and_then(|first| first.get("Plan")) else { return Estimate::default() };
    let mut estimate = Estimate { rows: number(plan, "Total Cost") / COST_OF_A_ROW, ..Estimate::default() };
    walk(plan, &mut estimate);
    estimate
}

fn walk(node: &Value, estimate: &mut Estimate) {
    match text(node, "Node Type") {
        "Seq Scan" => {
            let cost = number(node, "Total Cost");
            estimate.scan(text(node, "Relation Name"), cost / COST_OF_A_ROW);
        }
        "Nested Loop" if is_product(node) => estimate.product = true,
        _ => {}
    }
    children(node).iter().for_each(|child| walk(child, estimate));
}

/// A loop over more than one row on both sides that nothing restricts.
fn is_product(node: &Value) -> bool {
    let [outer, inner] = children(node) else { return false };
    let many = |side: &Value| number(side, "Plan Rows") > 1.0;
    node.get("Join Filter").is_none() && many(outer) && many(inner) && !is_looked_up(inner)
}

/// An index is asked for the row of the other side.
fn is_looked_up(node: &Value) -> bool {
    let asked = ["Index Cond", "Recheck Cond", "Cache Key"].iter().any(|key| node.get(key).is_some());
    asked || children(node).iter().any(is_looked_up)
}

fn children(node: &Value) -> &[Value] {
    node.get("Plans").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn number(node: &Value, key: &str) -> f64 {
    node.get(key).and_then(Value::as_f64).unwrap_or_default()
}

fn text<'a>(node: &'a Value, key: &str) -> &'a str {
    node.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scan(table: &str, rows: u64) -> Value {
        json!({"Node Type": "Seq Scan", "Relation Name": table, "Plan Rows": rows, "Total Cost": rows})
    }

    #[test]
    fn a_product_and_its_scans_are_seen() {
        let join = json!([{"Plan": {
            "Node Type": "Nested Loop", "Plan Rows": 600, "Total Cost": 5000,
            "Plans": [scan("a", 20), {"Node Type": "Materialize", "Plan Rows": 30, "Plans": [scan("b", 30)]}]
        }}]);
        let estimate = read(&join);
        assert_eq!(estimate.rows, 500_000.0);
        assert!(estimate.product);
        assert_eq!(estimate.scans.iter().map(|scan| scan.table.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_look_up_by_an_index_is_no_product() {
        let inner = json!({"Node Type": "Index Scan", "Plan Rows": 5, "Index Cond": "(a.id = b.id)"});
        let join = json!([{"Plan": {"Node Type": "Nested Loop", "Plan Rows": 9, "Plans": [scan("a", 20), inner]}}]);
        assert!(!read(&join).product);
    }
}
