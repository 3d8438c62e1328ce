//! Names as each database compares them.

use contracts::Dialect;
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

/// The name that an identifier stands for: quotes resolved, folded where the database folds.
pub fn meaning(dialect: Dialect, ident: &Ident) -> String {
    match ident.quote_style {
        Some(quote) => unquote(&ident.value, quote),
        None if dialect == Dialect::Postgres => ident.value.to_lowercase(),
        None => ident.value.clone(),
    }
}

/// The text between quotes with doubled quotes made single.
pub fn unquote(raw: &str, quote: char) -> String {
    let doubled = [quote, quote].iter().collect::<String>();
    raw.replace(&doubled, &quote.to_string())
}

/// An identifier quoted in the dialect's own way. A backtick in SQLite: a double-quoted name that does not resolve is a
/// string there.
pub fn quoted(dialect: Dialect, name: &str) -> Ident {
    let quote = match dialect {
        Dialect::Postgres => '"',
        Dialect::Sqlite | Dialect::Mysql => '`',
    };
    let doubled = [quote, quote].iter().collect::<String>();
    Ident::with_quote(quote, name.replace(quote, &doubled))
}

/// The parts of a name, or `None` where a part is computed.
pub fn parts(name: &ObjectName) -> Option<Vec<&Ident>> {
    name.0.iter().map(ObjectNamePart::as_ident).collect()
}

/// The function that a name calls, in lower case, whatever its quotes and its schema.
pub fn called(name: &ObjectName) -> String {
    let parts = parts(name).unwrap_or_default();
    let called = parts.last().map(|ident| match ident.quote_style {
        Some(quote) => unquote(&ident.value, quote),
        None => ident.value.clone(),
    });
    called.unwrap_or_default().to_lowercase()
}

/// Up to three names that look like the one asked for, best first.
pub fn near<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let wanted = wanted.to_lowercase();
    let limit = (wanted.chars().count() / 3).max(2);
    let mut scored: Vec<(usize, &str)> =
        names.filter_map(|name| Some((closeness(&wanted, &name.to_lowercase(), limit)?, name))).collect();
    scored.sort();
    scored.dedup();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

fn closeness(wanted: &str, name: &str, limit: usize) -> Option<usize> {
    let contained = wanted.len() > 2 && name.len() > 2 && (name.contains(wanted) || wanted.contains(name));
    match edit_distance(wanted, name) {
        distance if distance <= limit => Some(distance),
        _ if contained => Some(limit + 1),
        _ => None,
    }
}

fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.chars().take(64).enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let replaced = previous[column] + usize::from(a != *b);
            current.push(replaced.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    previous[right.len()]
}
