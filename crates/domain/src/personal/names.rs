//! Names of columns that hold personal data or secrets.

/// Words that mean a person alone: a column called so is neither sampled nor shown.
const PERSON: [&str; 62] = [
    "email",
    "mail",
    "phone",
    "phonenumber",
    "tel",
    "telephone",
    "mobile",
    "cellphone",
    "fax",
    "iban",
    "bic",
    "cardnumber",
    "creditcard",
    "cardno",
    "cvv",
    "cvc",
    "password",
    "passwd",
    "pwd",
    "secret",
    "apikey",
    "dob",
    "birthdate",
    "birthday",
    "dateofbirth",
    "passport",
    // What states know people by.
    "aadhaar",
    "bsn",
    "citizenid",
    "codicefiscale",
    "cpf",
    "dni",
    "fiscalcode",
    "henkilotunnus",
    "hetu",
    "identitynumber",
    "kimlikno",
    "mynumber",
    "nationalid",
    "nationalidnumber",
    "nationalnumber",
    "nhsno",
    "nhsnumber",
    "nie",
    "nir",
    "personalcode",
    "personalnumber",
    "personnr",
    "personnummer",
    "pesel",
    "residentid",
    "rrn",
    "socialsecurity",
    "socialsecuritynumber",
    "ssn",
    "steueridentnummer",
    "steuerid",
    "steueridnr",
    "taxid",
    "tckimlik",
    "tckn",
    "tcno",
];
/// Words that may mean something else in the column of a result (`address`, `token`), but are not worth a sample.
const NOT_SAMPLED: [&str; 9] = ["cell", "card", "pin", "pass", "street", "salt", "hash", "login", "username"];
/// The same, found anywhere in a name.
const STEMS: [&str; 11] = [
    "email",
    "phone",
    "passw",
    "passport",
    "address",
    "birth",
    "creditcard",
    "cardnumber",
    "secret",
    "apikey",
    "token",
];
/// What a name ends with when it counts or describes personal data: `email_count`, `phone_type`.
const ABOUT: [&str; 22] = [
    "count", "counts", "total", "sum", "avg", "average", "share", "rate", "percent", "pct", "type", "kind", "status",
    "domain", "provider", "verified", "country", "city", "state", "region", "id", "year",
];
/// Words of a name whose column may hold numbers of people. Its values have the last word.
const MAY_BE: [&str; 12] = [
    "national",
    "identity",
    "citizen",
    "resident",
    "tax",
    "fiscal",
    "insurance",
    "social",
    "person",
    "personal",
    "patient",
    "nhs",
];

/// Whether a column's name looks personal or secret, so that none of its values is kept as a sample.
pub fn is_personal_name(column: &str) -> bool {
    let words = words(column);
    let joined = words.concat();
    means_a_person(&words)
        || STEMS.iter().any(|stem| joined.contains(stem))
        || words.iter().any(|word| NOT_SAMPLED.contains(&word.as_str()))
}

/// Whether a result's column holds personal data whatever its values look like. What is computed from such a column
/// (`count(email)`) is not personal by its name.
pub fn names_personal_values(column: &str) -> bool {
    let words = words(column);
    let (Some(last), false) = (words.last(), column.contains('(')) else { return false };
    let is_about = words.len() > 1 && ABOUT.contains(&last.as_str());
    // `tax_id` ends with one of these words, and is a word of its own.
    let own = |from: &usize| is_person(&words[*from..].concat());
    means_a_person(&words) && (!is_about || (0..words.len()).any(|from| own(&from)))
}

/// Whether numbers that a check digit speaks for are those of people, by the name of their column.
pub(super) fn may_name_ids(column: &str) -> bool {
    words(column).iter().any(|word| MAY_BE.contains(&word.as_str()))
}

fn is_person(word: &str) -> bool {
    PERSON.contains(&word)
}

/// Whether some of the words, one to three in a row or all of them, mean a person.
fn means_a_person(words: &[String]) -> bool {
    let runs = (1..=3).flat_map(|length| words.windows(length)).chain([words]);
    runs.map(<[String]>::concat).any(|word| is_person(&word))
}

/// `customerCardNo`, `customer_card_no` and `Customer Card No` are the same words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for character in name.chars() {
        let splits = !character.is_alphanumeric() || (after_lower && character.is_uppercase());
        if splits {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
            word.extend(character.to_lowercase());
        }
        after_lower = character.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_names_are_seen() {
        for name in [
            "email",
            "customerEmail",
            "E-Mail",
            "phone_number",
            "PHONE",
            "password_hash",
            "ssn",
            "card_no",
            "creditCard",
            "IBAN",
            "home_address",
            "date_of_birth",
            "birthday",
            "taxId",
            "token_value",
            "cpf",
            "bsn",
            "aadhaar_no",
            "dni",
            "PESEL",
            "nationalId",
        ] {
            assert!(is_personal_name(name), "{name}");
        }
    }

    #[test]
    fn harmless_names_are_not() {
        for name in [
            "name",
            "city",
            "country",
            "discarded",
            "status",
            "category",
            "cardinality",
            "description",
            "hotel",
            "spinner",
            "denied",
            "tokyo_office",
            "order_id",
        ] {
            assert!(!is_personal_name(name), "{name}");
        }
    }

    #[test]
    fn whatever_is_masked_in_a_result_is_never_sampled() {
        for name in PERSON {
            assert!(names_personal_values(name) && is_personal_name(name), "{name}");
        }
    }

    #[test]
    fn results_about_personal_columns_are_not_personal() {
        for name in
            ["email", "CustomerEmail", "phone_number", "Date of Birth", "passwordHash", "e_mail", "cpf", "tax_id"]
        {
            assert!(names_personal_values(name), "{name}");
        }
        for name in
            ["count(email)", "email_count", "phone_type", "emailDomain", "city", "mailing", "detail", "email_id"]
        {
            assert!(!names_personal_values(name), "{name}");
        }
    }
}
