//! Finds personal data in text.

use super::checks;
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

/// Characters that a value may follow; what follows others (`-`, `.`, `/`) is a part of something longer.
const BEFORE: &str = "\"'`([{<>,;:=|#*~";
/// Characters that may follow a value.
const AFTER: &str = "\"'`)]}<>,;:!?|&*~";

/// Everything personal in a text, in order, without overlaps.
pub fn find(text: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut before: Option<char> = None;
    let mut clear_to = 0;
    for (at, character) in text.char_indices() {
        let begins = at >= clear_to && before.is_none_or(|before| before.is_whitespace() || BEFORE.contains(before));
        before = Some(character);
        if !begins {
            continue;
        }
        if let Some((length, kind)) = value(&text[at..]) {
            clear_to = at + length;
            found.push(Found { at: at..clear_to, kind });
        }
    }
    found
}

/// A value at the beginning of a text: its length and kind.
fn value(text: &str) -> Option<(usize, Kind)> {
    let first = text.chars().next()?;
    if let Some(length) = email(text) {
        return Some((length, Kind::Email));
    }
    match first {
        '+' => phone(text).map(|length| (length, Kind::Phone)),
        '(' => bracketed_phone(text).map(|length| (length, Kind::Phone)),
        _ if first.is_ascii_digit() => number(text),
        _ if first.is_ascii_alphabetic() => lettered(text),
        _ => None,
    }
}

fn email(text: &str) -> Option<usize> {
    if !text.starts_with(char::is_alphanumeric) {
        return None;
    }
    let local = |character: char| character.is_alphanumeric() || "._%+-".contains(character);
    let at = text.find(|character| !local(character)).filter(|at| text[*at..].starts_with('@'))?;
    let host = &text[at + 1..];
    let in_host = |character: char| character.is_alphanumeric() || character == '.' || character == '-';
    let end = host.find(|character| !in_host(character)).unwrap_or(host.len());
    let host = host[..end].trim_end_matches(['.', '-']);
    let (name, top) = host.rsplit_once('.')?;
    let is_top = top.chars().count() >= 2 && top.chars().all(char::is_alphabetic);
    (is_top && !name.is_empty()).then_some(at + 1 + host.len())
}

/// Groups of digits with one separator between two, as long as they go on.
struct Groups {
    digits: Vec<u32>,
    sizes: Vec<usize>,
    separators: Vec<char>,
    length: usize,
}

fn groups(text: &str, separators: &str) -> Groups {
    let mut found = Groups { digits: Vec::new(), sizes: vec![0], separators: Vec::new(), length: 0 };
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if let Some(digit) = character.to_digit(10) {
            found.digits.push(digit);
            if let Some(size) = found.sizes.last_mut() {
                *size += 1;
            }
            found.length = at + 1;
            continue;
        }
        let goes_on = characters.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        if !separators.contains(character) || !goes_on || found.sizes.last() == Some(&0) {
            break;
        }
        found.separators.push(character);
        found.sizes.push(0);
    }
    found
}

impl Groups {
    fn is_like(&self, sizes: &[usize], separators: &str) -> bool {
        self.sizes == sizes && self.separators.iter().all(|separator| separators.contains(*separator))
    }

    fn part(&self, from: usize, to: usize) -> u32 {
        self.digits[from..to].iter().fold(0, |number, digit| number * 10 + digit)
    }
}

fn ends(text: &str, length: usize) -> bool {
    let mut rest = text[length..].chars();
    match rest.next() {
        None => true,
        Some('.') => rest.next().is_none_or(|after| !after.is_alphanumeric()),
        Some(',') => rest.next().is_none_or(|after| !after.is_ascii_digit()),
        Some(next) => next.is_whitespace() || AFTER.contains(next),
    }
}

/// With a country's code: up to 15 digits, written in any of the usual ways.
fn phone(text: &str) -> Option<usize> {
    let (mut digits, mut gap, mut length) = (0, 0, 1);
    for (at, character) in text.char_indices().skip(1) {
        if character.is_ascii_digit() {
            (digits, gap, length) = (digits + 1, 0, at + 1);
        } else if digits > 0 && gap < 2 && " -./()".contains(character) {
            gap += 1;
        } else {
            break;
        }
    }
    ((8..=15).contains(&digits) && !text.starts_with("+0") && ends(text, length)).then_some(length)
}

