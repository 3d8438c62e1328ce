//! When two questions are the same, so that one run answers both.

use contracts::{BusinessId, ConnectionId, Message, Role};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// All that an answer depends on. Whatever is added to that later must be added here.
#[derive(Serialize)]
struct Sameness<'a> {
    business: &'a BusinessId,
    connection: &'a ConnectionId,
    /// When the schema was read last. The lists of allowed tables, columns and functions follow from it.
    schema_ms: i64,
    policy: &'a Policy,
    question: String,
    conversation: &'a [Message],
}

/// What one asker may see and another may not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Masks go by the role.
    pub role: Option<Role>,
    /// Rules on rows and columns as they are stored, with the asker's values that they may name.
    pub rules: Option<(Value, BTreeMap<String, Value>)>,
}

/// The key under which a question is the same as another that is in flight. `conversation` is what the prompt shows.
pub fn key(
    business: &BusinessId,
    connection: &ConnectionId,
    schema_ms: i64,
    policy: &Policy,
    question: &str,
    conversation: &[Message],
) -> Result<String, serde_json::Error> {
    let question = normalised(question);
    let sameness = Sameness { business, connection, schema_ms, policy, question, conversation };
    let digest = Sha256::digest(serde_json::to_vec(&sameness)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Spaces between words and around them say nothing. Case and punctuation may: they stay.
fn normalised(question: &str) -> String {
    question.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(business: &str, schema_ms: i64, question: &str, conversation: &[Message]) -> String {
        key(&business.into(), &"con_1".into(), schema_ms, &Policy::default(), question, conversation).unwrap()
    }

    #[test]
    fn only_spaces_make_no_difference() {
        let one = of("biz_1", 1, "How many  customers?", &[]);
        assert_eq!(one, of("biz_1", 1, " How many customers?\n", &[]));
        assert_ne!(one, of("biz_1", 1, "how many customers?", &[]));
        assert_eq!(one.len(), 64);
    }

    #[test]
    fn whatever_an_answer_depends_on_makes_a_difference() {
        let said = [Message::user("Only those in Berlin.")];
        let keys = [
            of("biz_1", 1, "How many?", &[]),
            of("biz_2", 1, "How many?", &[]),
            of("biz_1", 2, "How many?", &[]),
            of("biz_1", 1, "How many?", &said),
            of("biz_1", 1, "How much?", &[]),
        ];
        let with = |policy| key(&"biz_1".into(), &"con_1".into(), 1, &policy, "How many?", &[]).unwrap();
        let rules = |user: &str| Some((Value::Null, BTreeMap::from([("id".to_owned(), Value::from(user))])));
        let askers = [
            with(Policy { role: Some(Role::Member), rules: None }),
            with(Policy { role: Some(Role::Manager), rules: None }),
            with(Policy { role: Some(Role::Member), rules: rules("usr_1") }),
            with(Policy { role: Some(Role::Member), rules: rules("usr_2") }),
        ];
        let mut all: Vec<_> = keys.into_iter().chain(askers).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 9);
    }
}
