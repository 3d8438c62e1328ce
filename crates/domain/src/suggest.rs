//! Questions to suggest for a schema: those that the rules can answer.

use contracts::{Dialect, Schema};

use crate::rules::{
    self,
    outline::{Outline, TableOutline},
};

/// Below this the rules answer, but a suggestion should be safer.
const SURE: f64 = 0.85;

/// At most `most` questions that fit the schema, the most telling first.
pub fn questions(schema: &Schema, most: usize) -> Vec<String> {
    let outline = rules::outline::of(schema);
    let mut chosen: Vec<String> = Vec::new();
    for question in sales(&outline).into_iter().chain(general(&outline)) {
        if chosen.len() == most {
            break;
        }
        if !chosen.contains(&question) && is_answered(&question, schema) {
            chosen.push(question);
        }
    }
    chosen
}

fn is_answered(question: &str, schema: &Schema) -> bool {
    rules::answer(question, schema, Dialect::Sqlite).is_ok_and(|answer| answer.confidence >= SURE)
}

/// What a shop owner asks, where the database is one of a shop.
fn sales(outline: &Outline) -> Vec<String> {
    if !outline.sells {
        return Vec::new();
    }
    let fixed = [
        "How many customers do we have?",
        "What is our total revenue?",
        "What is the revenue by month?",
        "What are the top 5 products by revenue?",
        "Who are our top 5 customers by revenue?",
        "What is the average order value?",
        "What is the revenue by category?",
        "Which customers have never ordered?",
        "Which products were never sold?",
        "How many orders are there per status?",
        "What is the revenue by country?",
    ];
    fixed.iter().map(|question| (*question).to_owned()).collect()
}

/// Questions about each table in turn, so that the first few touch many tables.
fn general(outline: &Outline) -> Vec<String> {
    let lists: Vec<Vec<String>> = outline.tables.iter().map(about).collect();
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    (0..longest).flat_map(|at| lists.iter().filter_map(move |list| list.get(at).cloned())).collect()
}

fn about(table: &TableOutline) -> Vec<String> {
    let name = &table.plural;
    let mut questions = vec![format!("How many {name} are there?")];
    questions.extend(table.categories.iter().take(1).map(|column| format!("How many {name} are there per {column}?")));
    questions.extend(table.numbers.iter().take(1).map(|column| format!("What is the average {column} of {name}?")));
    questions.extend(table.dates.iter().take(1).map(|_| format!("How many {name} are there per month?")));
    questions.extend(table.children.iter().take(1).map(|child| format!("Which {name} have no {child}?")));
    questions.extend(table.numbers.iter().take(1).map(|column| format!("What are the top 5 {name} by {column}?")));
    questions
}
