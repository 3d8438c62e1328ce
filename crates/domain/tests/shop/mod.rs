//! The shop as discovery finds it.

use contracts::{ColumnSchema, Dialect, ForeignKey, Schema, TableSchema};

/// Its schema on a database of a dialect.
pub fn schema(dialect: Dialect) -> Schema {
    let types = Types::of(dialect);
    let customers = table(
        "customers",
        vec![
            column("customer_id", types.integer, &[]),
            column("name", types.text, &["Maren Lindqvist", "Helene Brandt", "Jonas Vogelsang", "Claire Montfort"]),
            column("email", types.text, &[]),
            column("city", types.text, &["Stockholm", "Hamburg", "Berlin", "Lyon", "Paris"]),
            column("country", types.text, &["Sweden", "Spain", "Germany", "France", "Ireland"]),
            column("signup_date", types.date, &[]),
        ],
        &["customer_id"],
        &[],
    );
    let products = table(
        "products",
        vec![
            column("product_id", types.integer, &[]),
            column(
                "name",
                types.text,
                &["House Espresso 1 kg", "Barista Tasting Box", "Hand Grinder", "Stoneware Mug"],
            ),
            column("category", types.text, &["Coffee", "Tea", "Brewing", "Tableware"]),
            column("price", types.money, &[]),
        ],
        &["product_id"],
        &[],
    );
    let orders = table(
        "orders",
        vec![
            column("order_id", types.integer, &[]),
            column("customer_id", types.integer, &[]),
            column("order_date", types.date, &[]),
            column("status", types.text, &["delivered", "cancelled", "processing", "shipped", "returned"]),
        ],
        &["order_id"],
        &[("customer_id", "customers")],
    );
    let order_items = table(
        "order_items",
        vec![
            column("order_id", types.integer, &[]),
            column("product_id", types.integer, &[]),
            column("quantity", types.integer, &[]),
            column("unit_price", types.money, &[]),
        ],
        &["order_id", "product_id"],
        &[("order_id", "orders"), ("product_id", "products")],
    );
    let mut tables = vec![customers, products, orders, order_items];
    for table in &mut tables {
        table.namespace = types.namespace.map(str::to_owned);
    }
    Schema { tables }
}

struct Types {
    integer: &'static str,
    text: &'static str,
    money: &'static str,
    date: &'static str,
    namespace: Option<&'static str>,
}

impl Types {
    fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self { integer: "INTEGER", text: "TEXT", money: "REAL", date: "DATE", namespace: None },
            Dialect::Postgres => Self {
                integer: "integer",
                text: "character varying(80)",
                money: "numeric(10,2)",
                date: "date",
                namespace: Some("public"),
            },
            Dialect::Mysql => Self {
                integer: "int(11)",
                text: "varchar(80)",
                money: "decimal(10,2)",
                date: "date",
                namespace: Some("shop"),
            },
        }
    }
}

fn table(name: &str, columns: Vec<ColumnSchema>, key: &[&str], references: &[(&str, &str)]) -> TableSchema {
    let reference = |(column, to): &(&str, &str)| ForeignKey {
        columns: vec![(*column).to_owned()],
        table: (*to).to_owned(),
        referenced: vec![(*column).to_owned()],
    };
    TableSchema {
        namespace: None,
        name: name.to_owned(),
        comment: None,
        columns,
        primary_key: key.iter().map(|column| (*column).to_owned()).collect(),
        foreign_keys: references.iter().map(reference).collect(),
        row_estimate: None,
        is_view: false,
    }
}

fn column(name: &str, data_type: &str, samples: &[&str]) -> ColumnSchema {
    ColumnSchema {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        nullable: false,
        comment: None,
        samples: samples.iter().map(|sample| (*sample).to_owned()).collect(),
    }
}
