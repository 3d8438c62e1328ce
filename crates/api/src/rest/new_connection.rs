//! Checking a connection that a manager adds.

use crate::error::ApiError;
use contracts::Dialect;
use serde::Deserialize;
use utoipa::ToSchema;

const LONGEST_NAME: usize = 100;
const LONGEST_URL: usize = 4096;

/// A database to add.
#[derive(Deserialize, ToSchema)]
pub struct NewConnection {
    /// Unique in the business.
    name: String,
    /// `sqlite`, `postgres` or `mysql`; as the URL says when it is left out.
    dialect: Option<String>,
    /// With credentials. It is encrypted at once and never shown again.
    url: String,
    /// A second URL, whose login may change data: allows changes, which a person must approve. Handled as the first.
    write_url: Option<String>,
}

/// A connection that passed the checks.
pub struct Checked {
    pub name: String,
    pub dialect: Dialect,
    pub url: String,
    pub write_url: Option<String>,
}

impl NewConnection {
    pub fn check(self) -> Result<Checked, ApiError> {
        let name = name_of(&self.name)?;
        let (url, dialect) = url_of(&self.url).map_err(|error| error.about("url"))?;
        if self.dialect.is_some_and(|named| Dialect::parse(&named.to_lowercase()) != Some(dialect)) {
            let message = format!("The URL is one of {}. Leave the dialect out, or correct one.", dialect.as_str());
            return Err(ApiError::bad_request("invalid_dialect", message).about("dialect"));
        }
        let write_url = self.write_url.map(|url| write_url_of(&url, dialect)).transpose()?;
        Ok(Checked { name, dialect, url, write_url })
    }
}

fn write_url_of(url: &str, dialect: Dialect) -> Result<String, ApiError> {
    match url_of(url).map_err(|error| error.about("write_url"))? {
        (url, same) if same == dialect => Ok(url),
        _ => {
            let message = format!("The URL for changes must be one of {}, as the other URL.", dialect.as_str());
            Err(ApiError::bad_request("invalid_dialect", message).about("write_url"))
        }
    }
}

/// A URL of a database, without the blanks around it, and its dialect.
pub(super) fn url_of(text: &str) -> Result<(String, Dialect), ApiError> {
    let url = text.trim();
    Ok((url.to_owned(), dialect_of(url)?))
}

/// The name of a connection, as it is stored.
pub(super) fn name_of(text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        let message = format!("A name has 1 to {LONGEST_NAME} characters. Choose another.");
        return Err(ApiError::bad_request("invalid_name", message).about("name"));
    }
    Ok(name.to_owned())
}

fn dialect_of(url: &str) -> Result<Dialect, ApiError> {
    let scheme = url.split_once(':').map(|(scheme, rest)| (scheme.to_lowercase(), rest.trim_start_matches('/')));
    let dialect = scheme.filter(|(_, rest)| !rest.is_empty()).and_then(|(scheme, _)| Dialect::parse(&scheme));
    let usable = url.len() <= LONGEST_URL && !url.contains(char::is_control);
    dialect.filter(|_| usable).ok_or_else(|| {
        let message = "The URL names no database that can be asked. Write postgres://user:password@host/database, \
                       mysql://user:password@host/database or sqlite:/path/to/file.";
        ApiError::bad_request("invalid_url", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, dialect: Option<&str>) -> Result<Dialect, &'static str> {
        let new = NewConnection {
            name: "shop".into(),
            dialect: dialect.map(str::to_owned),
            url: url.into(),
            write_url: None,
        };
        new.check().map(|checked| checked.dialect).map_err(|error| error.code)
    }

    #[test]
    fn the_scheme_tells_the_dialect() {
        assert_eq!(check("postgresql://u:p@h/d", None), Ok(Dialect::Postgres));
        assert_eq!(check("MariaDB://u:p@h/d", Some("mysql")), Ok(Dialect::Mysql));
        assert_eq!(check(" sqlite:/data/shop.db ", Some("sqlite")), Ok(Dialect::Sqlite));
    }

    #[test]
    fn what_is_no_database_is_refused_without_repeating_the_url() {
        for url in ["", "shop.db", "http://h/d", "postgres://", "sqlite:", "mysql://h\u{0}/d"] {
            assert_eq!(check(url, None), Err("invalid_url"), "{url:?}");
        }
        assert_eq!(check("mysql://h/d", Some("postgres")), Err("invalid_dialect"));
        let new = NewConnection { name: "x".into(), dialect: None, url: "ftp://me:hush@h".into(), write_url: None };
        assert!(!new.check().err().unwrap().message.contains("hush"));
    }

    #[test]
    fn the_url_for_changes_is_one_of_the_same_dialect() {
        let check = |write_url: &str| {
            let (name, url, write_url) = ("x".into(), "postgres://r:p@h/d".into(), Some(write_url.to_owned()));
            NewConnection { name, dialect: None, url, write_url }.check()
        };
        assert_eq!(check(" postgres://w:p@h/d ").unwrap().write_url.as_deref(), Some("postgres://w:p@h/d"));
        for wrong in ["mysql://w:hush@h/d", "nothing"] {
            let error = check(wrong).err().unwrap();
            assert!(!error.message.contains("hush"), "{}", error.message);
        }
    }
}
