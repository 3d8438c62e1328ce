//! What stands in for the outside in a measurement: a language model that answers at once, and a database that
//! returns the same rows.

use app::Overrides;
use async_trait::async_trait;
use contracts::event::Usage;
use contracts::{Column, ColumnSchema, ForeignKey, ResultSet, Schema, TableSchema};
use futures_util::StreamExt;
use ports::Llm;
use ports::llm::{Call, Completion, Error, Piece, Pieces, Purpose};
use ports::source::{About, Access, DiscoveryLimits, Error as SourceError, GoOn, Source, Sources, Statement};
use serde_json::json;
use std::sync::Arc;

/// Tokens of an answer, each a piece of its own.
const TOKENS: u64 = 64;
const TOKEN: &str = "word ";
const PROMPT_TOKENS: u64 = 400;
const INTENT: &str = r#"{"intent":"sql","tables":["orders"],"filters":[]}"#;
const SQL: &str = "SELECT o.id, c.name, o.status, o.total FROM orders AS o JOIN customers AS c ON c.id = o.customer_id \
                   WHERE o.status = 'paid' ORDER BY o.total DESC LIMIT 10";
const ROWS: i64 = 10;

/// The stand-ins, for a process.
pub fn overrides() -> Overrides {
    Overrides { llm: Some(Arc::new(FixedLlm)), sources: Some(Arc::new(FixedSources)), ..Overrides::default() }
}

/// Answers the same each time, and spends the turn's budget as a real one does.
pub struct FixedLlm;

#[async_trait]
impl Llm for FixedLlm {
    async fn stream(&self, call: Call) -> Result<Pieces, Error> {
        if !call.budget.spend().await? {
            return Err(Error::BudgetSpent);
        }
        let pieces: Vec<String> = match call.request.purpose {
            Purpose::Classify => vec![INTENT.to_owned()],
            Purpose::GenerateSql => vec![SQL.to_owned()],
            Purpose::Reply => (0..TOKENS).map(|_| TOKEN.to_owned()).collect(),
        };
        let end = Piece::Done(completion(pieces.concat()));
        let pieces = pieces.into_iter().map(Piece::Delta).chain([end]).map(Ok);
        Ok(futures_util::stream::iter(pieces).boxed())
    }

    fn providers(&self) -> Vec<String> {
        vec!["fixed".to_owned()]
    }

    async fn check(&self) -> Vec<(String, Result<String, String>)> {
        vec![("fixed".to_owned(), Ok("answers the same each time".to_owned()))]
    }
}

fn completion(text: String) -> Completion {
    let usage = Usage { input_tokens: PROMPT_TOKENS, output_tokens: TOKENS, total_tokens: PROMPT_TOKENS + TOKENS };
    let (provider, model) = ("fixed".to_owned(), "fixed".to_owned());
    Completion { text, usage, provider, model, cut: false, confidence: None }
}

/// Opens the same database, whatever the address.
pub struct FixedSources;

#[async_trait]
impl Sources for FixedSources {
    async fn open(&self, _: &Access) -> Result<Arc<dyn Source>, SourceError> {
        Ok(Arc::new(FixedSource))
    }
}

struct FixedSource;

#[async_trait]
impl Source for FixedSource {
    async fn about(&self) -> Result<About, SourceError> {
        Ok(About { version: "fixed".to_owned(), warnings: Vec::new() })
    }

    async fn discover(&self, _: DiscoveryLimits, _: GoOn) -> Result<Schema, SourceError> {
        Ok(Schema {
            tables: vec![
                table("customers", &["name", "email", "city", "country", "created_at"], &[]),
                table("products", &["name", "category", "price", "stock"], &[]),
                table("orders", &["customer_id", "status", "total", "ordered_at", "shipped_at"], &["customers"]),
                table("order_items", &["order_id", "product_id", "quantity", "unit_price"], &["orders", "products"]),
            ],
        })
    }

    async fn query(&self, _: Statement) -> Result<ResultSet, SourceError> {
        let names = ["id", "name", "status", "total"];
        let column = |name: &str| Column::new(name, "");
        let row = |n| vec![json!(n), json!(format!("Customer {n}")), json!("paid"), json!(n * 100)];
        Ok(ResultSet { columns: names.map(column).to_vec(), rows: (1..=ROWS).map(row).collect(), truncated: false })
    }

    async fn plan(&self, _: Statement) -> Result<(), SourceError> {
        Ok(())
    }
}

fn table(name: &str, columns: &[&str], parents: &[&str]) -> TableSchema {
    let column = |name: &str| ColumnSchema {
        name: name.to_owned(),
        data_type: if name.ends_with("id") { "bigint" } else { "text" }.to_owned(),
        nullable: false,
        comment: None,
        samples: ["first", "second", "third"].map(str::to_owned).to_vec(),
    };
    let key = |parent: &&str| ForeignKey {
        columns: vec![format!("{}_id", parent.trim_end_matches('s'))],
        table: (*parent).to_owned(),
        referenced: vec!["id".to_owned()],
    };
    TableSchema {
        namespace: None,
        name: name.to_owned(),
        comment: None,
        columns: ["id"].iter().chain(columns).map(|name| column(name)).collect(),
        primary_key: vec!["id".to_owned()],
        foreign_keys: parents.iter().map(key).collect(),
        row_estimate: Some(1_000),
        is_view: false,
    }
}
