//! Tab-separated lines with the escapes \n \t \r \\ \xHH in the statement.

use anyhow::{Context, Result, bail};

/// Where the columns lie.
pub struct Header {
    id: usize,
    sql: usize,
}

/// One statement.
pub struct Row<'a> {
    pub id: &'a str,
    pub sql: String,
}

impl Header {
    /// Finds the columns by the names on the first line.
    pub fn read(line: &str) -> Result<Self> {
        let names: Vec<&str> = line.trim_start_matches('\u{feff}').split('\t').collect();
        let find = |wanted: &str| {
            names.iter().position(|name| *name == wanted).with_context(|| {
                format!(
                    "line 1: there is no column {wanted}; name the columns id and sql on the first line, separated by \
                     tabs (found: {})",
                    names.join(", ")
                )
            })
        };
        Ok(Self { id: find("id")?, sql: find("sql")? })
    }

    /// The fields of a later line.
    pub fn row<'a>(&self, line: &'a str) -> Result<Row<'a>> {
        let fields: Vec<&str> = line.split('\t').collect();
        let field = |position: usize, name: &str| {
            fields.get(position).copied().with_context(|| {
                format!("the column {name} is missing: the line has only {} of them; add the tabs", fields.len())
            })
        };
        Ok(Row { id: field(self.id, "id")?, sql: decoded(field(self.sql, "sql")?)? })
    }
}

/// The text with its escapes resolved.
fn decoded(escaped: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'\\') => b'\\',
            Some(b'x') => hexadecimal(rest.next(), rest.next())?,
            Some(other) => bail!(
                "\\{} is no escape; use \\n, \\t, \\r, \\\\ or \\xHH, and write a backslash as \\\\",
                char::from(other)
            ),
            None => bail!("the statement ends in a single backslash; write a backslash as \\\\"),
        });
    }
    String::from_utf8(bytes).context("the bytes written as \\xHH are not UTF-8; correct them")
}

fn hexadecimal(high: Option<u8>, low: Option<u8>) -> Result<u8> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    match (digit(high), digit(low)) {
        (Some(high), Some(low)) => Ok((high * 16 + low) as u8),
        _ => bail!("\\x must be followed by two hexadecimal digits, such as \\x0a"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_escapes_are_resolved() {
        let header = Header::read("why\tid\tsql").unwrap();
        let row = header.row("-\tA1\tSELECT 'a\\\\b'\\n\\t\\x2d\\x2d ü").unwrap();
        assert_eq!(row.id, "A1");
        assert_eq!(row.sql, "SELECT 'a\\b'\n\t-- ü");
    }

    #[test]
    fn an_error_says_what_to_do() {
        let missing = Header::read("id\tquery").err().unwrap().to_string();
        assert!(missing.contains("line 1") && missing.contains("no column sql"), "{missing}");
        let header = Header::read("id\tsql").unwrap();
        for (line, said) in [
            ("A1", "column sql is missing"),
            ("A1\t\\q", "\\q is no escape"),
            ("A1\t\\", "single backslash"),
            ("A1\t\\x4", "two hexadecimal digits"),
            ("A1\t\\xff", "not UTF-8"),
        ] {
            let error = format!("{:#}", header.row(line).err().unwrap());
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
