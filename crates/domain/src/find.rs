//! Tables that fit a few words: by the words of names and comments, without a model.
//!
//! A word counts where it says most (the table's name, then its columns' names, then comments), and the more the fewer
//! tables have it.

use crate::rules::names::{split, stems_of};
use crate::rules::tokens::Stems;
use contracts::{ColumnSchema, Schema, TableSchema};
use std::collections::{BTreeMap, BTreeSet, HashSet};

const IN_NAME: f64 = 8.0;
const IN_COLUMN: f64 = 4.0;
const IN_COMMENT: f64 = 2.0;
/// Words of a query that are looked for.
const MOST_WORDS: usize = 64;

/// A table that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<'a> {
    /// The table.
    pub table: &'a TableSchema,
    /// Its columns that fit, in table order.
    pub columns: Vec<&'a ColumnSchema>,
    /// The higher the better; comparable within one search only.
    pub score: f64,
}

/// The tables that fit a query, the best first, at most `most`. A table that has none of its words is not among them.
pub fn tables<'a>(schema: &'a Schema, query: &str, most: usize) -> Vec<Found<'a>> {
    let stems = Stems::default();
    let wanted: BTreeSet<String> = split(query).iter().take(MOST_WORDS).map(|word| stems.of(word)).collect();
    let vocabulary = vocabulary(schema);
    let pages: Vec<Page> = schema.tables.iter().map(|table| Page::of(table, &vocabulary, &stems)).collect();
    let mut found: Vec<Found> = schema
        .tables
        .iter()
        .zip(&pages)
        .map(|(table, page)| Found {
            table,
            columns: page.columns(table, &wanted),
            score: wanted.iter().map(|word| page.weight(word) * rarity(word, &pages)).sum(),
        })
        .filter(|found| found.score > 0.0)
        .collect();
    found.sort_by(|one, other| other.score.total_cmp(&one.score));
    found.truncate(most);
    found
}

/// 1 for a word that every table has, more for a rare one.
fn rarity(word: &str, pages: &[Page]) -> f64 {
    let having = pages.iter().filter(|page| page.weight(word) > 0.0).count();
    1.0 + (pages.len() as f64 / having.max(1) as f64).ln()
}

/// Every word that stands alone in a name: what run-together names are made of.
fn vocabulary(schema: &Schema) -> HashSet<String> {
    let names = schema.tables.iter().flat_map(|table| {
        [&table.name].into_iter().chain(table.columns.iter().map(|column| &column.name)).map(String::as_str)
    });
    names.flat_map(split).collect()
}

/// The words of a table.
struct Page {
    weights: BTreeMap<String, f64>,
    columns: Vec<BTreeSet<String>>,
}

impl Page {
    fn of(table: &TableSchema, vocabulary: &HashSet<String>, stems: &Stems) -> Self {
        let name_words = |name: &str| stems_of(name, vocabulary, stems);
        let comment_words =
            |comment: Option<&str>| split(comment.unwrap_or_default()).iter().map(|word| stems.of(word)).collect();
        let mut page = Self { weights: BTreeMap::new(), columns: Vec::new() };
        page.note(name_words(&table.name), IN_NAME);
        page.note(comment_words(table.comment.as_deref()), IN_COMMENT);
        for column in &table.columns {
            let (name, comment): (Vec<_>, Vec<_>) =
                (name_words(&column.name), comment_words(column.comment.as_deref()));
            page.columns.push(name.iter().chain(&comment).cloned().collect());
            page.note(name, IN_COLUMN);
            page.note(comment, IN_COMMENT);
        }
        page
    }

    fn note(&mut self, words: Vec<String>, weight: f64) {
        for word in words {
            let kept = self.weights.entry(word).or_default();
            *kept = kept.max(weight);
        }
    }

    fn weight(&self, word: &str) -> f64 {
        self.weights.get(word).copied().unwrap_or_default()
    }

    fn columns<'a>(&self, table: &'a TableSchema, wanted: &BTreeSet<String>) -> Vec<&'a ColumnSchema> {
        let fitting = table.columns.iter().zip(&self.columns).filter(|(_, words)| !words.is_disjoint(wanted));
        fitting.map(|(column, _)| column).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, comment: Option<&str>, columns: &[&str]) -> TableSchema {
        let column = |name: &&str| ColumnSchema {
            name: (*name).to_owned(),
            data_type: "text".into(),
            nullable: false,
            comment: None,
            samples: vec![],
        };
        TableSchema {
            namespace: None,
            name: name.into(),
            comment: comment.map(str::to_owned),
            columns: columns.iter().map(column).collect(),
            primary_key: vec![],
            foreign_keys: vec![],
            row_estimate: None,
            is_view: false,
        }
    }

    fn shop() -> Schema {
        let mut invoices = table("invoices", None, &["id", "customer_id", "amount"]);
        invoices.columns[2].comment = Some("Gross revenue of the booking".into());
        Schema {
            tables: vec![
                table("audit_log", None, &["id", "customer_id", "order_id", "note"]),
                table("orders", Some("What customers bought"), &["id", "customer_id", "orderStatus"]),
                table("Customers", None, &["id", "fullName", "city"]),
                invoices,
            ],
        }
    }

    fn names(query: &str, most: usize) -> Vec<String> {
        tables(&shop(), query, most).iter().map(|found| found.table.name.clone()).collect()
    }

    #[test]
    fn a_name_counts_more_than_a_column_and_a_column_more_than_a_comment() {
        assert_eq!(names("customer", 9), ["Customers", "audit_log", "orders", "invoices"]);
        assert_eq!(names("order status", 9), ["orders", "audit_log"]);
        assert_eq!(names("revenue of bookings", 9), ["invoices"]);
    }

    #[test]
    fn the_columns_that_fit_are_told() {
        let schema = shop();
        let found = tables(&schema, "names of people by CITY", 1);
        let columns: Vec<_> = found[0].columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!((found[0].table.name.as_str(), columns), ("Customers", vec!["fullName", "city"]));
    }

    #[test]
    fn what_fits_nothing_finds_nothing() {
        for query in ["", "?! --", "weather tomorrow", "\0"] {
            assert!(names(query, 9).is_empty(), "{query:?}");
        }
        assert!(names("customer", 0).is_empty());
        assert!(tables(&Schema::default(), "customer", 9).is_empty());
    }

    #[test]
    fn a_rare_word_outweighs_a_common_one() {
        assert_eq!(names("note id", 1), ["audit_log"]);
    }
}
