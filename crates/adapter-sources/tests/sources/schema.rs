use crate::database::Database;
use contracts::{Dialect, ForeignKey, Schema, TableSchema};
use ports::source::{DiscoveryLimits, Error, GoOn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn limits() -> DiscoveryLimits {
    DiscoveryLimits { max_tables: 100, samples: 20, sampled_rows: 1000, timeout: Duration::from_secs(10) }
}

async fn discover(database: &Database, limits: DiscoveryLimits) -> Schema {
    database.source().await.discover(limits, GoOn::always()).await.unwrap()
}

fn table<'a>(schema: &'a Schema, name: &str) -> &'a TableSchema {
    schema.tables.iter().find(|table| table.name == name).expect(name)
}

fn samples<'a>(table: &'a TableSchema, column: &str) -> &'a [String] {
    &table.columns.iter().find(|found| found.name == column).expect(column).samples
}

fn key(columns: &[&str], table: &str, referenced: &[&str]) -> ForeignKey {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    ForeignKey { columns: owned(columns), table: table.to_owned(), referenced: owned(referenced) }
}

pub async fn tables_keys_comments_and_samples_are_found(database: Database) {
    adapter_sources::sample::load(&fresh(&database).await).await.unwrap();
    let schema = discover(&database, limits()).await;
    let mut names: Vec<&str> = schema.tables.iter().map(|table| table.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["customers", "order_items", "orders", "products"]);

    let items = table(&schema, "order_items");
    assert_eq!(items.primary_key, ["order_id", "product_id"]);
    let mut keys = items.foreign_keys.clone();
    keys.sort_by(|a, b| a.table.cmp(&b.table));
    assert_eq!(keys, [key(&["order_id"], "orders", &["order_id"]), key(&["product_id"], "products", &["product_id"])]);
    assert!(items.columns.iter().all(|column| !column.nullable && column.samples.is_empty()));

    let products = table(&schema, "products");
    assert_eq!(samples(products, "category"), ["Coffee", "Brewing", "Tea", "Tableware"]);
    assert_eq!((products.row_estimate, products.is_view), (Some(26), false));
    let expected = match database.dialect() {
        Dialect::Sqlite => (None, None, "REAL"),
        Dialect::Postgres => (Some("public"), Some("What the shop sells"), "numeric(10,2)"),
        Dialect::Mysql => (Some(database.name.as_str()), Some("What the shop sells"), "decimal(10,2)"),
    };
    let price = products.columns.iter().find(|column| column.name == "price").unwrap();
    assert_eq!((products.namespace.as_deref(), products.comment.as_deref(), price.data_type.as_str()), expected);
    assert_eq!(price.comment.is_some(), database.dialect() != Dialect::Sqlite);
}

/// `load` makes a SQLite file itself.
async fn fresh(database: &Database) -> ports::source::Access {
    if database.dialect() == Dialect::Sqlite {
        std::fs::remove_file(database.folder().join("test.db")).unwrap();
    }
    database.access.clone()
}

pub async fn personal_columns_are_not_sampled(database: Database) {
    database
        .run("CREATE TABLE people (name VARCHAR(99), email VARCHAR(99), home_phone VARCHAR(99), passwordHash VARCHAR(99), note VARCHAR(99))")
        .await;
    database.run("INSERT INTO people VALUES ('Ann', 'ann@b.example', '555', 'x', 'ask ann@b.example')").await;
    database.run(&format!("INSERT INTO people VALUES ('Bob', 'b', '556', 'y', '{}')", "long ".repeat(13))).await;
    database.run("INSERT INTO people VALUES ('Bob', 'c', '557', 'z', 'short')").await;
    let schema = discover(&database, limits()).await;
    let people = table(&schema, "people");
    let column = |index: usize| people.columns[index].samples.clone();
    assert_eq!(column(0), ["Bob", "Ann"]);
    assert_eq!((column(1), column(2), column(3)), (vec![], vec![], vec![]));
    assert_eq!(column(4), ["short"]);
}

