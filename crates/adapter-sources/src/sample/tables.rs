use super::{orders, people, products};

/// What a column holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Integer,
    /// At most so many characters.
    Text(u16),
    /// Two decimals.
    Money,
    Date,
}

/// A value of a row.
#[derive(Clone)]
pub(super) enum Value {
    Integer(u32),
    Text(String),
    /// Cents.
    Money(u32),
    /// ISO.
    Date(String),
}

pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) comment: &'static str,
}

pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) comment: &'static str,
    pub(super) columns: Vec<Column>,
    pub(super) primary_key: &'static [&'static str],
    /// Column, and the table whose key it is, under the same name.
    pub(super) references: &'static [(&'static str, &'static str)],
    pub(super) rows: Vec<Vec<Value>>,
}

/// In an order in which each refers only to earlier ones.
pub(super) fn all() -> Vec<Table> {
    let orders = orders::orders();
    vec![
        Table {
            name: "customers",
            comment: "People who have an account in the shop",
            columns: vec![
                column("customer_id", Kind::Integer, "Number of the customer"),
                column("name", Kind::Text(80), "First and last name"),
                column("email", Kind::Text(120), "Where the invoice goes"),
                column("city", Kind::Text(60), "City of delivery"),
                column("country", Kind::Text(40), "Country of delivery, in English"),
                column("signup_date", Kind::Date, "Day on which the account was opened"),
            ],
            primary_key: &["customer_id"],
            references: &[],
            rows: people::rows(),
        },
        Table {
            name: "products",
            comment: "What the shop sells",
            columns: vec![
                column("product_id", Kind::Integer, "Number of the product"),
                column("name", Kind::Text(80), "Name on the shelf"),
                column("category", Kind::Text(20), "Coffee, Tea, Brewing or Tableware"),
                column("price", Kind::Money, "Price of one piece today, in euros"),
            ],
            primary_key: &["product_id"],
            references: &[],
            rows: products::rows(),
        },
        Table {
            name: "orders",
            comment: "One row for each order, whatever became of it",
            columns: vec![
                column("order_id", Kind::Integer, "Number of the order"),
                column("customer_id", Kind::Integer, "Who ordered"),
                column("order_date", Kind::Date, "Day of the order"),
                column("status", Kind::Text(20), "processing, shipped, delivered, returned or cancelled"),
            ],
            primary_key: &["order_id"],
            references: &[("customer_id", "customers")],
            rows: orders.iter().map(orders::Order::row).collect(),
        },
        Table {
            name: "order_items",
            comment: "What was ordered: one row for each product of an order",
            columns: vec![
                column("order_id", Kind::Integer, "The order"),
                column("product_id", Kind::Integer, "The product"),
                column("quantity", Kind::Integer, "Pieces"),
                column("unit_price", Kind::Money, "Price of one piece on the day of the order, in euros"),
            ],
            primary_key: &["order_id", "product_id"],
            references: &[("order_id", "orders"), ("product_id", "products")],
            rows: orders.iter().flat_map(orders::Order::item_rows).collect(),
        },
    ]
}

fn column(name: &'static str, kind: Kind, comment: &'static str) -> Column {
    Column { name, kind, comment }
}