/// `(555) 123-4567`
fn bracketed_phone(text: &str) -> Option<usize> {
    let (area, rest) = text.strip_prefix('(')?.split_once(')')?;
    let blank = rest.len() - rest.trim_start_matches(' ').len();
    let found = groups(rest.trim_start_matches(' '), " -.");
    let is_area = (2..=5).contains(&area.len()) && area.bytes().all(|byte| byte.is_ascii_digit());
    let length = area.len() + 2 + blank + found.length;
    (is_area && blank <= 1 && (6..=9).contains(&found.digits.len()) && ends(text, length)).then_some(length)
}

fn number(text: &str) -> Option<(usize, Kind)> {
    let joined = groups(text, "");
    if let Some(found) = number_with_letter(text, &joined) {
        return Some(found);
    }
    let grouped = groups(text, " -./");
    for found in [&grouped, &joined] {
        if !ends(text, found.length) {
            continue;
        }
        if let Some(kind) = kind_of(found) {
            return Some((found.length, kind));
        }
    }
    None
}

/// A check letter follows the digits.
fn number_with_letter(text: &str, joined: &Groups) -> Option<(usize, Kind)> {
    let with_letter = text.get(..joined.length + 1).filter(|_| matches!(joined.digits.len(), 8 | 17))?;
    let upper = with_letter.to_ascii_uppercase();
    let known = checks::dni(&upper) || checks::chinese_id(&upper);
    (known && ends(text, with_letter.len())).then_some((with_letter.len(), Kind::NationalId))
}

fn kind_of(found: &Groups) -> Option<Kind> {
    let digits = &found.digits;
    let alone = found.separators.is_empty();
    let in_fours = found.separators.iter().all(|separator| " -".contains(*separator))
        && (found.sizes == [4, 6, 5] || found.sizes.iter().rev().skip(1).all(|size| *size == 4));
    if (alone || in_fours) && checks::is_card(digits) {
        return Some(Kind::Card);
    }
    let text: String = digits.iter().filter_map(|digit| char::from_digit(*digit, 10)).collect();
    let national = (alone && checks::chinese_id(&text))
        || (found.is_like(&[3, 3, 3, 2], ".-") && found.separators == ['.', '.', '-'] && checks::cpf(digits))
        || (found.is_like(&[4, 4, 4], " -") && checks::aadhaar(digits))
        || (found.is_like(&[3, 2, 4], "-") && checks::ssn(found.part(0, 3), found.part(3, 5), found.part(5, 9)));
    if national {
        return Some(Kind::NationalId);
    }
    is_national_phone(found).then_some(Kind::Phone)
}

/// Without a country's code: as Americans write it, or with a zero before the area.
fn is_national_phone(found: &Groups) -> bool {
    if found.is_like(&[3, 3, 4], "-.") || found.is_like(&[1, 3, 3, 4], "-.") {
        return matches!(found.digits.first(), Some(1..));
    }
    let [0, second, ..] = found.digits.as_slice() else { return false };
    let has_year = found.sizes.len() > 2 && found.sizes.contains(&4);
    let area = found.sizes[0];
    *second != 0
        && (2..=5).contains(&area)
        && (2..=5).contains(&found.sizes.len())
        && (9..=12).contains(&found.digits.len())
        && found.separators.iter().all(|separator| " -/".contains(*separator))
        && !has_year
}

fn lettered(text: &str) -> Option<(usize, Kind)> {
    let end = text.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(text.len());
    let upper = text[..end].to_ascii_uppercase();
    if (checks::dni(&upper) || checks::codice_fiscale(&upper)) && ends(text, end) {
        return Some((end, Kind::NationalId));
    }
    let length = iban(text)?;
    Some((length, Kind::Iban))
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
        ] {
            assert_eq!(kinds(text), [(kind, value)], "{text}");
        }
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
