//! Questions to SQL by rules, without a language model.
//!
//! A question becomes tokens, the tokens items (intents, names, values, numbers), and rules read the items into a draft
//! that becomes a plan. A plan refers to tables and columns by position, so the SQL written from it names only what
//! exists. What the rules do not understand lowers the confidence; below a threshold they abstain.

mod build;
mod catalog;
mod classify;
mod confidence;
mod items;
mod joins;
mod lexicon;
mod link;
pub(crate) mod names;
pub(crate) mod outline;
mod plan;
mod read;
mod reader;
mod reply;
mod sales;
pub(crate) mod tokens;
mod write;

use contracts::{Dialect, Schema};

use catalog::Catalog;
use joins::Graph;
use link::Linker;
use reader::Reader;
use tokens::Stems;
use write::Writer;

pub use classify::classify;
pub use reply::reply;

/// A statement that answers a question.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleAnswer {
    /// One `SELECT`.
    pub sql: String,
    /// How sure the rules are, from 0 to 1.
    pub confidence: f64,
}

/// The rules do not understand a question well enough.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Abstention {
    /// What was not understood, what kind of question works, and what else can be done.
    pub message: String,
}

/// Answers a question about a schema, or abstains.
pub fn answer(question: &str, schema: &Schema, dialect: Dialect) -> Result<RuleAnswer, Abstention> {
    let stems = Stems::default();
    let catalog = Catalog::new(schema, &stems);
    let items = items::itemize(&tokens::tokenize(question, &stems), &Linker::new(&catalog, &stems));
    let mut graph = Graph::new(&catalog);
    graph.prefer(&items::named_keys(&items, &catalog));
    let mut reader = Reader::new(&catalog, &graph, items);
    read::all(&mut reader);
    let plan = build::build(&mut reader).map_err(|error| abstain(&error.to_string(), schema))?;
    let writer = Writer::new(&catalog, &graph, dialect);
    let (Some(sql), Some(joins)) = (writer.statement(&plan), writer.joins(&plan)) else {
        return Err(abstain(&build::BuildError::NotConnected.to_string(), schema));
    };
    let confidence = confidence::confidence(&reader, &plan, &joins);
    if confidence < confidence::THRESHOLD {
        return Err(abstain(&unclear(&reader), schema));
    }
    Ok(RuleAnswer { sql, confidence })
}

fn unclear(reader: &Reader) -> String {
    let words = confidence::not_understood(reader);
    if words.is_empty() {
        return "it can be read in more than one way".to_owned();
    }
    let quoted: Vec<String> = words.iter().map(|word| format!("“{word}”")).collect();
    format!("this part was not understood: {}", quoted.join(", "))
}

fn abstain(reason: &str, schema: &Schema) -> Abstention {
    let example = schema.tables.first().map_or_else(String::new, |table| {
        format!(" such as “How many {} are there?”", names::split(&table.name).join(" "))
    });
    let message = format!(
        "The built-in rules cannot answer this question: {reason}. They understand counts, lists, filters, averages, \
         sums, groups and rankings over the tables of this database{example}. For anything else, configure a language \
         model provider."
    );
    Abstention { message }
}
