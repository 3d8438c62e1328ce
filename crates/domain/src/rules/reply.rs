//! Prose for an answer, without a model.

use contracts::{Cell, ResultSet};

/// Rows that are shown in the text; the table beside it holds the others.
const FEW: usize = 5;
/// Characters of a value that are shown in the text.
const LONGEST: usize = 80;

/// Says what a result says; without a result, what Askline is and what to ask.
pub fn reply(question: &str, result: Option<&ResultSet>) -> String {
    let Some(result) = result else { return introduction(question) };
    match result.rows.as_slice() {
        [] => "No rows match this question.".to_owned(),
        [row] if row.len() == 1 => one_value(&name(result, 0), &row[0]),
        [row] => format!("{}.", described(result, row)),
        rows if rows.len() <= FEW && !result.truncated => format!("{} rows:\n{}", rows.len(), lines(rows)),
        rows => many(result, rows),
    }
}

fn introduction(question: &str) -> String {
    let lower = question.to_lowercase();
    if lower.starts_with("thank") {
        return "You are welcome. Ask the next question whenever you like.".to_owned();
    }
    let greeting = ["hi", "hello", "hey", "good "].iter().any(|word| lower.starts_with(word));
    let opening = if greeting { "Hello! " } else { "" };
    format!(
        "{opening}I am Askline: I answer questions about the connected database. No language model is configured, so \
         built-in rules read the question: ask for a count, a list, an average, a sum or a ranking in the words of your \
         tables, such as “How many orders are there per month?” or “Which customers have no orders?”."
    )
}

fn one_value(name: &str, value: &Cell) -> String {
    let text = cell(value);
    match name.strip_prefix("number of ").or(name.strip_prefix("different ")) {
        _ if value.is_null() => "No rows match, so there is no value.".to_owned(),
        Some(_) if name.starts_with("different ") => format!("The number of {name} values is {text}."),
        Some(_) => format!("The {name} is {text}."),
        None if name == "percentage" => format!("It is {text} percent."),
        None => format!("The {name} is {text}."),
    }
}

/// `name: Stoneware Mug, price: 14.75`.
fn described(result: &ResultSet, row: &[Cell]) -> String {
    let parts = row.iter().enumerate().map(|(at, value)| format!("{}: {}", name(result, at), cell(value)));
    parts.collect::<Vec<_>>().join(", ")
}

fn lines(rows: &[Vec<Cell>]) -> String {
    let line = |row: &Vec<Cell>| format!("- {}", row.iter().map(cell).collect::<Vec<_>>().join(", "));
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn many(result: &ResultSet, rows: &[Vec<Cell>]) -> String {
    let count = if result.truncated { format!("More than {}", rows.len()) } else { rows.len().to_string() };
    let shown = rows.len().min(FEW);
    format!("{count} rows. The first {shown}:\n{}", lines(&rows[..shown]))
}

fn name(result: &ResultSet, at: usize) -> String {
    result.columns.get(at).map_or_else(|| "value".to_owned(), |column| column.name.replace('_', " "))
}

fn cell(value: &Cell) -> String {
    match value {
        Cell::Null => "—".to_owned(),
        Cell::Bool(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        Cell::Number(number) => number.as_f64().filter(|_| number.is_f64()).map_or_else(|| number.to_string(), rounded),
        Cell::String(text) => decimal(text).unwrap_or_else(|| cut(text)),
        other => cut(&other.to_string()),
    }
}

/// Exact decimals travel as text.
fn decimal(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let long = digits(whole.trim_start_matches('-')) && digits(fraction) && fraction.len() > 2;
    text.parse().ok().filter(|_| long).map(rounded)
}

fn rounded(number: f64) -> String {
    let text = format!("{number:.2}");
    text.strip_suffix(".00").map(str::to_owned).unwrap_or(text)
}

fn cut(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    if text.chars().count() > LONGEST { format!("{line}…") } else { line }
}

#[cfg(test)]
mod tests {
    use contracts::Column;
    use serde_json::json;

    use super::*;

    fn result(names: &[&str], rows: Vec<Vec<Cell>>) -> ResultSet {
        let column = |name: &&str| Column::new(*name, "");
        ResultSet { columns: names.iter().map(column).collect(), rows, truncated: false }
    }

    fn said(result: &ResultSet) -> String {
        reply("", Some(result))
    }

    #[test]
    fn one_value_is_a_sentence() {
        assert_eq!(said(&result(&["number_of_customers"], vec![vec![json!(28)]])), "The number of customers is 28.");
        assert_eq!(said(&result(&["average_price"], vec![vec![json!(23.456)]])), "The average price is 23.46.");
        assert_eq!(said(&result(&["revenue"], vec![vec![json!("1200.5000")]])), "The revenue is 1200.50.");
        assert_eq!(said(&result(&["percentage"], vec![vec![json!(12.0)]])), "It is 12 percent.");
        assert_eq!(said(&result(&["revenue"], vec![vec![Cell::Null]])), "No rows match, so there is no value.");
    }

    #[test]
    fn one_row_names_its_columns() {
        let row = vec![json!("Stoneware Mug"), json!(14.75)];
        assert_eq!(said(&result(&["name", "price"], vec![row])), "name: Stoneware Mug, price: 14.75.");
    }

    #[test]
    fn a_few_rows_are_listed_and_many_are_counted() {
        let rows = |count: usize| (0..count).map(|at| vec![json!(format!("row {at}"))]).collect::<Vec<_>>();
        assert_eq!(said(&result(&["name"], rows(2))), "2 rows:\n- row 0\n- row 1");
        let many = said(&result(&["name"], rows(40)));
        assert!(many.starts_with("40 rows. The first 5:\n- row 0\n"), "{many}");
        let cut = said(&ResultSet { truncated: true, ..result(&["name"], rows(40)) });
        assert!(cut.starts_with("More than 40 rows."), "{cut}");
    }

    #[test]
    fn no_rows_are_said_to_be_none() {
        assert_eq!(said(&result(&["name"], Vec::new())), "No rows match this question.");
    }

    #[test]
    fn chat_says_what_to_ask() {
        let hello = reply("Hello", None);
        assert!(hello.starts_with("Hello! I am Askline"), "{hello}");
        assert!(hello.contains("How many orders"), "{hello}");
        assert!(reply("thank you", None).starts_with("You are welcome"));
    }

    #[test]
    fn long_values_are_cut() {
        let text = said(&result(&["note", "id"], vec![vec![json!("x".repeat(500)), json!(1)]]));
        assert!(text.chars().count() < 120, "{text}");
    }
}