pub async fn composite_keys_views_and_odd_names_are_found(database: Database) {
    let quote = if database.dialect() == Dialect::Mysql { '`' } else { '"' };
    let odd = format!("{quote}odd \"na'me{quote}");
    let odd = if database.dialect() == Dialect::Mysql { odd } else { odd.replace(" \"", " \"\"") };
    database.run("CREATE TABLE parent (a INTEGER NOT NULL, b INTEGER NOT NULL, PRIMARY KEY (b, a))").await;
    database
        .run(&format!(
            "CREATE TABLE {odd} (x INTEGER, y INTEGER, label VARCHAR(20), FOREIGN KEY (y, x) REFERENCES parent (b, a))"
        ))
        .await;
    database.run(&format!("INSERT INTO {odd} VALUES (NULL, NULL, 'found')")).await;
    database.run(&format!("CREATE VIEW seen AS SELECT label FROM {odd}")).await;
    let schema = discover(&database, limits()).await;
    assert_eq!(table(&schema, "parent").primary_key, ["b", "a"]);
    let odd = table(&schema, "odd \"na'me");
    assert_eq!(odd.foreign_keys, [key(&["y", "x"], "parent", &["b", "a"])]);
    assert_eq!(samples(odd, "label"), ["found"]);
    assert!(odd.columns[0].nullable && !table(&schema, "parent").columns[0].nullable);
    assert!(table(&schema, "seen").is_view && !odd.is_view);
}

pub async fn discovery_stops_at_the_limits(database: Database) {
    for number in 0..5 {
        database.run(&format!("CREATE TABLE t{number} (label VARCHAR(9))")).await;
        database.run(&format!("INSERT INTO t{number} VALUES ('a'), ('b'), ('c')")).await;
    }
    let schema = discover(&database, DiscoveryLimits { max_tables: 3, samples: 2, sampled_rows: 3, ..limits() }).await;
    assert_eq!(schema.tables.len(), 3);
    assert_eq!(samples(&schema.tables[2], "label"), ["a", "b"]);
}

pub async fn a_discovery_that_nobody_wants_any_more_ends_at_the_next_table(database: Database) {
    const TABLES: usize = 6;
    for number in 0..TABLES {
        database.run(&format!("CREATE TABLE t{number} (label VARCHAR(9))")).await;
    }
    let source = database.source().await;
    let discover = async |wanted: usize| {
        let asked = Arc::new(AtomicUsize::new(0));
        let asking = asked.clone();
        let go_on = GoOn::new(move || asking.fetch_add(1, Ordering::SeqCst) < wanted);
        (source.discover(limits(), go_on).await, asked.load(Ordering::SeqCst))
    };
    let (whole, asked) = discover(usize::MAX).await;
    assert_eq!(whole.unwrap().tables.len(), TABLES);
    assert!(asked >= TABLES, "asked {asked} times");
    for wanted in [0, asked / 2, asked - 1] {
        let (ended, asked) = discover(wanted).await;
        assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
        assert_eq!(asked, wanted + 1, "it ends when it hears so");
    }
}

#[tokio::test]
async fn a_role_sees_only_what_it_may_read() {
    crate::on(Dialect::Postgres, |database| async move {
        let role = format!("{}_role", database.name);
        for sql in [
            &format!("CREATE ROLE {role} LOGIN"),
            "CREATE SCHEMA sales",
            "CREATE TABLE sales.orders (id INTEGER, secret_margin INTEGER)",
            "CREATE TABLE shown (id INTEGER)",
            "CREATE TABLE hidden (id INTEGER)",
            &format!("GRANT USAGE ON SCHEMA sales TO {role}"),
            &format!("GRANT SELECT (id) ON sales.orders TO {role}"),
            &format!("GRANT SELECT ON shown TO {role}"),
        ] {
            database.run(sql).await;
        }
        let mut access = database.access.clone();
        access.url = format!("postgres://{role}@{}", access.url.rsplit_once('@').unwrap().1);
        let schema = crate::database::open(&access).await.discover(limits(), GoOn::always()).await;
        database.run(&format!("DROP OWNED BY {role}")).await;
        database.run(&format!("DROP ROLE {role}")).await;
        let schema = schema.unwrap();
        let found: Vec<_> = schema
            .tables
            .iter()
            .map(|table| (table.namespace.as_deref().unwrap(), table.name.as_str(), table.columns.len()))
            .collect();
        assert_eq!(found, [("public", "shown", 1), ("sales", "orders", 1)]);
    })
    .await;
}
