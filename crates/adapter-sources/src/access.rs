//! Reads connection URLs. No message of here repeats a part of one other than a parameter's name.

use ports::source::Error;
use std::path::PathBuf;

/// Parameters that the driver writes into a statement as they are.
const ZONE: [&str; 2] = ["timezone", "time-zone"];

/// What is known of a URL before it is used.
pub(crate) struct Url {
    /// Without one, the driver would take the password of this process's own environment.
    pub(crate) has_password: bool,
}

/// Checks that a server's URL names user, host and database, and nothing that we do not know.
pub(crate) fn check(url: &str, schemes: &[&str], parameters: &[&str]) -> Result<Url, Error> {
    let example = format!("use {}://user:password@host:port/database", schemes[0]);
    let Some((scheme, rest)) = url.split_once("://") else { return Err(Error::Settings(example)) };
    if !schemes.contains(&scheme) {
        return Err(Error::Settings(example));
    }
    let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = location.split_once('/').unwrap_or((location, ""));
    let Some((user, host)) = authority.rsplit_once('@') else {
        return Err(Error::Settings(format!("the URL names no user; {example}")));
    };
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    for (part, what) in [(name, "user"), (host, "host"), (database, "database")] {
        if part.is_empty() {
            return Err(Error::Settings(format!("the URL names no {what}; {example}")));
        }
    }
    check_parameters(query, parameters)?;
    Ok(Url { has_password: !password.is_empty() })
}

fn check_parameters(query: &str, known: &[&str]) -> Result<(), Error> {
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if ZONE.contains(&name) && !is_zone(value) {
            return Err(Error::Settings(format!(
                "the URL's parameter `{name}` is no time zone; use one such as %2B02:00"
            )));
        }
        if !known.contains(&name) {
            let known = known.join(", ");
            return Err(Error::Settings(format!(
                "the URL's parameter `{name}` is not known or may not be set; leave it out, known are {known}"
            )));
        }
    }
    Ok(())
}

fn is_zone(value: &str) -> bool {
    let plain =
        value.replace("%2B", "+").replace("%2b", "+").replace("%2F", "/").replace("%2f", "/").replace("%3A", ":");
    let plain = plain.replace("%3a", ":");
    !plain.is_empty() && plain.chars().all(|c| c.is_ascii_alphanumeric() || "_/+-:".contains(c))
}

/// A socket leads to this machine past its network, often to a server that asks for no password there.
pub(crate) fn must_be_a_host(socket: Option<&PathBuf>, host: &str) -> Result<(), Error> {
    if socket.is_some() || host.starts_with('/') || host.to_lowercase().starts_with("%2f") {
        let sentence = "the URL names a socket of this machine; name the server's host and port";
        return Err(Error::Settings(sentence.to_owned()));
    }
    Ok(())
}

/// The reader's own message, which may quote the URL, is not repeated.
pub(crate) fn unreadable(error: sqlx::Error) -> Error {
    let reason = match error {
        sqlx::Error::Configuration(_) => {
            "a special character in user or password must be written as %XX, such as %40 for @"
        }
        _ => "it is no URL",
    };
    Error::Settings(format!("the URL cannot be read: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        check(url, &["postgres", "postgresql"], &["sslmode"]).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(refusal("localhost").contains("postgres://user"));
        assert!(refusal("mysql://a@b/c").contains("postgres://user"));
        assert!(refusal("postgres://b/c").contains("no user"));
        assert!(refusal("postgres://a@/c").contains("no host"));
        assert!(refusal("postgres://a@b").contains("no database"));
        assert!(refusal("postgres://a@b/c?password=hush").contains("`password` is not known"));
    }

    #[test]
    fn a_refusal_repeats_no_password() {
        assert!(!refusal("postgres://a:hush@b/").contains("hush"));
        assert!(!refusal("postgres://a@b/c?password=hush").contains("hush"));
    }

    #[test]
    fn a_time_zone_is_nothing_else() {
        let zone = |value: &str| check(&format!("mysql://a@b/c?timezone={value}"), &["mysql"], &["timezone"]).is_ok();
        assert!(zone("%2B02:00") && zone("Europe/Berlin") && zone("-03:30") && zone("SYSTEM"));
        assert!(!zone("") && !zone("x'") && !zone("UTC%27,sql_mode=%27ANSI_QUOTES") && !zone("a%5C"));
    }

    #[test]
    fn a_whole_url_passes() {
        assert_eq!(refusal("postgresql://a@b:1/c?sslmode=require"), "");
        assert!(check("postgres://a:p@ss@b/c", &["postgres"], &[]).is_ok_and(|url| url.has_password));
        assert!(check("postgres://a:@b/c", &["postgres"], &[]).is_ok_and(|url| !url.has_password));
    }
}
