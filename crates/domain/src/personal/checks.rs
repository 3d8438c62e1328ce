//! Check digits.

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

/// Spanish DNI, and NIE with X, Y or Z for the first digit.
pub(super) fn dni(text: &str) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let (Some(number), Some(letter)) = (text.get(..8), text.get(8..)) else { return false };
    let number = match number.as_bytes()[0] {
        b'X' => format!("0{}", &number[1..]),
        b'Y' => format!("1{}", &number[1..]),
        b'Z' => format!("2{}", &number[1..]),
        _ => number.to_owned(),
    };
    let expected = number.parse::<usize>().ok().map(|number| LETTERS[number % LETTERS.len()]);
    expected.is_some_and(|expected| letter.as_bytes() == [expected])
}

/// Brazilian CPF.
pub(super) fn cpf(digits: &[u32]) -> bool {
    let check = |count: usize| {
        let sum: u32 = digits.iter().take(count).zip((2..=count as u32 + 1).rev()).map(|(digit, by)| digit * by).sum();
        (sum * 10) % 11 % 10
    };
    digits.len() == 11 && !is_one_digit(digits) && check(9) == digits[9] && check(10) == digits[10]
}

/// Chinese resident identity card: a date of birth, and a check digit that may be X.
pub(super) fn chinese_id(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10X98765432";
    let number = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    let born = (1900..=2100).contains(&number(6, 10)) && (1..=12).contains(&number(10, 12));
    if text.len() != 18 || !born || !(1..=31).contains(&number(12, 14)) || text.starts_with('0') {
        return false;
    }
    let digits: Vec<u32> = text.chars().take(17).filter_map(|digit| digit.to_digit(10)).collect();
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    digits.len() == 17 && CHECKS[sum as usize % 11] == text.as_bytes()[17].to_ascii_uppercase()
}

/// Indian Aadhaar: the Verhoeff scheme over the dihedral group of ten elements.
pub(super) fn aadhaar(digits: &[u32]) -> bool {
    const TURNS: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    if digits.len() != 12 || digits[0] < 2 || is_one_digit(digits) {
        return false;
    }
    let turned = |digit: u32, times: usize| (0..times % 8).fold(digit, |digit, _| TURNS[digit as usize]);
    digits.iter().rev().enumerate().fold(0, |sum, (place, digit)| combined(sum, turned(*digit, place))) == 0
}

/// The product of two elements of the group: rotations below 5, reflections from 5.
fn combined(one: u32, other: u32) -> u32 {
    match (one < 5, other < 5) {
        (true, true) => (one + other) % 5,
        (true, false) => (one + other - 5) % 5 + 5,
        (false, true) => (one - 5 + 5 - other) % 5 + 5,
        (false, false) => (one + 5 - other) % 5,
    }
}

/// Dutch BSN: weights from 9 to 2, the last digit counts against.
pub(super) fn bsn(digits: &[u32]) -> bool {
    let weights = [9, 8, 7, 6, 5, 4, 3, 2, -1_i64];
    let sum: i64 = digits.iter().zip(weights).map(|(digit, weight)| i64::from(*digit) * weight).sum();
    digits.len() == 9 && !is_one_digit(digits) && sum % 11 == 0
}

/// Italian codice fiscale: letters and digits in fixed places, and a letter that checks them.
pub(super) fn codice_fiscale(text: &str) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let bytes = text.as_bytes();
    let shape = b"LLLLLLDDLDDLDDDL";
    let fits = |(byte, kind): (&u8, &u8)| if *kind == b'L' { byte.is_ascii_uppercase() } else { byte.is_ascii_digit() };
    if bytes.len() != shape.len() || !bytes.iter().zip(shape).all(fits) {
        return false;
    }
    let value = |byte: u8| u32::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' });
    let weigh = |(place, byte): (usize, &u8)| {
        let value = value(*byte);
        if place % 2 == 0 { ODD[value as usize] } else { value }
    };
    let sum: u32 = bytes[..15].iter().enumerate().map(weigh).sum();
    sum % 26 == value(bytes[15])
}

/// US social security number: its three parts are never zero, and some areas were never given out.
pub(super) fn ssn(area: u32, group: u32, serial: u32) -> bool {
    !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0
}

fn is_one_digit(digits: &[u32]) -> bool {
    digits.windows(2).all(|pair| pair[0] == pair[1])
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
        assert!(dni("12345678Z") && !dni("12345678A") && dni("X1234567L"));
        assert!(cpf(&digits("529.982.247-25")) && !cpf(&digits("529.982.247-24")));
        assert!(chinese_id("11010519491231002X") && !chinese_id("110105194912310021"));
        assert!(aadhaar(&digits("2341 2341 2346")) && !aadhaar(&digits("2341 2341 2347")));
        assert!(bsn(&digits("111222333")) && !bsn(&digits("111222334")));
        assert!(codice_fiscale("RSSMRA85T10A562S") && !codice_fiscale("RSSMRA85T10A562T"));
        assert!(ssn(123, 45, 6789) && !ssn(666, 45, 6789) && !ssn(901, 1, 1));
    }
}
