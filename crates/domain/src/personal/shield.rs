use super::mask::{mask_text, replace};
use super::scan::{Kind, find};

/// Keeps personal data from a language model. What the question itself names is replaced by stand-ins, which the
/// model's answer may use and which are turned back; everything else is masked for good.
#[derive(Debug, Default)]
pub struct Shield {
    /// Values of the question and what stands for each.
    pairs: Vec<(String, String)>,
}

impl Shield {
    /// For what a question names.
    pub fn new(question: &str) -> Self {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for found in find(question) {
            let value = &question[found.at];
            if pairs.iter().all(|(known, _)| known != value) {
                let stand_in = stand_in(found.kind, pairs.len() + 1);
                pairs.push((value.to_owned(), stand_in));
            }
        }
        Self { pairs }
    }

    /// What a model may see of a text.
    pub fn cover(&self, text: &str) -> String {
        replace(text, &find(text), |_, value| {
            let known = self.pairs.iter().find(|(known, _)| known == value);
            known.map_or_else(|| mask_text(value), |(_, stand_in)| stand_in.clone())
        })
    }

    /// A model's answer with the values that it could not see.
    pub fn uncover(&self, text: &str) -> String {
        self.pairs.iter().fold(text.to_owned(), |text, (value, stand_in)| text.replace(stand_in.as_str(), value))
    }
}

/// Of the same form, so that a model uses it as it would use the value, and belonging to nobody.
fn stand_in(kind: Kind, number: usize) -> String {
    match kind {
        Kind::Email => format!("person{number}.masked@example.invalid"),
        Kind::Phone => format!("PHONE_MASKED_{number}_"),
        Kind::Card => format!("CARD_MASKED_{number}_"),
        Kind::Iban => format!("IBAN_MASKED_{number}_"),
        Kind::NationalId => format!("ID_MASKED_{number}_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_question_names_comes_back_and_nothing_else_goes_out() {
        let question = "Orders of ann@example.org paid with 4111111111111111?";
        let shield = Shield::new(question);
        let seen = shield.cover(&format!("{question} Samples: bob@example.org"));
        for secret in ["ann@", "4111", "bob@example"] {
            assert!(!seen.contains(secret), "{seen}");
        }
        let sql = "SELECT * FROM orders WHERE email = 'person1.masked@example.invalid' AND card = 'CARD_MASKED_2_'";
        let expected = "SELECT * FROM orders WHERE email = 'ann@example.org' AND card = '4111111111111111'";
        assert_eq!(shield.uncover(sql), expected);
    }

    #[test]
    fn text_without_personal_data_is_untouched() {
        let shield = Shield::new("How many orders?");
        assert_eq!((shield.cover("a 1 b"), shield.uncover("a 1 b")), ("a 1 b".into(), "a 1 b".into()));
    }
}
