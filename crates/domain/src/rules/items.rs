//! A question as a row of items: intents, names, values, numbers, and words that nothing explains.

use super::{
    catalog::{Catalog, ColumnRef},
    lexicon::{self, Mark},
    link::{Linker, Mention, Occurrence},
    tokens::{Token, TokenKind, number_word},
};

/// What an item is.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// An intent.
    Mark(Mark),
    /// A table or column.
    Mention(Mention),
    /// A sampled value.
    Value(Vec<Occurrence>),
    /// A text that no sample holds.
    Literal,
    /// A number.
    Number,
    /// A date.
    Date,
    /// A month of the calendar, from 1.
    Month(u8),
    /// A word that nothing explains.
    Word,
}

/// A part of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is.
    pub what: What,
    /// Its text.
    pub text: String,
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// Whether its last word is a plural.
    pub plural: bool,
    /// Whether a sentence starts with it.
    pub opens_sentence: bool,
    /// Whether `'s` follows.
    pub possessive: bool,
    /// The first of its tokens.
    pub start: usize,
    /// The token after its last.
    pub end: usize,
    /// Whether a rule has read it.
    pub used: bool,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Reads tokens into items; words without meaning are dropped.
pub fn itemize(tokens: &[Token], linker: &Linker) -> Vec<Item> {
    let lower: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).collect();
    let mut items = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let last = items.last().filter(|last: &&Item| last.end == at);
        let (what, length) = next_item(&tokens[at..], &lower[at..], last, linker);
        if let Some(what) = what {
            items.push(Item { start: at, end: at + length, ..item(what, &tokens[at..at + length]) });
        }
        at += length;
    }
    merge(&mut items);
    items
}

/// The key columns that a question names.
pub fn named_keys(items: &[Item], catalog: &Catalog) -> Vec<ColumnRef> {
    let mentions = items.iter().filter_map(|item| match &item.what {
        What::Mention(mention) => Some(&mention.columns),
        _ => None,
    });
    mentions.flatten().map(|(column, _)| *column).filter(|column| catalog.column(*column).is_key).collect()
}

/// Two names side by side that mean one column become one: `expected life expectancy`, `continent name`.
fn merge(items: &mut Vec<Item>) {
    let mut at = 1;
    while at < items.len() {
        match doubled(&items[at - 1], &items[at]) {
            Some(kept) => {
                let dropped = items.remove(if kept == 0 { at } else { at - 1 });
                let left = &mut items[at - 1];
                left.start = left.start.min(dropped.start);
                left.end = left.end.max(dropped.end);
                left.plural = dropped.plural || left.plural;
            }
            None => at += 1,
        }
    }
}

/// Which of two neighbours to keep.
fn doubled(first: &Item, second: &Item) -> Option<usize> {
    let (What::Mention(one), What::Mention(other)) = (&first.what, &second.what) else { return None };
    if first.end != second.start {
        return None;
    }
    if other.is_label && !one.is_label && one.tables.is_empty() && one.column_weight() >= 0.8 {
        return Some(0);
    }
    let partial = one.weight() < 0.8 && other.weight() < 0.8 && one.tables.is_empty() && other.tables.is_empty();
    if partial && !one.is_label && !other.is_label {
        return Some(0);
    }
    let shared = one
        .columns
        .iter()
        .any(|(column, weight)| *weight < 0.8 && other.columns.iter().any(|(same, _)| same == column));
    let tables = !one.tables.is_empty() || one.is_label || other.is_label;
    (shared && !tables).then_some(1)
}

fn item(what: What, tokens: &[Token]) -> Item {
    let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let plural = tokens.last().is_some_and(|last| last.lower.ends_with('s') && last.lower != last.stem);
    let text = match tokens {
        [only] if only.kind == TokenKind::Word && matches!(what, What::Number) => number_text(&only.lower),
        _ => texts.join(" "),
    };
    Item {
        what,
        text,
        quoted: tokens.iter().any(|token| token.kind == TokenKind::Quoted),
        plural,
        opens_sentence: tokens.first().is_some_and(|first| first.opens_sentence),
        possessive: tokens.last().is_some_and(|last| last.possessive),
        start: 0,
        end: tokens.len(),
        used: false,
    }
}

fn number_text(lower: &str) -> String {
    number_word(lower).unwrap_or("1").to_owned()
}

type Next = (Option<What>, usize);

