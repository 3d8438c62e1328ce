//! Splits the names of tables and columns into words.

use std::collections::HashSet;

use super::tokens::Stems;

/// The lower case words of `order_items`, `orderItems`, `OrderItems` or `ORDER_ITEMS`.
pub fn split(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (at, c) in chars.iter().enumerate() {
        if starts_word(&chars, at) {
            flush(&mut words, &mut word);
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    flush(&mut words, &mut word);
    words
}

fn flush(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

fn starts_word(chars: &[char], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|index| chars[index]) else { return false };
    let now = chars[at];
    if !now.is_alphanumeric() || !before.is_alphanumeric() {
        return true;
    }
    if now.is_numeric() != before.is_numeric() {
        return true;
    }
    let camel = now.is_uppercase() && before.is_lowercase();
    let acronym_ends =
        now.is_uppercase() && before.is_uppercase() && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
    camel || acronym_ends
}

/// Splits a run-together word such as `countrylanguage` where both halves are words of the same schema.
pub fn split_compound(word: &str, vocabulary: &HashSet<String>) -> Option<[String; 2]> {
    if word.len() < 7 || !word.is_ascii() {
        return None;
    }
    (3..=word.len() - 3)
        .map(|at| word.split_at(at))
        .find(|(left, right)| vocabulary.contains(*left) && vocabulary.contains(*right))
        .map(|(left, right)| [left.to_owned(), right.to_owned()])
}

/// The stems of a name's words, compounds split.
pub fn stems_of(name: &str, vocabulary: &HashSet<String>, stems: &Stems) -> Vec<String> {
    let mut words = Vec::new();
    for word in split(name) {
        match split_compound(&word, vocabulary) {
            Some(halves) => words.extend(halves.iter().map(|half| stems.of(half))),
            None => words.push(stems.of(&word)),
        }
    }
    words
}
