//! The functions that a query may call, by dialect. Only functions that compute from their arguments (and clocks and
//! random numbers) are listed: none that reads files, catalogs, settings or tables named in a text, that runs SQL given
//! as text, waits, locks, writes, or changes the session.

use std::collections::HashSet;
use std::sync::LazyLock;

use contracts::Dialect;

type Names = HashSet<&'static str>;

static SQLITE: LazyLock<Names> = LazyLock::new(|| names(include_str!("sqlite.txt")));
static POSTGRES: LazyLock<Names> = LazyLock::new(|| names(include_str!("postgres.txt")));
static MYSQL: LazyLock<Names> = LazyLock::new(|| names(include_str!("mysql.txt")));
static SQLITE_FROM: LazyLock<Names> = LazyLock::new(|| names("json_each json_tree"));
static NONE: LazyLock<Names> = LazyLock::new(HashSet::new);

fn names(list: &'static str) -> Names {
    list.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect()
}

/// Functions of expressions, in lower case.
pub fn scalar(dialect: Dialect) -> &'static HashSet<&'static str> {
    match dialect {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
        Dialect::Mysql => &MYSQL,
    }
}

/// Functions that may stand in FROM. PostgreSQL takes any function there.
pub fn in_from(dialect: Dialect) -> &'static HashSet<&'static str> {
    match dialect {
        Dialect::Sqlite => &SQLITE_FROM,
        Dialect::Postgres => &POSTGRES,
        Dialect::Mysql => &NONE,
    }
}

/// The fields of the rows that a function of PostgreSQL gives, where they are more than one value.
pub fn row_fields(function: &str) -> Option<&'static [&'static str]> {
    match function {
        "json_each" | "json_each_text" | "jsonb_each" | "jsonb_each_text" => Some(&["key", "value"]),
        _ => None,
    }
}

/// Whether the fields depend on the arguments.
pub fn gives_any_row(function: &str) -> bool {
    ["json_populate_record", "json_populate_recordset", "json_to_record", "json_to_recordset", "row"].iter().any(
        |name| {
            *name == function
                || function.strip_prefix("jsonb").is_some_and(|rest| name.strip_prefix("json") == Some(rest))
        },
    )
}

/// Words that PostgreSQL and MySQL take for a function although no parenthesis follows.
pub fn is_bare_function(dialect: Dialect, word: &str) -> bool {
    let words: &[&str] = match dialect {
        Dialect::Sqlite => &[],
        Dialect::Postgres => &[
            "current_user",
            "session_user",
            "user",
            "current_role",
            "current_catalog",
            "current_schema",
            "system_user",
        ],
        Dialect::Mysql => &["current_user", "current_role", "session_user", "system_user"],
    };
    words.contains(&word)
}
