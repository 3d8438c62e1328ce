use crate::cell;
use contracts::{Cell, Schema, TableSchema};
use domain::personal::{is_personal_name, is_personal_value};
use ports::source::DiscoveryLimits;
use std::collections::HashMap;
use std::time::Duration;

/// Longer values are prose, not something that a question names.
pub(crate) const LONGEST: usize = 64;
/// A slow view among 2,000 tables must not hold up the others.
pub(crate) const PER_TABLE: Duration = Duration::from_secs(3);

/// Columns of a table, by index, that are sampled: text, and not personal by name.
pub(crate) fn columns_to_sample(table: &TableSchema, is_text: impl Fn(&str) -> bool) -> Vec<usize> {
    let wanted =
        |(_, column): &(usize, &contracts::ColumnSchema)| is_text(&column.data_type) && !is_personal_name(&column.name);
    table.columns.iter().enumerate().filter(wanted).map(|(index, _)| index).collect()
}

/// Puts what the first rows of a table show into its columns.
pub(crate) fn fill(schema: &mut Schema, table: usize, columns: &[usize], rows: &[Vec<Cell>], limits: DiscoveryLimits) {
    let Some(table) = schema.tables.get_mut(table) else { return };
    if rows.len() < limits.sampled_rows {
        table.row_estimate = Some(rows.len() as u64);
    }
    for (position, column) in columns.iter().enumerate() {
        let values = rows.iter().filter_map(|row| row.get(position).and_then(cell::as_text));
        if let Some(column) = table.columns.get_mut(*column) {
            column.samples = most_frequent(values, limits.samples);
        }
    }
}

/// Distinct values, the most frequent first, equally frequent ones in the order of their first occurrence.
fn most_frequent(values: impl Iterator<Item = String>, count: usize) -> Vec<String> {
    let mut seen: HashMap<String, (usize, usize)> = HashMap::new();
    for value in values.filter(|value| is_telling(value)) {
        let first = seen.len();
        seen.entry(value).or_insert((0, first)).0 += 1;
    }
    let mut ranked: Vec<_> = seen.into_iter().collect();
    ranked.sort_by_key(|(_, (times, first))| (std::cmp::Reverse(*times), *first));
    ranked.into_iter().take(count).map(|(value, _)| value).collect()
}

fn is_telling(value: &str) -> bool {
    !value.trim().is_empty() && value.chars().count() <= LONGEST && !is_personal_value(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_values_come_first() {
        let values = ["b", "a", "c", "a", "", "x@y.example", &"z".repeat(65)].map(str::to_owned);
        assert_eq!(most_frequent(values.into_iter(), 2), ["a", "b"]);
    }
}
