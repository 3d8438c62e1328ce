//! Ids that hold a date of birth.

use super::{is_one_digit, number, weighted};
use crate::personal::checks::luhn;

fn is_date(month: u64, day: u64) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// Six digits of a date, the year first.
fn is_dated(digits: &[u32]) -> bool {
    digits.len() >= 6 && is_date(number(&digits[2..4]), number(&digits[4..6]))
}

/// Polish PESEL: the century of the birth is added to its month.
pub(in crate::personal) fn pesel(digits: &[u32]) -> bool {
    const WEIGHTS: [u32; 10] = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3];
    digits.len() == 11
        && is_date(number(&digits[2..4]) % 20, number(&digits[4..6]))
        && !is_one_digit(digits)
        && (10 - weighted(digits, &WEIGHTS) % 10) % 10 == digits[10]
}

/// Swedish personnummer, of 10 digits, or of 12 with the century. Of foreigners 60 is added to the day.
pub(in crate::personal) fn personnummer(digits: &[u32]) -> bool {
    let short = match digits.len() {
        10 => digits,
        12 if matches!(number(&digits[..2]), 18..=20) => &digits[2..],
        _ => return false,
    };
    let day = number(&short[4..6]);
    is_date(number(&short[2..4]), if day > 60 { day - 60 } else { day }) && luhn(short)
}

/// Finnish henkilötunnus: `DDMMYY`, a sign for the century, three digits, and a letter or digit that checks them.
pub(in crate::personal) fn hetu(text: &str) -> bool {
    const SIGNS: &str = "+-ABCDEFUVWXY";
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    if text.len() != 11 || !text.is_ascii() || !SIGNS.contains(&text[6..7]) {
        return false;
    }
    let Ok(all) = format!("{}{}", &text[..6], &text[7..10]).parse::<u64>() else { return false };
    let (day, month) = (all / 10_000_000, all / 100_000 % 100);
    let is_number = text[..6].bytes().chain(text[7..10].bytes()).all(|byte| byte.is_ascii_digit());
    is_number && is_date(month, day) && all % 1_000 >= 2 && CHECKS[(all % 31) as usize] == text.as_bytes()[10]
}

/// South Korean resident registration number. That of a foreigner is checked by another rest.
pub(in crate::personal) fn rrn(digits: &[u32]) -> bool {
    const WEIGHTS: [u32; 12] = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];
    if digits.len() != 13 || !is_dated(digits) {
        return false;
    }
    let base = if (5..=8).contains(&digits[6]) { 13 } else { 11 };
    (base - weighted(digits, &WEIGHTS) % 11) % 10 == digits[12]
}

/// South African id: a date, who it is, whether a citizen, and the check digit of payment cards.
pub(in crate::personal) fn za_id(digits: &[u32]) -> bool {
    digits.len() == 13 && is_dated(digits) && digits[10] <= 2 && luhn(digits)
}

/// Chinese resident identity card: a date of birth, and a check digit that may be X.
pub(in crate::personal) fn chinese_id(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10X98765432";
    let digits: Vec<u32> = text.chars().take(17).filter_map(|digit| digit.to_digit(10)).collect();
    if text.len() != 18 || digits.len() != 17 || digits[0] == 0 {
        return false;
    }
    let born = (1900..=2100).contains(&number(&digits[6..10]));
    let check = CHECKS[weighted(&digits, &WEIGHTS) as usize % 11];
    born && is_date(number(&digits[10..12]), number(&digits[12..14]))
        && check == text.as_bytes()[17].to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::super::digits;
    use super::*;

    #[test]
    fn made_up_ids_pass_and_with_a_changed_digit_they_do_not() {
        for (check, right, wrong) in [
            (pesel as fn(&[u32]) -> bool, ["44051401359", "02070803628"], ["44051401358", "02070803627"]),
            (personnummer, ["8112289874", "198112289874"], ["8112289873", "178112289874"]),
            (rrn, ["9001011234568", "8503125234568"], ["9001011234567", "8503125234566"]),
            (za_id, ["8001015009087", "9202204720083"], ["8001015009086", "8013015009087"]),
        ] {
            for (right, wrong) in right.iter().zip(wrong) {
                assert!(check(&digits(right)) && !check(&digits(wrong)), "{right} {wrong}");
            }
        }
        assert!(hetu("131052-308T") && hetu("010594Y9032") && !hetu("131052-308U") && !hetu("131352-308T"));
        assert!(chinese_id("11010519491231002X") && !chinese_id("110105194912310021"));
    }
}
