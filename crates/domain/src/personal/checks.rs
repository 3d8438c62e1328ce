//! Check digits of payment cards and bank accounts.

/// Payment cards: the digit sum where every second digit from the right is doubled.
pub(super) fn luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let weighted = digits.iter().rev().enumerate();
    let sum: u32 = weighted.map(|(place, digit)| if place % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    sum.is_multiple_of(10)
}

/// Numbers that card networks give out, by first digits and length.
pub(super) fn is_card(digits: &[u32]) -> bool {
    let head = |count: usize| digits.iter().take(count).fold(0, |number, digit| number * 10 + digit);
    let issued = match digits.len() {
        14 => matches!(head(2), 36 | 38 | 39) || matches!(head(3), 300..=305),
        15 => matches!(head(2), 34 | 37),
        16 => {
            matches!(head(1), 4)
                || matches!(head(2), 51..=55 | 62 | 65)
                || matches!(head(3), 644..=649)
                || matches!(head(4), 2221..=2720 | 3528..=3589 | 6011)
        }
        19 => head(1) == 4 || head(2) == 62,
        _ => false,
    };
    issued && luhn(digits)
}

/// IBAN: letters count from 10, the first four characters go to the end, the remainder by 97 is 1.
pub(super) fn iban(text: &str) -> bool {
    let (head, tail) = match (text.get(..4), text.get(4..)) {
        (Some(head), Some(tail)) => (head, tail),
        _ => return false,
    };
    let mut remainder = 0;
    for character in tail.chars().chain(head.chars()) {
        let Some(value) = character.to_digit(36) else { return false };
        remainder = if value > 9 { remainder * 100 + value } else { remainder * 10 + value } % 97;
    }
    remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u32> {
        text.chars().filter_map(|character| character.to_digit(10)).collect()
    }

    #[test]
    fn published_examples_pass_and_a_changed_digit_does_not() {
        assert!(is_card(&digits("4111 1111 1111 1111")) && !is_card(&digits("4111 1111 1111 1112")));
        assert!(is_card(&digits("378282246310005")) && is_card(&digits("5555555555554444")));
        assert!(iban("DE89370400440532013000") && !iban("DE88370400440532013000"));
        assert!(iban("GB82WEST12345698765432") && iban("NO9386011117947"));
    }
}
