//! What a statement reads. The server tells it to nobody who may not see how its views are made, so the names in the
//! statement are compared with all tables that the user could read.

use super::session::Session;
use crate::cell::as_text;
use ports::source::{Error, Reads};
use std::collections::HashSet;

const VISIBLE: &str = "SELECT CAST(TABLE_SCHEMA AS CHAR), CAST(TABLE_NAME AS CHAR), TABLE_SCHEMA = DATABASE() \
    FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN ('information_schema', 'performance_schema')";

/// The server's own.
const CATALOGS: [&str; 4] = ["information_schema", "performance_schema", "mysql", "sys"];

/// Refuses a statement that names a table or view which it may not read, when it is known what that is.
pub(super) async fn check(session: &mut Session, reads: Option<&Reads>, sql: &str) -> Result<(), Error> {
    let Some(reads) = reads else { return Ok(()) };
    let mut closed = Closed::default();
    for row in session.rows(VISIBLE).await? {
        let [database, table, is_here] = row.as_slice() else { continue };
        let (Some(database), Some(table)) = (as_text(database), as_text(table)) else { continue };
        if !reads.allow(Some(&database), &table) {
            closed.add(&database, &table, is_here.as_i64() == Some(1));
        }
    }
    match closed.first_in(sql) {
        Some(name) => Err(Error::Forbidden(format!("{name} is not among the tables of this connection"))),
        None => Ok(()),
    }
}

/// Tables that are not listed, in lower case.
#[derive(Default)]
struct Closed {
    here: HashSet<String>,
    elsewhere: HashSet<(String, String)>,
}

impl Closed {
    fn add(&mut self, database: &str, table: &str, is_here: bool) {
        let (database, table) = (database.to_lowercase(), table.to_lowercase());
        if is_here {
            self.here.insert(table.clone());
        }
        self.elsewhere.insert((database, table));
    }

    fn first_in(&self, sql: &str) -> Option<String> {
        let tokens = tokens(sql);
        let name = |place: Option<usize>| match tokens.get(place?) {
            Some(Token::Name(name)) => Some(name),
            _ => None,
        };
        let is_dot = |place: Option<usize>| place.is_some_and(|place| tokens.get(place) == Some(&Token::Dot));
        for (place, token) in tokens.iter().enumerate() {
            let Token::Name(this) = token else { continue };
            let before = is_dot(place.checked_sub(1)).then(|| name(place.checked_sub(2))).flatten();
            match before {
                None if self.here.contains(this) => return Some(this.clone()),
                None if CATALOGS.contains(&this.as_str()) && is_dot(Some(place + 1)) => return Some(this.clone()),
                Some(database) if self.elsewhere.contains(&(database.clone(), this.clone())) => {
                    return Some(format!("{database}.{this}"));
                }
                _ => {}
            }
        }
        None
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    /// In lower case, without its quotes.
    Name(String),
    Dot,
    Other,
}

/// Names and dots; strings and comments are left out, and what the server executes inside `/*! */` is not.
fn tokens(sql: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '\'' | '"' => {
                found.push(Token::Other);
                after_string(rest, first)
            }
            '`' => {
                let (name, after) = quoted_name(rest);
                found.push(Token::Name(name.to_lowercase()));
                after
            }
            '#' => after(rest, "\n"),
            '-' if is_line_comment(rest) => after(rest, "\n"),
            '/' if rest.starts_with("/*!") || rest.starts_with("/*M!") => {
                rest.split_once('!').map_or("", |(_, code)| code)
            }
            '/' if rest.starts_with("/*") => after(&rest[2..], "*/"),
            _ if is_name(first) => {
                let end = rest.find(|other| !is_name(other)).unwrap_or(rest.len());
                found.push(Token::Name(rest[..end].to_lowercase()));
                &rest[end..]
            }
            _ => {
                if !first.is_whitespace() {
                    found.push(if first == '.' { Token::Dot } else { Token::Other });
                }
                &rest[first.len_utf8()..]
            }
        };
    }
    found
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$' || !character.is_ascii()
}

fn is_line_comment(text: &str) -> bool {
    text.strip_prefix("--")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c.is_control()))
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, after)| after)
}

/// A backslash takes the next character with it; a doubled quote is read as two strings that touch.
fn after_string(text: &str, quote: char) -> &str {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return &text[at + 1..];
        }
    }
    ""
}

fn quoted_name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut rest = &text[1..];
    while let Some((part, after)) = rest.split_once('`') {
        name.push_str(part);
        rest = after;
        match rest.strip_prefix('`') {
            Some(after) => {
                name.push('`');
                rest = after;
            }
            None => return (name, rest),
        }
    }
    (name, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> Closed {
        let mut closed = Closed::default();
        closed.add("Shop", "V_Cross", true);
        closed.add("other", "customers", false);
        closed
    }

    #[test]
    fn a_closed_table_is_seen_however_it_is_written() {
        for sql in [
            "SELECT * FROM v_cross",
            "SELECT * FROM `V_CROSS`",
            "SELECT * FROM shop . `v_cross`",
            "SELECT 'a\\'' FROM/**/v_cross",
            "SELECT 1 /*! UNION SELECT * FROM v_cross */",
            "SELECT * FROM other.customers",
            "SELECT * FROM `other`./* x */`customers`",
            "SELECT * FROM mysql.user",
        ] {
            assert!(closed().first_in(sql).is_some(), "{sql}");
        }
    }

    #[test]
    fn other_names_strings_and_comments_pass() {
        for sql in [
            "SELECT o.v_cross FROM orders o",
            "SELECT 'v_cross', \"v_cross\" -- v_cross\n FROM customers # v_cross",
            "SELECT customers.id, other.id FROM customers JOIN orders other /* v_cross */",
            "SELECT 5--1, v_crossing FROM customers",
        ] {
            assert_eq!(closed().first_in(sql), None, "{sql}");
        }
    }
}
