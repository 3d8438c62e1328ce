//! Names of columns that hold personal data or secrets.

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
pub fn is_personal_name(column: &str) -> bool {
    let words = words(column);
    let joined = words.concat();
    let name = column.to_lowercase();
    STEMS.iter().any(|stem| name.contains(stem) || joined.contains(stem))
        || words.iter().any(|word| WORDS.contains(&word.as_str()))
}

/// What a name ends with when it counts or describes personal data: `email_count`, `phone_type`.
const ABOUT: [&str; 22] = [
    "count", "counts", "total", "sum", "avg", "average", "share", "rate", "percent", "pct", "type", "kind", "status",
    "domain", "provider", "verified", "country", "city", "state", "region", "id", "year",
];
/// Words that mean a person alone; a result's column may be called by others without naming anybody (`address`, `token`).
const PERSON: [&str; 33] = [
    "email",
    "mail",
    "phone",
    "phonenumber",
    "tel",
    "telephone",
    "mobile",
    "cellphone",
    "fax",
    "ssn",
    "iban",
    "bic",
    "cardnumber",
    "creditcard",
    "cardno",
    "cvv",
    "cvc",
    "passport",
    "taxid",
    "socialsecurity",
    "password",
    "passwd",
    "pwd",
    "dob",
    "birthdate",
    "birthday",
    "dateofbirth",
    "secret",
    "apikey",
    "cpf",
    "dni",
    "bsn",
    "aadhaar",
];

/// Whether a result's column holds personal data whatever its values look like. What is computed from such a column
/// (`count(email)`) is not personal by its name.
pub(super) fn names_personal_values(column: &str) -> bool {
    if column.contains('(') {
        return false;
    }
    let words = words(column);
    if words.len() > 1 && words.last().is_some_and(|last| ABOUT.contains(&last.as_str())) {
        return false;
    }
    let joined = words.concat();
    let pairs = words.windows(2).map(<[String]>::concat);
    let triples = words.windows(3).map(<[String]>::concat);
    let mut all = words.iter().cloned().chain(pairs).chain(triples).chain([joined]);
    all.any(|word| PERSON.contains(&word.as_str()))
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
    fn results_about_personal_columns_are_not_personal() {
        for name in ["email", "CustomerEmail", "phone_number", "Date of Birth", "passwordHash", "e_mail", "cpf"] {
            assert!(names_personal_values(name), "{name}");
        }
        for name in ["count(email)", "email_count", "phone_type", "emailDomain", "city", "mailing", "detail"] {
            assert!(!names_personal_values(name), "{name}");
        }
    }
}
