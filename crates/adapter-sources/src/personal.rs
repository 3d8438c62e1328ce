//! Sample values go into prompts, so they leave the house. Values that tell who a person is must not: columns whose
//! name says so are not sampled, nor are values that have the form of an e-mail address.

/// Found anywhere in a name.
const STEMS: [&str; 13] = [
    "email",
    "e_mail",
    "phone",
    "passw",
    "passport",
    "address",
    "birth",
    "creditcard",
    "cardnumber",
    "secret",
    "apikey",
    "socialsecurity",
    "taxid",
];
/// Found only as a word of a name, because they occur inside harmless ones (`discard`, `caliban`).
const WORDS: [&str; 21] = [
    "mail", "tel", "mobile", "cell", "fax", "pwd", "pass", "ssn", "iban", "bic", "card", "cvv", "cvc", "pin", "dob",
    "street", "token", "salt", "hash", "login", "username",
];

/// Whether a column's name looks personal or secret.
pub(crate) fn is_personal_name(column: &str) -> bool {
    let words = words(column);
    let joined = words.concat();
    let name = column.to_lowercase();
    STEMS.iter().any(|stem| name.contains(stem) || joined.contains(stem))
        || words.iter().any(|word| WORDS.contains(&word.as_str()))
}

/// Whether a value has the form of an e-mail address, in a column whose name does not say so.
pub(crate) fn is_personal_value(value: &str) -> bool {
    value
        .split_whitespace()
        .any(|word| word.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.')))
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
        ] {
            assert!(!is_personal_name(name), "{name}");
        }
    }

    #[test]
    fn an_email_is_seen_in_any_column() {
        assert!(is_personal_value("write to ann@example.org please"));
        assert!(!is_personal_value("3 @ 4.50"));
    }
}
