use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Error, Postgres, Row as _, Sqlite, Type};

/// A row of either dialect.
pub(crate) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

impl Row {
    pub(crate) fn text(&self, column: &str) -> Result<String, Error> {
        self.get(column)
    }

    pub(crate) fn maybe_text(&self, column: &str) -> Result<Option<String>, Error> {
        self.get(column)
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, Error> {
        self.get(column)
    }

    pub(crate) fn maybe_int(&self, column: &str) -> Result<Option<i64>, Error> {
        self.get(column)
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, Error> {
        self.get(column)
    }

    /// A number that is never negative.
    pub(crate) fn count<N: TryFrom<i64>>(&self, column: &str) -> Result<N, Error> {
        let number = self.int(column)?;
        N::try_from(number).map_err(|_| unreadable(column, format!("{number} is out of range")))
    }

    /// As `count`, where there may be none.
    pub(crate) fn maybe_count<N: TryFrom<i64>>(&self, column: &str) -> Result<Option<N>, Error> {
        match self.maybe_int(column)? {
            Some(_) => self.count(column).map(Some),
            None => Ok(None),
        }
    }

    /// A text that holds JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, Error> {
        serde_json::from_str(self.get(column)?).map_err(|error| unreadable(column, error))
    }

    /// As `json`, where there may be none.
    pub(crate) fn maybe_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, Error> {
        match self.maybe_text(column)? {
            Some(_) => self.json(column).map(Some),
            None => Ok(None),
        }
    }

    /// A text that holds one of a fixed set of names.
    pub(crate) fn named<T>(&self, column: &str, parse: fn(&str) -> Option<T>) -> Result<T, Error> {
        let name: &str = self.get(column)?;
        parse(name).ok_or_else(|| unreadable(column, format!("unknown name {name:?}")))
    }

    /// As `named`, where there may be none.
    pub(crate) fn maybe_named<T>(&self, column: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>, Error> {
        match self.maybe_text(column)? {
            Some(_) => self.named(column, parse).map(Some),
            None => Ok(None),
        }
    }

    fn get<'r, T>(&'r self, column: &str) -> Result<T, Error>
    where
        T: Decode<'r, Postgres> + Type<Postgres> + Decode<'r, Sqlite> + Type<Sqlite>,
    {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row.try_get(column),
        }
    }
}

fn unreadable(column: &str, reason: impl std::fmt::Display) -> Error {
    Error::Decode(format!("column {column}: {reason}").into())
}
