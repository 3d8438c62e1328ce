//! The hash chain of a business's audit: what is hashed, and what a check of a chain finds.
//!
//! PostgreSQL computes the same text and hash in a trigger (migrations/postgres/0011_audit_chain.sql); a test holds the
//! two together.

mod check;

pub use check::{Checked, Checker, Fault, Finding, Head, Row};

use sha2::{Digest, Sha256};

/// The first field of every text: another format gets another name.
const FORMAT: &str = "askline-audit-1";

/// What stands for the row before the first one.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The fields of a row behind business, number and previous hash, in this order, by the names of their columns.
pub const FIELDS: [&str; 15] = [
    "id",
    "phase",
    "intent_id",
    "user_id",
    "turn_id",
    "hop",
    "attempt",
    "connection_id",
    "question",
    "statement",
    "tables",
    "verdict",
    "row_count",
    "duration_ms",
    "at_ms",
];

/// The text of a row that is hashed. Each field has its length in octets before it, and a missing one is a dash, so that
/// no two rows have the same text.
pub fn text_of<'f>(
    business: &str,
    seq: i64,
    previous: &str,
    fields: impl IntoIterator<Item = Option<&'f str>>,
) -> String {
    let seq = seq.to_string();
    let place = [FORMAT, business, &seq, previous].map(Some);
    let mut text = String::with_capacity(512);
    place.into_iter().for_each(|field| put(&mut text, field));
    fields.into_iter().for_each(|field| put(&mut text, field));
    text
}

fn put(text: &mut String, field: Option<&str>) {
    match field {
        Some(field) => {
            text.push_str(&field.len().to_string());
            text.push(':');
            text.push_str(field);
        }
        None => text.push('-'),
    }
}

/// The hash of a row: SHA-256 of its text, hex.
pub fn hash<'f>(business: &str, seq: i64, previous: &str, fields: impl IntoIterator<Item = Option<&'f str>>) -> String {
    let digest = Sha256::digest(text_of(business, seq, previous, fields).as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_where_each_field_ends() {
        let text = text_of("biz", 1, GENESIS, [Some("a:1"), None, Some(""), Some("ü\n")]);
        assert_eq!(text, format!("15:{FORMAT}3:biz1:164:{GENESIS}3:a:1-0:3:ü\n"));
    }

    #[test]
    fn fields_that_read_alike_joined_have_different_hashes() {
        let pairs = [["ab", "c"], ["a", "bc"], ["", "abc"], ["1:a", "bc"]];
        let hashes: std::collections::BTreeSet<_> =
            pairs.iter().map(|pair| hash("biz", 1, GENESIS, pair.map(Some))).collect();
        assert_eq!(hashes.len(), pairs.len());
        assert_ne!(hash("biz", 1, GENESIS, [None]), hash("biz", 1, GENESIS, [Some("")]));
        assert_ne!(hash("biz", 1, GENESIS, [None]), hash("biz", 1, GENESIS, [Some("-")]));
    }

    #[test]
    fn the_hash_is_sha_256_of_the_text() {
        // printf '15:askline-audit-13:biz1:164:000…0001:a' | sha256sum
        let expected = "ecc2c784a8d908e5afcda8dcf1c00b584ead3156ad54818a9511fa4e1b4a35af";
        assert_eq!(hash("biz", 1, GENESIS, [Some("a")]), expected);
    }
}
