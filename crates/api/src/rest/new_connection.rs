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
}

/// A connection that passed the checks.
pub struct Checked {
    pub name: String,
    pub dialect: Dialect,
    pub url: String,
}

impl NewConnection {
    pub fn check(self) -> Result<Checked, ApiError> {
        let name = name_of(&self.name)?;
        let url = self.url.trim();
        let dialect = dialect_of(url)?;
        if self.dialect.is_some_and(|named| Dialect::parse(&named.to_lowercase()) != Some(dialect)) {
            let message = format!("The URL is one of {}. Leave the dialect out, or correct one.", dialect.as_str());
            return Err(ApiError::bad_request("invalid_dialect", message).about("dialect"));
        }
        Ok(Checked { name, dialect, url: url.to_owned() })
    }
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
        ApiError::bad_request("invalid_url", message).about("url")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, dialect: Option<&str>) -> Result<Dialect, &'static str> {
        let new = NewConnection { name: "shop".into(), dialect: dialect.map(str::to_owned), url: url.into() };
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
        let new = NewConnection { name: "x".into(), dialect: None, url: "ftp://me:hush@h".into() };
        assert!(!new.check().err().unwrap().message.contains("hush"));
    }
}
