//! The session's own look at a statement. The guard has parsed it before; this holds even without the guard.

use contracts::{ChangeKind, Dialect};
use ports::source::Error;

/// What a statement that only reads begins with.
const READS: [&str; 4] = ["SELECT", "WITH", "VALUES", "TABLE"];

/// Refuses what does not begin as a query. In SQLite also a second statement: its driver would run each in turn, and
/// neither ATTACH nor PRAGMA is stopped by a read-only connection. Servers refuse a second statement themselves.
pub(crate) fn check(dialect: Dialect, sql: &str) -> Result<(), Error> {
    let mut start = skip_blank(dialect, sql);
    while let Some(inner) = start.strip_prefix('(') {
        start = skip_blank(dialect, inner);
    }
    if !READS.contains(&first_word(start).as_str()) {
        return Err(Error::Forbidden("only a query (SELECT, WITH, VALUES) may run".to_owned()));
    }
    if dialect == Dialect::Sqlite && has_second_statement(start) {
        return Err(Error::Forbidden("only one statement may run".to_owned()));
    }
    Ok(())
}

/// Refuses what does not begin as a change of this kind, and in SQLite a second statement.
pub(crate) fn check_change(dialect: Dialect, kind: ChangeKind, sql: &str) -> Result<(), Error> {
    let start = skip_blank(dialect, sql);
    if !first_word(start).eq_ignore_ascii_case(kind.as_str()) {
        return Err(Error::Forbidden(format!("only the approved {} may run", kind.as_str())));
    }
    if dialect == Dialect::Sqlite && has_second_statement(start) {
        return Err(Error::Forbidden("only one statement may run".to_owned()));
    }
    Ok(())
}

/// In capitals.
fn first_word(text: &str) -> String {
    text.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_uppercase()
}

/// Skips blanks and comments. MySQL executes `/*! */` and `/*M! */`, so these are no comments.
fn skip_blank(dialect: Dialect, sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start();
        let executed = rest.starts_with("/*!") || rest.starts_with("/*M!");
        let line = rest.starts_with("--") || (dialect == Dialect::Mysql && rest.starts_with('#'));
        rest = if line {
            rest.split_once('\n').map_or("", |(_, after)| after)
        } else if rest.starts_with("/*") && !executed {
            rest.get(2..).and_then(|inner| inner.split_once("*/")).map_or("", |(_, after)| after)
        } else {
            return rest;
        };
    }
}

/// True when something other than blanks, comments and semicolons follows a semicolon of SQLite.
fn has_second_statement(sql: &str) -> bool {
    let mut rest = sql;
    while let Some(at) = rest.find([';', '\'', '"', '`', '[', '-', '/']) {
        let (token, after) = (&rest[at..], &rest[at + 1..]);
        rest = match token.as_bytes()[0] {
            b';' => {
                return !skip_blank(Dialect::Sqlite, after.trim_start_matches([';', ' ', '\n', '\t', '\r'])).is_empty();
            }
            b'[' => after.split_once(']').map_or("", |(_, tail)| tail),
            b'-' | b'/' if token.starts_with("--") || token.starts_with("/*") => skip_blank(Dialect::Sqlite, token),
            b'-' | b'/' => after,
            // A doubled quote inside is read as two quoted parts that touch.
            quote => after.split_once(quote as char).map_or("", |(_, tail)| tail),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_pass() {
        for sql in [
            "SELECT 1",
            " -- why\n /* and how */ with a as (select 1) select * from a;",
            "( /* a */ (SELECT 1) UNION SELECT 2)",
            "VALUES (1), (2)",
            "SELECT 'a;b', \"c;d\", [e;f], `g;h`, 'it''s; fine' -- ; x\n/* ; y */ ; -- done",
            "SELECT 3 - 1 / 2;;\n",
        ] {
            assert!(check(Dialect::Sqlite, sql).is_ok(), "{sql}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for sql in
            ["", ";", "PRAGMA query_only=OFF", "ATTACH 'x' AS y", "COMMIT", "DELETE FROM a", "SELECTX", "-- SELECT 1"]
        {
            assert!(check(Dialect::Sqlite, sql).is_err(), "{sql}");
        }
        assert!(check(Dialect::Mysql, "/*! SET GLOBAL x = 1 */").is_err());
        assert!(check(Dialect::Mysql, "# a\nSELECT 1").is_ok());
        assert!(check(Dialect::Postgres, "DO $$ $$").is_err());
    }

    #[test]
    fn a_second_statement_is_seen_in_sqlite() {
        for sql in [
            "SELECT 1; ATTACH 'x' AS y",
            "SELECT ';' ;\n-- a\nPRAGMA x",
            "SELECT 1;;SELECT 2",
            "SELECT 'a''b'; DELETE FROM a",
        ] {
            assert!(check(Dialect::Sqlite, sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn a_change_is_one_statement_of_its_kind() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
            assert!(check_change(dialect, ChangeKind::Delete, " -- why\ndelete FROM a WHERE b = 1;").is_ok());
            for sql in ["UPDATE a SET b = 1", "DELETED", "", "(DELETE FROM a)", "WITH x AS (SELECT 1) DELETE FROM a"] {
                assert!(check_change(dialect, ChangeKind::Delete, sql).is_err(), "{sql}");
            }
        }
        let two = "DELETE FROM a WHERE b = 1; DROP TABLE a";
        assert!(check_change(Dialect::Sqlite, ChangeKind::Delete, two).is_err());
    }
}
