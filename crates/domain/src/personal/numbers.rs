//! Telephone numbers, cards and ids that begin with a digit, and telephone numbers with a country's code.

use super::scan::{Kind, ends};
use super::{checks, ids};

/// More digits than any value has.
const MOST_DIGITS: usize = 40;

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
        if found.digits.len() > MOST_DIGITS {
            break;
        }
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
        self.sizes == sizes && self.is_split_by(separators)
    }

    fn is_split_by(&self, separators: &str) -> bool {
        self.separators.iter().all(|separator| separators.contains(*separator))
    }

    fn part(&self, from: usize, to: usize) -> u32 {
        self.digits[from..to].iter().fold(0, |number, digit| number * 10 + digit)
    }
}

/// With a country's code: up to 15 digits, written in any of the usual ways.
pub(super) fn phone(text: &str) -> Option<usize> {
    let (mut digits, mut gap, mut length) = (0, 0, 1);
    for (at, character) in text.char_indices().skip(1) {
        if digits > MOST_DIGITS {
            break;
        }
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
pub(super) fn bracketed_phone(text: &str) -> Option<usize> {
    let (area, rest) = text.strip_prefix('(')?.split_once(')')?;
    let blank = rest.len() - rest.trim_start_matches(' ').len();
    let found = groups(rest.trim_start_matches(' '), " -.");
    let is_area = (2..=5).contains(&area.len()) && area.bytes().all(|byte| byte.is_ascii_digit());
    let length = area.len() + 2 + blank + found.length;
    (is_area && blank <= 1 && (6..=9).contains(&found.digits.len()) && ends(text, length)).then_some(length)
}

pub(super) fn number(text: &str) -> Option<(usize, Kind)> {
    let joined = groups(text, "");
    if let Some(length) = with_letter(text, &joined).or_else(|| with_sign(text, &joined)) {
        return Some((length, Kind::NationalId));
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
fn with_letter(text: &str, joined: &Groups) -> Option<usize> {
    let found = text.get(..joined.length + 1).filter(|_| matches!(joined.digits.len(), 8 | 17))?;
    let upper = found.to_ascii_uppercase();
    ((ids::dni(&upper) || ids::chinese_id(&upper)) && ends(text, found.len())).then_some(found.len())
}

/// A date, a sign that tells its century, and more: a Finnish or a Swedish id.
fn with_sign(text: &str, joined: &Groups) -> Option<usize> {
    let known = match joined.digits.len() {
        6 if text.get(..11).is_some_and(|text| ids::hetu(&text.to_ascii_uppercase())) => 11,
        // The sign of who is a hundred years old.
        6 if text[6..].starts_with('+') => {
            let rest = groups(&text[7..], "");
            let all: Vec<u32> = joined.digits.iter().chain(&rest.digits).copied().collect();
            if ids::personnummer(&all) { 7 + rest.length } else { return None }
        }
        _ => return None,
    };
    ends(text, known).then_some(known)
}

fn kind_of(found: &Groups) -> Option<Kind> {
    let digits = &found.digits;
    let alone = found.separators.is_empty();
    let in_fours = found.separators.iter().all(|separator| " -".contains(*separator))
        && (found.sizes == [4, 6, 5] || found.sizes.iter().rev().skip(1).all(|size| *size == 4));
    if (alone || in_fours) && checks::is_card(digits) {
        return Some(Kind::Card);
    }
    if is_national_id(found) {
        return Some(Kind::NationalId);
    }
    is_national_phone(found).then_some(Kind::Phone)
}

/// In the groups that it is written in. What is digits alone is told by its column.
fn is_national_id(found: &Groups) -> bool {
    let digits = &found.digits;
    let text: String = digits.iter().filter_map(|digit| char::from_digit(*digit, 10)).collect();
    match found.sizes.as_slice() {
        [18] => ids::chinese_id(&text),
        [3, 3, 3, 2] => found.separators == ['.', '.', '-'] && ids::cpf(digits),
        [4, 4, 4] => found.is_split_by(" -") && (ids::aadhaar(digits) || ids::my_number(digits)),
        [3, 2, 4] => found.is_split_by("-") && ids::ssn(found.part(0, 3), found.part(3, 5), found.part(5, 9)),
        [6 | 8, 4] => found.is_split_by("-") && ids::personnummer(digits),
        [6, 7] => found.is_split_by("-") && ids::rrn(digits),
        [6, 4, 3] => found.is_split_by(" ") && ids::za_id(digits),
        [1, 2, 2, 2, 3, 3] | [1, 2, 2, 2, 3, 3, 2] => found.is_split_by(" .") && ids::nir(digits),
        [3, 3, 4] => found.is_split_by(" ") && ids::nhs(digits),
        _ => false,
    }
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
