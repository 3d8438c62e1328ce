//! Numbers by which states know people, by their published check digits.

mod dated;
mod plain;

pub(super) use dated::{chinese_id, hetu, personnummer, rrn, za_id};
pub(super) use plain::{aadhaar, codice_fiscale, cpf, dni, my_number, nhs, nir, ssn};

type Check = fn(&[u32]) -> bool;

/// Those that are digits alone, so that nothing but their column tells them from other numbers: how many digits they
/// have, and their check. An NHS number is checked as an ISBN is, so it takes more than its check.
const BARE: [(usize, Check); 11] = [
    (9, plain::bsn),
    (11, plain::cpf),
    (11, dated::pesel),
    (11, plain::steuer_id),
    (11, plain::tckn),
    (12, plain::aadhaar),
    (12, plain::my_number),
    (13, dated::rrn),
    (13, dated::za_id),
    (15, plain::nir),
    (10, dated::personnummer),
];
const BARE_BY_NAME: [(usize, Check); 2] = [(10, plain::nhs), (12, dated::personnummer)];
/// Zeros that a number loses in front when it is kept as one.
const LOST_ZEROS: usize = 2;

/// Whether one check fits all of these numbers. `told` is whether the name of their column speaks for it too.
pub(super) fn all_bare(values: &[Vec<u32>], told: bool) -> bool {
    let by_name: &[(usize, Check)] = if told { &BARE_BY_NAME } else { &[] };
    let mut checks = BARE.iter().chain(by_name);
    checks.any(|(length, check)| values.iter().all(|digits| is_one(digits, *length, *check)))
}

fn is_one(digits: &[u32], length: usize, check: Check) -> bool {
    let lost = length.saturating_sub(digits.len());
    if digits.len() > length || lost > LOST_ZEROS {
        return false;
    }
    let whole: Vec<u32> = std::iter::repeat_n(0, lost).chain(digits.iter().copied()).collect();
    check(&whole)
}

fn is_one_digit(digits: &[u32]) -> bool {
    digits.windows(2).all(|pair| pair[0] == pair[1])
}

fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit))
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

#[cfg(test)]
fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|character| character.to_digit(10)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(texts: &[&str]) -> Vec<Vec<u32>> {
        texts.iter().map(|text| digits(text)).collect()
    }

    #[test]
    fn a_column_of_ids_is_known_although_numbers_have_lost_zeros() {
        assert!(all_bare(&column(&["52998224725", "11144477735", "1234567890"]), false), "01234567890 is a CPF");
        assert!(!all_bare(&column(&["52998224725", "11144477736"]), false));
        assert!(!all_bare(&column(&["52998224725", "111222333"]), false), "each fits another check");
    }

    #[test]
    fn what_a_book_may_be_takes_the_word_of_the_columns_name() {
        let numbers = column(&["9434765919", "0306406152"]);
        assert!(!all_bare(&numbers, false));
        assert!(all_bare(&numbers, true));
    }
}
