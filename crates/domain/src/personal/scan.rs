//! Finds personal data in text.

use super::{checks, ids, numbers};
use std::ops::Range;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A payment card.
    Card,
    /// A bank account.
    Iban,
    /// A number by which a state knows somebody.
    NationalId,
}

/// Where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Bytes of the text.
    pub at: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// Everything personal in a text, in order, without overlaps.
pub fn find(text: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut before: Option<char> = None;
    let mut clear_to = 0;
    let may_hold_email = text.contains('@');
    for (at, character) in text.char_indices() {
        let value = if at >= clear_to { value(&text[at..], before, may_hold_email) } else { None };
        before = Some(character);
        if let Some((length, kind)) = value {
            clear_to = at + length;
            found.push(Found { at: at..clear_to, kind });
        }
    }
    found
}

/// A value at the beginning of a text: its length and kind. `before` stands before it.
fn value(text: &str, before: Option<char>, may_hold_email: bool) -> Option<(usize, Kind)> {
    let first = text.chars().next()?;
    if !first.is_alphanumeric() && first != '+' && first != '(' {
        return None;
    }
    let is_within_a_word = first.is_ascii_alphanumeric() && before.is_some_and(|before| before.is_ascii_alphanumeric());
    if is_within_a_word {
        return None;
    }
    let after = |joins: fn(char) -> bool| before.is_none_or(|before| !joins(before));
    if may_hold_email
        && after(char::is_alphanumeric)
        && let Some(length) = email(text)
    {
        return Some((length, Kind::Email));
    }
    match first {
        // A sign that no number has within it, so that a path or a dash before it is none of it.
        '+' if after(is_of_a_word) => numbers::phone(text).map(|length| (length, Kind::Phone)),
        '(' if after(is_of_a_word) => numbers::bracketed_phone(text).map(|length| (length, Kind::Phone)),
        _ if first.is_ascii_digit() && after(joins_numbers) => numbers::number(text),
        _ if first.is_ascii_alphabetic() && after(is_of_a_word) => lettered(text, after(joins_numbers)),
        _ => None,
    }
}

/// A letter of a script that writes words with spaces between them, a digit, or what joins such. A number may stand beside
/// any other character, an ideograph too.
fn is_of_a_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || character.is_lowercase() || character.is_uppercase()
}

/// What makes a number a part of something longer when it stands beside it: a fraction, a path, a code with dashes.
fn joins_numbers(character: char) -> bool {
    is_of_a_word(character) || "-./\\+@%$€£".contains(character)
}

/// Whether nothing that stands after so many bytes belongs to the value.
pub(super) fn ends(text: &str, length: usize) -> bool {
    let mut rest = text[length..].chars();
    match rest.next() {
        None => true,
        Some('.') => rest.next().is_none_or(|after| !is_of_a_word(after)),
        Some(',') => rest.next().is_none_or(|after| !after.is_ascii_digit()),
        Some(next) => !joins_numbers(next),
    }
}

/// Longer than any name before an `@`. A longer one is found by its last characters.
const LONGEST_NAME: usize = 128;

fn email(text: &str) -> Option<usize> {
    if !text.starts_with(char::is_alphanumeric) {
        return None;
    }
    let local = |character: char| character.is_alphanumeric() || "._%+-".contains(character);
    let mut name = text.char_indices().take(LONGEST_NAME);
    let at = name.find(|(_, character)| !local(*character)).filter(|(_, character)| *character == '@')?.0;
    let host = &text[at + 1..];
    let in_host = |character: char| character.is_alphanumeric() || character == '.' || character == '-';
    let end = host.find(|character| !in_host(character)).unwrap_or(host.len());
    let host = host[..end].trim_end_matches(['.', '-']);
    let (name, top) = host.rsplit_once('.')?;
    let is_top = top.chars().count() >= 2 && top.chars().all(char::is_alphabetic);
    (is_top && !name.is_empty()).then_some(at + 1 + host.len())
}

/// `alone` is whether it is no part of a code with dashes: one letter in 23 fits a DNI.
fn lettered(text: &str, alone: bool) -> Option<(usize, Kind)> {
    let end = text.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(text.len());
    if is_national_id(&text[..end], alone) && ends(text, end) {
        return Some((end, Kind::NationalId));
    }
    let length = iban(text)?;
    Some((length, Kind::Iban))
}

/// Each kind has digits and at most 16 characters, so that hardly any word is looked at closely.
fn is_national_id(word: &str, alone: bool) -> bool {
    if word.len() > 16 || !word.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let upper = word.to_ascii_uppercase();
    (alone && ids::dni(&upper)) || ids::codice_fiscale(&upper)
}

