//! When two results are the same.

use contracts::Cell;
use std::collections::HashMap;

/// The rows of a statement, by the contract for cells, whoever ran it.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// For each column whether its texts are exact decimals.
    pub decimals: Vec<bool>,
    pub rows: Vec<Vec<Cell>>,
}

/// The same cells in the same columns; the rows in the same order where it matters.
pub fn identical(left: &Table, right: &Table, ordered: bool) -> bool {
    if left.rows.len() != right.rows.len() {
        return false;
    }
    let texts = |table: &Table| table.rows.iter().map(|row| Cell::from(row.clone()).to_string()).collect::<Vec<_>>();
    let (mut left, mut right) = (texts(left), texts(right));
    if !ordered {
        left.sort_unstable();
        right.sort_unstable();
    }
    left == right
}

/// The same rows with the columns in some order; numbers are compared as numbers. The rows in the same order where it
/// matters.
pub fn equivalent(gold: &Table, other: &Table, ordered: bool) -> bool {
    if gold.rows.len() != other.rows.len() {
        return false;
    }
    if gold.rows.is_empty() {
        return true;
    }
    let mut values = Values::default();
    let (gold, other) = (values.columns(gold), values.columns(other));
    if gold.len() != other.len() {
        return false;
    }
    if ordered { sorted(gold) == sorted(other) } else { Search::new(&gold, &other).succeeds() }
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
}

/// Numbers that stand for values: equal for equal values.
#[derive(Default)]
struct Values(HashMap<String, u32>);

impl Values {
    fn columns(&mut self, table: &Table) -> Vec<Vec<u32>> {
        let width = table.rows.first().map_or(0, Vec::len);
        let decimal = |column: usize| table.decimals.get(column).copied().unwrap_or(false);
        let column = |column| table.rows.iter().map(|row| self.number(&row[column], decimal(column))).collect();
        (0..width).map(column).collect()
    }

    fn number(&mut self, cell: &Cell, is_decimal: bool) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(value(cell, is_decimal)).or_insert(next)
    }
}

fn value(cell: &Cell, is_decimal: bool) -> String {
    match cell {
        Cell::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => plain(&float.to_string()),
            _ => number.to_string(),
        },
        Cell::String(text) if is_decimal => plain(text),
        Cell::String(text) => format!("'{text}"),
        other => other.to_string(),
    }
}

/// A decimal without what does not change it.
fn plain(decimal: &str) -> String {
    let trimmed = if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal };
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

/// Looks for an order of the other's columns in which the rows are the same, one column after the other. A column
/// comes into question when it has the same values; a partial order when its partial rows are the same.
struct Search<'a> {
    gold: &'a [Vec<u32>],
    other: &'a [Vec<u32>],
    candidates: Vec<Vec<usize>>,
}

impl<'a> Search<'a> {
    fn new(gold: &'a [Vec<u32>], other: &'a [Vec<u32>]) -> Self {
        let contents: Vec<_> = other.iter().map(|column| sorted(column.clone())).collect();
        let alike = |column: &Vec<u32>| {
            let wanted = sorted(column.clone());
            (0..contents.len()).filter(|index| contents[*index] == wanted).collect()
        };
        Self { gold, other, candidates: gold.iter().map(alike).collect() }
    }

    fn succeeds(&self) -> bool {
        let rows = self.gold.first().map_or(0, Vec::len);
        self.extend(&mut Vec::new(), &vec![0; rows], &vec![0; rows])
    }

    /// `left` and `right` number the partial rows.
    fn extend(&self, chosen: &mut Vec<usize>, left: &[u32], right: &[u32]) -> bool {
        let Some(candidates) = self.candidates.get(chosen.len()) else { return true };
        let mut tried: Vec<usize> = Vec::new();
        for candidate in candidates {
            let column = &self.other[*candidate];
            let again = tried.iter().any(|other| self.other[*other] == *column);
            if again || chosen.contains(candidate) {
                continue;
            }
            tried.push(*candidate);
            let mut rows = HashMap::new();
            let left = refine(left, &self.gold[chosen.len()], &mut rows);
            let right = refine(right, column, &mut rows);
            if sorted(left.clone()) != sorted(right.clone()) {
                continue;
            }
            chosen.push(*candidate);
            if self.extend(chosen, &left, &right) {
                return true;
            }
            chosen.pop();
        }
        false
    }
}

