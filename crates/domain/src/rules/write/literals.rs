//! Constants in a dialect.

use contracts::Dialect;

use crate::rules::{lexicon::Search, plan::Literal};

/// A constant.
pub fn write(literal: &Literal, dialect: Dialect) -> String {
    match literal {
        Literal::Number(number) => number.clone(),
        Literal::Text(content) => text(content, dialect),
        Literal::Truth(true) => "TRUE".to_owned(),
        Literal::Truth(false) => "FALSE".to_owned(),
    }
}

/// A text in quotes. MySQL reads a backslash as the start of an escape.
pub fn text(content: &str, dialect: Dialect) -> String {
    let doubled = content.replace('\'', "''");
    let escaped = if dialect == Dialect::Mysql { doubled.replace('\\', "\\\\") } else { doubled };
    format!("'{escaped}'")
}

/// A pattern that finds a text, with the clause that it needs behind it.
pub fn pattern(search: Search, content: &str, dialect: Dialect) -> (String, &'static str) {
    let special = content.contains(['%', '_', '!']);
    let plain: String = content.chars().flat_map(|c| escape(c, special)).collect();
    let pattern = match search {
        Search::Contains => format!("%{plain}%"),
        Search::Starts => format!("{plain}%"),
        Search::Ends => format!("%{plain}"),
    };
    (text(&pattern, dialect), if special { " ESCAPE '!'" } else { "" })
}

fn escape(c: char, special: bool) -> impl Iterator<Item = char> {
    let mark = (special && matches!(c, '%' | '_' | '!')).then_some('!');
    mark.into_iter().chain([c])
}
