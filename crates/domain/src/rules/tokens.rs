//! Splits a question into words, numbers, dates and quoted texts, each with its stem.

use rust_stemmers::{Algorithm, Stemmer};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A word.
    Word,
    /// A number, without separators.
    Number,
    /// A date written as `2024-03-01`.
    Date,
    /// A text in quotes.
    Quoted,
    /// A comma, semicolon or colon.
    Comma,
    /// The end of a sentence.
    Stop,
}

/// A piece of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As written; without its quotes when quoted.
    pub text: String,
    /// In lower case.
    pub lower: String,
    /// The stem of a word; the lower case text of everything else.
    pub stem: String,
    /// What it is.
    pub kind: TokenKind,
    /// Whether a sentence starts with it.
    pub opens_sentence: bool,
    /// Whether `'s` follows.
    pub possessive: bool,
}

impl Token {
    /// Whether it is a word that starts with a capital letter.
    pub fn is_capitalised(&self) -> bool {
        self.kind == TokenKind::Word && self.text.chars().next().is_some_and(char::is_uppercase)
    }
}

/// Reduces words to stems.
pub struct Stems(Stemmer);

impl Default for Stems {
    fn default() -> Self {
        Self(Stemmer::create(Algorithm::English))
    }
}

impl Stems {
    /// The stem of a lower case word; irregular plurals are known.
    pub fn of(&self, lower: &str) -> String {
        let regular = match lower {
            "people" => "person",
            "children" => "child",
            "men" => "man",
            "women" => "woman",
            "qty" => "quantity",
            "amt" => "amount",
            "addr" => "address",
            "desc" => "description",
            "hight" => "height",
            "enrolment" | "enrollments" | "enrolments" => "enrollment",
            other => other,
        };
        self.0.stem(regular).into_owned()
    }
}

/// Splits a question.
pub fn tokenize(question: &str, stems: &Stems) -> Vec<Token> {
    let chars: Vec<char> = question.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let (length, piece) = next_piece(&chars[at..], at == 0 || !chars[at - 1].is_alphanumeric());
        if let Some((text, kind)) = piece {
            let possessive = kind == TokenKind::Word && length > text.chars().count();
            push(&mut tokens, text, kind, possessive, stems);
        }
        at += length.max(1);
    }
    tokens
}

fn push(tokens: &mut Vec<Token>, text: String, kind: TokenKind, possessive: bool, stems: &Stems) {
    let lower = text.to_lowercase();
    let stem = if kind == TokenKind::Word { stems.of(&lower) } else { lower.clone() };
    let opens_sentence = tokens.last().is_none_or(|last: &Token| last.kind == TokenKind::Stop);
    tokens.push(Token { text, lower, stem, kind, opens_sentence, possessive });
}

type Piece = (usize, Option<(String, TokenKind)>);

fn next_piece(rest: &[char], after_gap: bool) -> Piece {
    let first = rest[0];
    if let Some(close) = closing_quote(first).filter(|_| after_gap)
        && let Some(piece) = quoted(rest, close)
    {
        return piece;
    }
    match first {
        ',' | ';' | ':' => (1, Some((first.to_string(), TokenKind::Comma))),
        '.' | '?' | '!' => (1, Some((first.to_string(), TokenKind::Stop))),
        '%' => (1, Some(("percent".to_owned(), TokenKind::Word))),
        _ if first.is_ascii_digit() => number_or_date(rest),
        _ if first.is_alphanumeric() => word(rest),
        _ => (1, None),
    }
}

fn closing_quote(open: char) -> Option<char> {
    match open {
        '"' | '\'' | '`' => Some(open),
        '“' | '”' => Some('”'),
        '‘' => Some('’'),
        _ => None,
    }
}

fn quoted(rest: &[char], close: char) -> Option<Piece> {
    let end =
        (2..rest.len()).find(|&at| rest[at] == close && rest.get(at + 1).is_none_or(|next| !next.is_alphanumeric()))?;
    let text: String = rest[1..end].iter().collect::<String>().trim().to_owned();
    if text.is_empty() || text.len() > 80 {
        return None;
    }
    Some((end + 1, Some((text, TokenKind::Quoted))))
}

fn number_or_date(rest: &[char]) -> Piece {
    if let Some(date) = date(rest) {
        return (date.len(), Some((date, TokenKind::Date)));
    }
    let mut end = 1;
    while end < rest.len() && continues_number(rest, end) {
        end += 1;
    }
    if rest.get(end).is_some_and(|next| next.is_alphabetic()) {
        return word(rest);
    }
    let text = rest[..end].iter().filter(|c| **c != ',').collect();
    (end, Some((text, TokenKind::Number)))
}

fn continues_number(rest: &[char], at: usize) -> bool {
    let digit = |at: usize| rest.get(at).is_some_and(char::is_ascii_digit);
    match rest[at] {
        ',' => (1..4).all(|ahead| digit(at + ahead)) && !digit(at + 4),
        '.' => digit(at + 1) && !rest[..at].contains(&'.'),
        other => other.is_ascii_digit(),
    }
}

fn date(rest: &[char]) -> Option<String> {
    let text: String = rest.iter().take(10).collect();
    let shaped = text.len() == 10
        && text.char_indices().all(|(at, c)| if at == 4 || at == 7 { c == '-' } else { c.is_ascii_digit() });
    let ends = rest.get(10).is_none_or(|next| !next.is_ascii_digit());
    (shaped && ends).then_some(text)
}

fn word(rest: &[char]) -> Piece {
    let end = rest.iter().position(|c| !c.is_alphanumeric()).unwrap_or(rest.len());
    let text: String = rest[..end].iter().collect();
    let length = end + possessive(&rest[end..]);
    (length, Some((text, TokenKind::Word)))
}

/// The length of `'s` after a word.
fn possessive(rest: &[char]) -> usize {
    let apostrophe = rest.first().is_some_and(|c| matches!(c, '\'' | '’'));
    let ends = rest.get(2).is_none_or(|next| !next.is_alphanumeric());
    if apostrophe && rest.get(1) == Some(&'s') && ends { 2 } else { 0 }
}

/// The value of a number word from two to twelve.
pub fn number_word(lower: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 11] = [
        ("two", "2"),
        ("three", "3"),
        ("four", "4"),
        ("five", "5"),
        ("six", "6"),
        ("seven", "7"),
        ("eight", "8"),
        ("nine", "9"),
        ("ten", "10"),
        ("eleven", "11"),
        ("twelve", "12"),
    ];
    WORDS.iter().find(|(word, _)| *word == lower).map(|(_, value)| *value)
}
