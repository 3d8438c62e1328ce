//! Ids without a date of birth.

use super::{is_one_digit, number, weighted};

/// Spanish DNI, and NIE with X, Y or Z for the first digit.
pub(in crate::personal) fn dni(text: &str) -> bool {
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
pub(in crate::personal) fn cpf(digits: &[u32]) -> bool {
    let check = |count: usize| {
        let sum: u32 = digits.iter().take(count).zip((2..=count as u32 + 1).rev()).map(|(digit, by)| digit * by).sum();
        (sum * 10) % 11 % 10
    };
    digits.len() == 11 && !is_one_digit(digits) && check(9) == digits[9] && check(10) == digits[10]
}

/// Indian Aadhaar: the Verhoeff scheme over the dihedral group of ten elements.
pub(in crate::personal) fn aadhaar(digits: &[u32]) -> bool {
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
pub(in crate::personal) fn bsn(digits: &[u32]) -> bool {
    let weights = [9, 8, 7, 6, 5, 4, 3, 2, -1_i64];
    let sum: i64 = digits.iter().zip(weights).map(|(digit, weight)| i64::from(*digit) * weight).sum();
    digits.len() == 9 && !is_one_digit(digits) && sum % 11 == 0
}

/// Italian codice fiscale: letters and digits in fixed places, and a letter that checks them.
pub(in crate::personal) fn codice_fiscale(text: &str) -> bool {
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
pub(in crate::personal) fn ssn(area: u32, group: u32, serial: u32) -> bool {
    !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0
}

/// French NIR: sex, year and month of birth, department, commune, order, and a key. The letters of Corsica count as 19
/// and 18 (`2A`, `2B`).
pub(in crate::personal) fn nir(digits: &[u32]) -> bool {
    if digits.len() != 15 {
        return false;
    }
    let (sex, month) = (digits[0], number(&digits[3..5]));
    let born = matches!(sex, 1..=4 | 7 | 8) && matches!(month, 1..=12 | 20..=42 | 50..=99);
    born && 97 - number(&digits[..13]) % 97 == number(&digits[13..])
}

/// German tax id: ISO 7064 (mod 11, 10), and among its first ten digits one stands twice or three times.
pub(in crate::personal) fn steuer_id(digits: &[u32]) -> bool {
    if digits.len() != 11 || digits[0] == 0 {
        return false;
    }
    let mut times = [0_u8; 10];
    digits[..10].iter().for_each(|digit| times[*digit as usize] += 1);
    let repeated: Vec<u8> = times.into_iter().filter(|times| *times > 1).collect();
    let product = digits[..10].iter().fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    matches!(repeated.as_slice(), [2 | 3]) && (11 - product) % 10 == digits[10]
}

/// Turkish TCKN.
pub(in crate::personal) fn tckn(digits: &[u32]) -> bool {
    if digits.len() != 11 || digits[0] == 0 {
        return false;
    }
    let every_other = |from: usize, to: usize| digits[from..to].iter().step_by(2).sum::<u32>();
    let tenth = (every_other(0, 9) * 7 + 100 - every_other(1, 8)) % 10;
    tenth == digits[9] && digits[..10].iter().sum::<u32>() % 10 == digits[10]
}

/// NHS number of England and Wales.
pub(in crate::personal) fn nhs(digits: &[u32]) -> bool {
    const WEIGHTS: [u32; 9] = [10, 9, 8, 7, 6, 5, 4, 3, 2];
    digits.len() == 10 && !is_one_digit(digits) && (11 - weighted(digits, &WEIGHTS) % 11) % 11 == digits[9]
}

/// Japanese My Number.
pub(in crate::personal) fn my_number(digits: &[u32]) -> bool {
    const WEIGHTS: [u32; 11] = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
    if digits.len() != 12 || is_one_digit(digits) {
        return false;
    }
    let rest = weighted(digits, &WEIGHTS) % 11;
    (if rest <= 1 { 0 } else { 11 - rest }) == digits[11]
}

#[cfg(test)]
mod tests {
    use super::super::digits;
    use super::*;

    #[test]
    fn published_examples_pass_and_with_a_changed_digit_they_do_not() {
        for (check, right, wrong) in [
            (cpf as fn(&[u32]) -> bool, ["529.982.247-25", "111.444.777-35"], ["529.982.247-24", "111.444.777-36"]),
            (aadhaar, ["2341 2341 2346", "4991 1866 5246"], ["2341 2341 2347", "4991 1866 5247"]),
            (bsn, ["111222333", "123456782"], ["111222334", "123456781"]),
            (nir, ["255081416802538", "185057800608491"], ["255081416802539", "185137800608491"]),
            (steuer_id, ["86095742719", "47036892816"], ["86095742718", "12345678903"]),
            (tckn, ["10000000146", "12345678950"], ["10000000147", "12345678951"]),
            (nhs, ["943 476 5919", "987 654 3210"], ["943 476 5918", "987 654 3211"]),
            (my_number, ["123456789018", "987654321018"], ["123456789019", "987654321012"]),
        ] {
            for (right, wrong) in right.iter().zip(wrong) {
                assert!(check(&digits(right)) && !check(&digits(wrong)), "{right} {wrong}");
            }
        }
        assert!(dni("12345678Z") && !dni("12345678A") && dni("X1234567L"));
        assert!(codice_fiscale("RSSMRA85T10A562S") && !codice_fiscale("RSSMRA85T10A562T"));
        assert!(ssn(123, 45, 6789) && !ssn(666, 45, 6789) && !ssn(901, 1, 1));
    }
}
