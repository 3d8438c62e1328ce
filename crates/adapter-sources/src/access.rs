//! Reads connection URLs. No message of here repeats a part of one other than a parameter's name.

use ports::source::Error;

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
        let name = pair.split('=').next().unwrap_or(pair);
        if !known.contains(&name) {
            let known = known.join(", ");
            return Err(Error::Settings(format!("the URL's parameter `{name}` is not known; known are {known}")));
        }
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
    fn a_whole_url_passes() {
        assert_eq!(refusal("postgresql://a@b:1/c?sslmode=require"), "");
        assert!(check("postgres://a:p@ss@b/c", &["postgres"], &[]).is_ok_and(|url| url.has_password));
        assert!(check("postgres://a:@b/c", &["postgres"], &[]).is_ok_and(|url| !url.has_password));
    }
}
