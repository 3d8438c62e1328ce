//! `EXCLUDE …` of a window frame, for which the tree has no place. It travels as the name of the window that the frame is
//! based on, in words that no one writes, and returns to its place in the printed text.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Word};

use super::{is_word, keyword};
use crate::refusal::Refusal;

/// Begins the name that stands for an exclusion: a character for private use.
const MARK: char = '\u{e0f1}';

const EXCLUSIONS: [&[&str]; 4] = [&["CURRENT", "ROW"], &["GROUP"], &["TIES"], &["NO", "OTHERS"]];

/// Moves exclusions from the ends of window frames to their fronts.
pub(super) fn lift(tokens: &mut Vec<TokenWithSpan>) -> Result<(), Refusal> {
    let mut at = 0;
    while at < tokens.len() {
        if let Some(words) = exclusion(tokens, at) {
            lift_one(tokens, at, words)?;
        }
        at += 1;
    }
    Ok(())
}

/// The words after EXCLUDE, when a parenthesis closes after them.
fn exclusion(tokens: &[TokenWithSpan], at: usize) -> Option<&'static [&'static str]> {
    if !is_word(&tokens[at].token, "exclude") {
        return None;
    }
    let matches = |words: &&[&str]| {
        let follow = words.iter().zip(&tokens[at + 1..]).filter(|(word, token)| is_word(&token.token, word)).count();
        let close = tokens.get(at + 1 + words.len()).map(|token| &token.token);
        follow == words.len() && close == Some(&Token::RParen)
    };
    EXCLUSIONS.iter().find(|words| matches(words)).copied()
}

fn lift_one(tokens: &mut Vec<TokenWithSpan>, at: usize, words: &[&str]) -> Result<(), Refusal> {
    let unsupported = || Refusal::unsupported("EXCLUDE in a window that is based on another one");
    let open = opening(tokens, at).ok_or_else(unsupported)?;
    let based = !matches!(
        keyword(&tokens[open + 1].token),
        Some(Keyword::PARTITION | Keyword::ORDER | Keyword::ROWS | Keyword::RANGE | Keyword::GROUPS)
    );
    if based {
        return Err(unsupported());
    }
    let span = tokens[at].span;
    tokens.drain(at..=at + words.len());
    let value = format!("{MARK}{}", words.join(" "));
    let word = Word { value, quote_style: Some('"'), keyword: Keyword::NoKeyword };
    tokens.insert(open + 1, TokenWithSpan::new(Token::Word(word), span));
    Ok(())
}

fn opening(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    let mut closed = 0;
    (0..at).rev().find(|place| match tokens[*place].token {
        Token::RParen => {
            closed += 1;
            false
        }
        Token::LParen if closed == 0 => true,
        Token::LParen => {
            closed -= 1;
            false
        }
        _ => false,
    })
}

/// Whether the printed text holds an exclusion that is not in its place.
pub fn is_lifted(printed: &str) -> bool {
    printed.contains(MARK)
}

/// Puts exclusions back. `tokens` are those of `printed`.
pub fn restore(printed: &str, tokens: &[TokenWithSpan]) -> String {
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(words) = lifted(&token.token) else {
            continue;
        };
        let (Some(close), Some(start), Some(end)) =
            (closing(tokens, at), offset(printed, token.span.start), offset(printed, token.span.end))
        else {
            continue;
        };
        edits.push((start, end + 1, String::new()));
        if let Some(place) = offset(printed, tokens[close].span.start) {
            edits.push((place, place, format!(" EXCLUDE {words}")));
        }
    }
    edits.sort();
    let mut text = printed.to_owned();
    for (start, end, with) in edits.into_iter().rev() {
        text.replace_range(start..end, &with);
    }
    text
}

fn lifted(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) if word.quote_style.is_some() => word.value.strip_prefix(MARK),
        _ => None,
    }
}

/// The parenthesis that closes the specification that the token stands in.
fn closing(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    let mut open = 0;
    (at..tokens.len()).find(|place| match tokens[*place].token {
        Token::LParen => {
            open += 1;
            false
        }
        Token::RParen if open == 0 => true,
        Token::RParen => {
            open -= 1;
            false
        }
        _ => false,
    })
}

/// The byte at which a line and column of the text lie.
fn offset(text: &str, location: Location) -> Option<usize> {
    let line_start: usize = text.split_inclusive('\n').take(location.line as usize - 1).map(str::len).sum();
    let line = &text[line_start..];
    let column = location.column as usize - 1;
    line.char_indices().map(|(at, _)| at).chain([line.len()]).nth(column).map(|at| line_start + at)
}