fn refine(rows: &[u32], column: &[u32], known: &mut HashMap<(u32, u32), u32>) -> Vec<u32> {
    let mut number = |pair| {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(pair).or_insert(next)
    };
    rows.iter().copied().zip(column.iter().copied()).map(&mut number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn table(rows: Value) -> Table {
        let rows = rows.as_array().unwrap().iter().map(|row| row.as_array().unwrap().clone()).collect();
        Table { decimals: Vec::new(), rows }
    }

    fn equal(left: Value, right: Value) -> bool {
        equivalent(&table(left), &table(right), false)
    }

    #[test]
    fn columns_may_stand_in_any_order() {
        assert!(equal(json!([[1, "a", 2], [3, "b", 4]]), json!([[4, 3, "b"], [2, 1, "a"]])));
        assert!(!equal(json!([[1, 2], [2, 1]]), json!([[1, 1], [2, 2]])));
        assert!(!equal(json!([[1, 2]]), json!([[1]])));
    }

    #[test]
    fn columns_with_the_same_values_are_told_apart_by_their_rows() {
        let gold = json!([[0, 1, "x"], [1, 0, "y"], [0, 0, "z"], [1, 1, "w"]]);
        assert!(equal(gold.clone(), json!([["w", 1, 1], ["z", 0, 0], ["x", 1, 0], ["y", 0, 1]])));
        assert!(!equal(gold, json!([["w", 1, 0], ["z", 0, 1], ["x", 0, 0], ["y", 1, 1]])));
    }

    #[test]
    fn many_equal_columns_are_no_trouble() {
        let row = |last: u32| json!([vec![json!(null); 24], vec![json!(last)]].concat());
        assert!(equal(json!([row(1), row(2)]), json!([row(2), row(1)])));
        assert!(!equal(json!([row(1), row(2)]), json!([row(2), row(3)])));
    }

    #[test]
    fn duplicates_count() {
        assert!(equal(json!([[1], [1], [2]]), json!([[2], [1], [1]])));
        assert!(!equal(json!([[1], [1], [2]]), json!([[1], [2], [2]])));
        assert!(!equal(json!([[1]]), json!([[1], [1]])));
    }

    #[test]
    fn order_counts_where_it_is_asked_for() {
        let (gold, turned) = (table(json!([[1, "a"], [2, "b"]])), table(json!([["b", 2], ["a", 1]])));
        assert!(equivalent(&gold, &turned, false));
        assert!(!equivalent(&gold, &turned, true));
        assert!(equivalent(&gold, &table(json!([["a", 1], ["b", 2]])), true));
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert!(equal(json!([[3, 0.5]]), json!([[0.5, 3.0]])));
        assert!(!equal(json!([[3]]), json!([["3"]])));
        assert!(!equal(json!([[null]]), json!([["null"]])));
        let decimal = Table { decimals: vec![true], rows: vec![vec![json!("12.50")]] };
        assert!(equivalent(&decimal, &table(json!([[12.5]])), false));
        assert!(!equivalent(&table(json!([["12.50"]])), &table(json!([["12.5"]])), false));
    }

    #[test]
    fn identical_is_stricter() {
        let same = |left, right, ordered| identical(&table(left), &table(right), ordered);
        assert!(same(json!([[1, "a"], [2, "b"]]), json!([[2, "b"], [1, "a"]]), false));
        assert!(!same(json!([[1, "a"], [2, "b"]]), json!([[2, "b"], [1, "a"]]), true));
        assert!(!same(json!([[1, "a"]]), json!([["a", 1]]), false));
        assert!(!same(json!([[3]]), json!([[3.0]]), false));
        assert!(!same(json!([[3]]), json!([["3"]]), false));
    }

    #[test]
    fn nothing_is_the_same_as_nothing() {
        assert!(equal(json!([]), json!([])));
        assert!(!equal(json!([]), json!([[null]])));
    }
}
