use super::scan::{Found, Kind, find};

/// What stands for a value of which nothing may be shown.
pub(super) const HIDDEN: &str = "***";

/// A text without its personal data. Enough is left to tell two values apart at a glance, and not to use either.
pub fn mask_text(text: &str) -> String {
    replace(text, &find(text), masked)
}

pub(super) fn replace(text: &str, found: &[Found], by: impl Fn(Kind, &str) -> String) -> String {
    let mut result = String::with_capacity(text.len());
    let mut clear_from = 0;
    for Found { at, kind } in found {
        result.push_str(&text[clear_from..at.start]);
        result.push_str(&by(*kind, &text[at.clone()]));
        clear_from = at.end;
    }
    result.push_str(&text[clear_from..]);
    result
}

fn masked(kind: Kind, value: &str) -> String {
    let last = |count: usize| {
        let characters: Vec<char> = value.chars().filter(|character| character.is_alphanumeric()).collect();
        characters[characters.len().saturating_sub(count)..].iter().collect::<String>()
    };
    match kind {
        Kind::Email => {
            let first: String = value.chars().take(1).collect();
            let top = value.rsplit_once('.').map_or("", |(_, top)| top);
            format!("{first}{HIDDEN}@{HIDDEN}.{top}")
        }
        Kind::Phone => format!("{HIDDEN}{}", last(2)),
        Kind::Card | Kind::Iban => format!("{HIDDEN} {}", last(4)),
        Kind::NationalId => HIDDEN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_leaves_a_hint() {
        let text = "ann@example.org has 4111 1111 1111 1111, DE89370400440532013000, +49 30 1234567 and 123-45-6789.";
        let masked = mask_text(text);
        assert_eq!(masked, "a***@***.org has *** 1111, *** 3000, ***67 and ***.");
        assert_eq!(mask_text(&masked), masked);
    }

    #[test]
    fn other_text_is_left_as_it_is() {
        let text = "Order 1790000000123 of 2026-01-01 10:00:00, 550e8400-e29b-41d4-a716-446655440000: ünïcödé";
        assert_eq!(mask_text(text), text);
    }
}