/// Alone or in groups of four; from 15 to 34 characters.
fn iban(text: &str) -> Option<usize> {
    let head = text.as_bytes().get(..4)?;
    let is_head = head[..2].iter().all(u8::is_ascii_uppercase) && head[2..].iter().all(u8::is_ascii_digit);
    if !is_head {
        return None;
    }
    let mut account = String::new();
    let mut longest = None;
    for (at, character) in text.char_indices() {
        match character {
            ' ' if account.len().is_multiple_of(4) => continue,
            _ if character.is_ascii_digit() || character.is_ascii_uppercase() => account.push(character),
            _ => break,
        }
        let length = at + 1;
        if account.len() > 34 {
            break;
        }
        if account.len() >= 15 && ends(text, length) && checks::iban(&account) {
            longest = Some(length);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        find(text).into_iter().map(|found| (found.kind, &text[found.at])).collect()
    }

    #[test]
    fn each_kind_is_found_within_a_sentence() {
        for (text, kind, value) in [
            ("write to ann.lee+x@mail.example.org.", Kind::Email, "ann.lee+x@mail.example.org"),
            ("'müller@beispiel.de'", Kind::Email, "müller@beispiel.de"),
            ("call +49 30 1234567, please", Kind::Phone, "+49 30 1234567"),
            ("+14155552671", Kind::Phone, "+14155552671"),
            ("(555) 123-4567", Kind::Phone, "(555) 123-4567"),
            ("555-123-4567", Kind::Phone, "555-123-4567"),
            ("tel: 0171-2345678", Kind::Phone, "0171-2345678"),
            ("06 12 34 56 78", Kind::Phone, "06 12 34 56 78"),
            ("card 4111 1111 1111 1111!", Kind::Card, "4111 1111 1111 1111"),
            ("4111-1111-1111-1111", Kind::Card, "4111-1111-1111-1111"),
            ("5555555555554444", Kind::Card, "5555555555554444"),
            ("3782 822463 10005", Kind::Card, "3782 822463 10005"),
            ("to DE89 3704 0044 0532 0130 00 today", Kind::Iban, "DE89 3704 0044 0532 0130 00"),
            ("GB82WEST12345698765432", Kind::Iban, "GB82WEST12345698765432"),
            ("ssn 123-45-6789.", Kind::NationalId, "123-45-6789"),
            ("12345678Z", Kind::NationalId, "12345678Z"),
            ("x1234567l", Kind::NationalId, "x1234567l"),
            ("529.982.247-25", Kind::NationalId, "529.982.247-25"),
            ("11010519491231002X", Kind::NationalId, "11010519491231002X"),
            ("2341 2341 2346", Kind::NationalId, "2341 2341 2346"),
            ("RSSMRA85T10A562S", Kind::NationalId, "RSSMRA85T10A562S"),
            ("born 811228-9874,", Kind::NationalId, "811228-9874"),
            ("19811228-9874", Kind::NationalId, "19811228-9874"),
            ("811228+9874", Kind::NationalId, "811228+9874"),
            ("131052-308T", Kind::NationalId, "131052-308T"),
            ("010594y9032", Kind::NationalId, "010594y9032"),
            ("900101-1234568", Kind::NationalId, "900101-1234568"),
            ("800101 5009 087", Kind::NationalId, "800101 5009 087"),
            ("2 55 08 14 168 025 38", Kind::NationalId, "2 55 08 14 168 025 38"),
            ("1234 5678 9018", Kind::NationalId, "1234 5678 9018"),
            ("NHS 943 476 5919", Kind::NationalId, "943 476 5919"),
        ] {
            assert_eq!(kinds(text), [(kind, value)], "{text}");
        }
    }

    #[test]
    fn a_value_begins_and_ends_at_any_character_that_is_no_part_of_it() {
        for (text, values) in [
            ("邮箱：ann@example.org。", ["ann@example.org"].as_slice()),
            ("（ann@example.org）", &["ann@example.org"]),
            ("ann@example.org，bob@example.org", &["ann@example.org", "bob@example.org"]),
            ("name/ann@example.org/", &["ann@example.org"]),
            ("-ann@example.org", &["ann@example.org"]),
            ("mail—ann@example.org—now", &["ann@example.org"]),
            ("«ann@example.org»", &["ann@example.org"]),
            ("电话：+49 30 1234567，", &["+49 30 1234567"]),
            ("tel/+49 30 1234567。", &["+49 30 1234567"]),
            ("电话0171-2345678号", &["0171-2345678"]),
            ("卡号4111111111111111。", &["4111111111111111"]),
            ("•4111 1111 1111 1111…", &["4111 1111 1111 1111"]),
            ("“DE89370400440532013000”", &["DE89370400440532013000"]),
            ("IBAN/DE89370400440532013000、", &["DE89370400440532013000"]),
            ("（12345678Z）", &["12345678Z"]),
        ] {
            let found: Vec<&str> = kinds(text).into_iter().map(|(_, value)| value).collect();
            assert_eq!(found, values, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_read_in_a_moment() {
        for text in ["a.", "1 ", "+1 ", "1-1+", "A1"] {
            find(&text.repeat(20_000));
        }
        let name = "a.".repeat(500);
        let found = find(&format!("{name}b@example.org")).pop().unwrap();
        assert_eq!(found.kind, Kind::Email);
    }

    #[test]
    fn numbers_times_and_identifiers_are_not_personal() {
        for text in [
            "2026-01-01 10:00:00",
            "2026-01-01T10:00:00.123456Z",
            "01.02.2024",
            "1790000000",
            "1790000000123",
            "1790000000123456",
            "1790000000123456789",
            "550e8400-e29b-41d4-a716-446655440000",
            "446655440000-4111-1111-1111-1111",
            "order 100000000000",
            "ORD-2024-000123",
            "4111111111111112",
            "0.4111111111111111",
            "12,345,678.90",
            "192.168.100.200",
            "3 @ 4.50",
            "user@localhost",
            "978-3-16-148410-0",
            "123456789",
            "12345678",
            "SKU12345678901234",
            "https://example.org/4111111111111111",
            "00000000-0000-0000-0000-000000000000",
            "0000 0000 0000 0000",
            "GB12 is not an account",
            "9007199254740993",
            "52.5200 13.4050",
            "10 000 000",
            "44051401359",
            "86 195 742 719",
            "201228-1234",
            "ORD-X1234567L",
            "$5555555555554444",
            "v4111111111111111",
            "Nº_4111111111111111",
            "123 456 7890",
        ] {
            assert_eq!(kinds(text), [], "{text}");
        }
    }

    #[test]
    fn several_in_one_text_are_all_found() {
        let found = kinds("ann@example.org, bob@example.org; 4111111111111111");
        assert_eq!(found.len(), 3);
    }
}
