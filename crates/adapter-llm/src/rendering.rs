//! Rows as plain text, for providers that are no language model.

use contracts::{Cell, ResultSet};

const SHOWN_ROWS: usize = 10;
const SHOWN_COLUMNS: usize = 8;
const SHOWN_LETTERS: usize = 120;

/// A fixed rendering: one value as a sentence, a few rows as a list, many as their number and the first ones.
pub(crate) fn plain_text(result: &ResultSet) -> String {
    if result.rows.is_empty() {
        return "No rows match.".into();
    }
    if let [row] = result.rows.as_slice()
        && let [value] = row.as_slice()
        && !result.truncated
    {
        return format!("The answer is {}.", cell(value));
    }
    let lines = result.rows.iter().take(SHOWN_ROWS).map(|row| line(result, row));
    [heading(result)].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

fn heading(result: &ResultSet) -> String {
    let count = result.rows.len();
    let more_than = if result.truncated { "More than " } else { "" };
    let rows = if count == 1 { "row" } else { "rows" };
    if count > SHOWN_ROWS {
        return format!("{more_than}{count} {rows}, the first {SHOWN_ROWS}:");
    }
    format!("{more_than}{count} {rows}:")
}

fn line(result: &ResultSet, row: &[Cell]) -> String {
    if let [value] = row {
        return format!("- {}", cell(value));
    }
    let named = result.columns.iter().zip(row).take(SHOWN_COLUMNS);
    let mut parts: Vec<_> = named.map(|(column, value)| format!("{}: {}", column.name, cell(value))).collect();
    if row.len() > SHOWN_COLUMNS {
        parts.push("…".into());
    }
    format!("- {}", parts.join(", "))
}

fn cell(value: &Cell) -> String {
    let text = match value {
        Cell::Null => return "none".into(),
        Cell::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Column;
    use serde_json::json;

    fn result(columns: &[&str], rows: Vec<Vec<Cell>>) -> ResultSet {
        let columns = columns.iter().map(|name| Column::new(*name, "")).collect();
        ResultSet { columns, rows, truncated: false }
    }

    #[test]
    fn one_value_is_a_sentence() {
        assert_eq!(plain_text(&result(&["count(*)"], vec![vec![json!(20)]])), "The answer is 20.");
        assert_eq!(plain_text(&result(&["max(x)"], vec![vec![json!(null)]])), "The answer is none.");
    }

    #[test]
    fn a_few_rows_are_a_list() {
        let rows = vec![vec![json!("Ann"), json!(3)], vec![json!("Bo\nb"), json!(1.5)]];
        assert_eq!(plain_text(&result(&["name", "n"], rows)), "2 rows:\n- name: Ann, n: 3\n- name: Bo b, n: 1.5");
        assert_eq!(plain_text(&result(&["a", "b"], vec![vec![json!(1), json!(2)]])), "1 row:\n- a: 1, b: 2");
    }

    #[test]
    fn many_rows_are_counted_and_cut() {
        let mut many = result(&["id"], (0..25).map(|id| vec![json!(id)]).collect());
        let text = plain_text(&many);
        assert!(text.starts_with("25 rows, the first 10:\n- 0\n") && text.ends_with("\n- 9"), "{text}");
        many.truncated = true;
        assert!(plain_text(&many).starts_with("More than 25 rows"));
    }

    #[test]
    fn no_row_is_said_so() {
        assert_eq!(plain_text(&ResultSet::default()), "No rows match.");
    }

    #[test]
    fn long_cells_and_wide_rows_are_cut() {
        let wide = result(&["c"; 9], vec![vec![json!("é".repeat(500)); 9]]);
        assert!(plain_text(&wide).chars().count() < 9 * 150);
    }
}
