//! Errors of drivers, as people outside the operation may read them: without addresses and keys.

const HIDDEN: &str = "…";
/// What stands before the value of a secret, in either case of letters.
const SECRETS: &[&str] =
    &["password=", "passwd=", "pwd=", "token=", "api_key=", "apikey=", "secret=", "authorization:"];

/// The text without URLs, addresses of servers, and values that are named as secrets.
pub fn redact(text: &str) -> String {
    let mut hide_next = false;
    let words = text.split_inclusive(char::is_whitespace).map(|piece| {
        let word = piece.trim_end();
        let shown = if hide_next { HIDDEN.to_owned() } else { redacted(word) };
        hide_next = word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("authorization:");
        shown + &piece[word.len()..]
    });
    words.collect()
}

fn redacted(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    if let Some(scheme) = lower.find("://") {
        return format!("{}://{HIDDEN}", &word[..scheme]);
    }
    if let Some(end) = SECRETS.iter().find_map(|name| Some(lower.find(name)? + name.len())) {
        return format!("{}{HIDDEN}", &word[..end]);
    }
    let inner = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if inner.starts_with("sk-") || is_address(inner) {
        return word.replacen(inner, HIDDEN, 1);
    }
    word.to_owned()
}

/// `10.0.0.7`, `10.0.0.7:5432`, `db.internal:5432`.
fn is_address(word: &str) -> bool {
    let (host, port) = word.split_once(':').unwrap_or((word, ""));
    let is_ip = host.split('.').count() == 4 && host.split('.').all(|part| part.parse::<u8>().is_ok());
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_named = port.len() >= 2 && port.parse::<u16>().is_ok() && host.chars().all(is_host);
    is_ip || is_named && host.contains(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_secrets_are_hidden_and_the_sentence_stays() {
        for (said, shown) in [
            ("store: claim: unavailable: db.internal:5432 refused", "store: claim: unavailable: … refused"),
            ("amqp://guest:guest@10.0.0.7:5672 is away", "amqp://… is away"),
            ("(10.0.0.7:5432) timed out", "(…) timed out"),
            ("user=x password=hunter2 failed", "user=x password=… failed"),
            ("Authorization: Bearer abc.def", "Authorization:… … …"),
            ("key sk-live-123, refused", "key …, refused"),
            ("column \"total\" does not exist at 12:30", "column \"total\" does not exist at 12:30"),
            ("zeile 1\nline 2\tüber", "zeile 1\nline 2\tüber"),
        ] {
            assert_eq!(redact(said), shown);
        }
    }
}