fn next_item(tokens: &[Token], lower: &[&str], last: Option<&Item>, linker: &Linker) -> Next {
    match tokens[0].kind {
        TokenKind::Comma => (Some(What::Mark(Mark::Comma)), 1),
        TokenKind::Stop => (Some(What::Mark(Mark::Stop)), 1),
        TokenKind::Number => (Some(What::Number), 1),
        TokenKind::Date => (Some(What::Date), 1),
        TokenKind::Quoted => (Some(quoted(&tokens[0].text, linker)), 1),
        TokenKind::Word => word(tokens, lower, last, linker),
    }
}

fn quoted(text: &str, linker: &Linker) -> What {
    let occurrences = linker.occurrences(text);
    if occurrences.is_empty() { What::Literal } else { What::Value(occurrences) }
}

fn word(tokens: &[Token], lower: &[&str], last: Option<&Item>, linker: &Linker) -> Next {
    if let Some((column, length)) = linker.elliptic(tokens) {
        return (Some(What::Mention(column)), length);
    }
    let mark = lexicon::mark_at(lower);
    let mention = linker.mention_at(tokens).filter(|(mention, _)| mention.weight() >= 0.5 || mention.is_label);
    let value = linker.value_at(tokens).filter(|(found, length)| is_value(&tokens[..*length], found, &mention));
    let marked = mark.map_or(0, |(_, length)| length);
    let named = mention.as_ref().map_or(0, |(_, length)| *length);
    if let Some((occurrences, length)) = value
        && length >= named
        && length >= marked
        && (length > marked || tokens[0].is_capitalised())
    {
        return (Some(What::Value(occurrences)), length);
    }
    if let Some(month) = month(&tokens[0]) {
        return (Some(What::Month(month)), 1);
    }
    if is_number(&tokens[0], last) {
        return (Some(What::Number), 1);
    }
    if mark.is_some_and(|(mark, _)| mark == Mark::Count) && lower[0] == "number" && last.is_some_and(is_name) {
        return (None, 1);
    }
    if let Some((mark, length)) = mark
        && (length > named || length == named && !yields(mark, &mention, &tokens[0]))
    {
        return (Some(What::Mark(mark)), length);
    }
    match mention {
        Some((mention, length))
            if length > 1 || !lexicon::is_noise(&tokens[0].lower) || is_telling(&mention, &tokens[0]) =>
        {
            (Some(What::Mention(mention)), length)
        }
        _ => unnamed(tokens),
    }
}

/// In `phone number of` nothing is counted.
fn is_name(item: &Item) -> bool {
    matches!(item.what, What::Mention(_) | What::Word)
}

/// Whether a word that mostly says nothing names something here.
fn is_telling(mention: &Mention, token: &Token) -> bool {
    mention.weight() >= 0.6 && token.lower.len() >= 4 && !token.lower.ends_with("ed")
}

/// Whether a word that carries an intent is meant as a name here.
fn yields(mark: Mark, mention: &Option<(Mention, usize)>, token: &Token) -> bool {
    let opens = mark == Mark::Ask && token.opens_sentence;
    let named = mention.as_ref().is_some_and(|(mention, _)| mention.weight() >= 0.8);
    mark.yields_to_names() && named && !opens
}

/// Whether a sampled value is meant: short ones and names of tables only in their own spelling.
fn is_value(tokens: &[Token], found: &[Occurrence], mention: &Option<(Mention, usize)>) -> bool {
    let first = &tokens[0];
    if tokens.len() > 1 {
        return true;
    }
    if first.text.len() <= 2 {
        let spelled = found.iter().any(|occurrence| occurrence.text == first.text);
        return spelled && first.is_capitalised() && !first.opens_sentence;
    }
    if first.is_capitalised() && !first.opens_sentence {
        return true;
    }
    let names_something = mention.as_ref().is_some_and(|(mention, _)| mention.weight() >= 0.8);
    !names_something && !lexicon::is_noise(&first.lower)
}

fn is_number(token: &Token, last: Option<&Item>) -> bool {
    if number_word(&token.lower).is_some() {
        return true;
    }
    let compared = last.is_some_and(|item| matches!(item.what, What::Mark(Mark::Compare(..) | Mark::Between)));
    compared && matches!(token.lower.as_str(), "one" | "single" | "once")
}

fn month(token: &Token) -> Option<u8> {
    if token.lower == "may" && !token.is_capitalised() || token.opens_sentence {
        return None;
    }
    MONTHS.iter().position(|name| *name == token.lower).map(|at| at as u8 + 1)
}

fn unnamed(tokens: &[Token]) -> Next {
    let proper = tokens.iter().take_while(|token| token.is_capitalised()).count();
    if proper > 0 && !tokens[0].opens_sentence && tokens[0].text != "I" {
        return (Some(What::Literal), proper);
    }
    if lexicon::is_noise(&tokens[0].lower) { (None, 1) } else { (Some(What::Word), 1) }
}
