use crate::database::Database;
use contracts::{Cell, Dialect};
use serde_json::json;

async fn load(database: &Database) {
    if database.dialect() == Dialect::Sqlite {
        std::fs::remove_file(database.folder().join("test.db")).unwrap();
    }
    adapter_sources::sample::load(&database.access).await.unwrap();
}

/// A decimal is text, a float is a number: both as a number here.
fn amount(cell: &Cell) -> f64 {
    cell.as_f64().unwrap_or_else(|| cell.as_str().unwrap().parse().unwrap())
}

pub async fn the_sample_shop_has_the_same_numbers_everywhere(database: Database) {
    load(&database).await;
    for (table, rows) in [("customers", 28), ("products", 26), ("orders", 90)] {
        assert_eq!(database.cells(&format!("SELECT COUNT(*) FROM {table}")).await, [[json!(rows)]], "{table}");
    }
    let silent = "SELECT COUNT(*) FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.customer_id)";
    assert_eq!(database.cells(silent).await, [[json!(4)]]);
    let unsold = "SELECT name FROM products WHERE product_id NOT IN (SELECT product_id FROM order_items)";
    assert_eq!(database.cells(unsold).await, [[json!("Porcelain Tea Set")]]);
    let by_category = "SELECT p.category, SUM(i.quantity * i.unit_price) AS revenue FROM order_items i \
        JOIN products p ON p.product_id = i.product_id JOIN orders o ON o.order_id = i.order_id \
        WHERE o.status <> 'cancelled' GROUP BY p.category ORDER BY revenue DESC";
    let revenue: Vec<(String, f64)> = database
        .cells(by_category)
        .await
        .iter()
        .map(|row| (row[0].as_str().unwrap().to_owned(), amount(&row[1])))
        .collect();
    let revenue: Vec<(&str, f64)> = revenue.iter().map(|(category, amount)| (category.as_str(), *amount)).collect();
    assert_eq!(revenue, [("Coffee", 2707.5), ("Brewing", 2022.25), ("Tea", 925.75), ("Tableware", 835.5)]);
}

pub async fn the_sample_shop_is_not_loaded_over_another(database: Database) {
    load(&database).await;
    let again = adapter_sources::sample::load(&database.access).await;
    assert_eq!(again.is_ok(), database.dialect() == Dialect::Sqlite);
    assert_eq!(database.cells("SELECT COUNT(*) FROM customers").await, [[json!(28)]]);
}
