//! What a message asks for, without a model.

use contracts::Schema;

use super::{
    catalog::Catalog,
    items::{self, Item, What},
    lexicon::Mark,
    link::Linker,
    tokens::{self, Stems, Token},
};

const WORKFLOW: &[&str] = &["workflow", "workflows", "automation", "automate", "schedule", "scheduled"];

const SMALL_TALK: &[&str] = &[
    "goodbye",
    "ok",
    "okay",
    "great",
    "nice",
    "cool",
    "perfect",
    "help",
    "who are you",
    "what are you",
    "what can you do",
    "what can i ask",
    "how are you",
    "how do you work",
    "how does this work",
    "what is askline",
    "what do you do",
];

const COURTESIES: &[&str] = &["hi", "hello", "hey", "hallo", "thanks", "thank", "thx", "cheers", "bye", "good"];

/// `"sql"`, `"chat"` or `"workflow"`. With a schema, a message that names nothing of it is chat.
pub fn classify(question: &str, schema: Option<&Schema>) -> &'static str {
    let stems = Stems::default();
    let tokens = tokens::tokenize(question, &stems);
    if tokens.iter().any(|token| WORKFLOW.contains(&token.lower.as_str())) {
        return "workflow";
    }
    if is_small_talk(&tokens) {
        return "chat";
    }
    let empty = Schema::default();
    let catalog = Catalog::new(schema.unwrap_or(&empty), &stems);
    let items = items::itemize(&tokens, &Linker::new(&catalog, &stems));
    let asks = match schema {
        Some(_) => items.iter().any(is_about_data),
        None => items.iter().any(asks_something),
    };
    if asks { "sql" } else { "chat" }
}

/// Whether small talk is all that is said: one of the phrases, a courtesy with a few more words.
fn is_small_talk(tokens: &[Token]) -> bool {
    let words: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).filter(|word| !is_mark(word)).collect();
    let said = words.join(" ");
    let courteous = words.len() <= 3 && words.first().is_some_and(|word| COURTESIES.contains(word));
    said.is_empty() || courteous || SMALL_TALK.contains(&said.as_str())
}

fn is_mark(word: &str) -> bool {
    matches!(word, "," | "." | "!" | "?" | ";" | ":")
}

/// Whether an item names something of the schema, or a figure of the trade.
fn is_about_data(item: &Item) -> bool {
    match &item.what {
        What::Mention(mention) => mention.weight() >= 0.6,
        What::Value(_) | What::Mark(Mark::Measure(_)) => true,
        _ => false,
    }
}

/// Whether an item asks for data, whatever the data.
fn asks_something(item: &Item) -> bool {
    matches!(
        item.what,
        What::Mark(
            Mark::Ask
                | Mark::Count
                | Mark::Aggregate(_)
                | Mark::Each
                | Mark::Top(_)
                | Mark::Measure(_)
                | Mark::Extreme { .. }
        )
    )
}
