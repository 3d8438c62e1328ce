//! Names of tables and columns that a person can write in a question and a model in SQL.

use super::kinds::{Kind, kind_of};
use std::collections::HashSet;

const LONGEST: usize = 60;

/// Whether a first row names the columns: all of it text, and nothing twice.
pub(super) fn is_header(row: &[String]) -> bool {
    let named: Vec<&String> = row.iter().filter(|name| !name.is_empty()).collect();
    let distinct: HashSet<String> = named.iter().map(|name| name.to_lowercase()).collect();
    let all_text =
        named.iter().all(|name| kind_of(name) == Kind::Text && !name.starts_with(|c: char| c.is_ascii_digit()));
    !named.is_empty() && all_text && distinct.len() * 2 > named.len()
}

/// Names without blanks and signs, each once; a number for one that is missing.
pub(super) fn cleaned(names: &[String], width: usize, missing: &str) -> Vec<String> {
    let mut taken = HashSet::new();
    (0..width)
        .map(|index| {
            let name = names.get(index).map(|name| one(name)).unwrap_or_default();
            let name = if name.is_empty() { format!("{missing}_{}", index + 1) } else { name };
            unique(name, &mut taken)
        })
        .collect()
}

fn one(name: &str) -> String {
    let mut cleaned = String::new();
    for character in name.trim().chars().take(LONGEST) {
        if character.is_alphanumeric() {
            cleaned.push(character);
        } else if !cleaned.is_empty() && !cleaned.ends_with('_') {
            cleaned.push('_');
        }
    }
    let cleaned = cleaned.trim_end_matches('_').to_owned();
    let needs_letter =
        cleaned.starts_with(|first: char| first.is_ascii_digit()) || cleaned.to_lowercase().starts_with("sqlite_");
    if needs_letter { format!("c_{cleaned}") } else { cleaned }
}

fn unique(name: String, taken: &mut HashSet<String>) -> String {
    if taken.insert(name.to_lowercase()) {
        return name;
    }
    let mut number = 2;
    loop {
        let numbered = format!("{name}_{number}");
        if taken.insert(numbered.to_lowercase()) {
            return numbered;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_are_cleaned_and_made_unique() {
        let names = owned(&["Order No.", "", "total", "Total", "2024", "Straße\n(Ort)"]);
        assert_eq!(
            cleaned(&names, 7, "column"),
            ["Order_No", "column_2", "total", "Total_2", "c_2024", "Straße_Ort", "column_7"]
        );
    }

    #[test]
    fn a_header_is_text() {
        assert!(is_header(&owned(&["id", "name", ""])));
        assert!(!is_header(&owned(&["1", "Ann"])));
        assert!(!is_header(&owned(&["Ann", "2024-01-01"])));
        assert!(!is_header(&owned(&["", ""])));
    }
}
