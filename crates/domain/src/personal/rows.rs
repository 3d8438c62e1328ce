use super::checks;
use super::mask::{HIDDEN, mask_text};
use super::names::names_personal_values;
use contracts::{Cell, Column, ResultSet, Schema};

/// Digits from which a number in a personal column is a number of somebody, not a figure about them.
const LEAST_DIGITS: usize = 7;
/// Values shorter than this say nothing (`yes`, `n/a`).
const LEAST_CHARACTERS: usize = 4;
/// Bare numbers pass a check digit by chance once in ten times; so many different ones, all of a column, do not.
const VOTES: usize = 6;

/// What is masked in results.
#[derive(Clone, Debug, Default)]
pub struct Masking {
    columns: Vec<String>,
    clear_columns: Vec<String>,
}

impl Masking {
    /// With columns (`email` or `customers.email`) that are masked whatever they hold, and such that never are.
    pub fn new(columns: &[String], clear_columns: &[String]) -> Self {
        let names = |columns: &[String]| columns.iter().map(|column| last_part(column)).collect();
        Self { columns: names(columns), clear_columns: names(clear_columns) }
    }

    /// Masks rows in place, and says which columns held personal data.
    pub fn apply(&self, result: &mut ResultSet) -> Vec<String> {
        let mut masked = Vec::new();
        for index in 0..result.columns.len() {
            let name = result.columns[index].name.clone();
            if self.clear_columns.contains(&last_part(&name)) {
                continue;
            }
            let whole = self.columns.contains(&last_part(&name));
            let by_name = whole || names_personal_values(&name) || votes_personal(result, index);
            let mut changed = false;
            for cell in result.rows.iter_mut().filter_map(|row| row.get_mut(index)) {
                if let Some(hidden) = masked_cell(cell, by_name, whole) {
                    *cell = hidden;
                    changed = true;
                }
            }
            if changed {
                masked.push(name);
            }
        }
        masked
    }

    /// Takes sample values away that would be masked as cells.
    pub fn apply_to_samples(&self, schema: &mut Schema) {
        for column in schema.tables.iter_mut().flat_map(|table| &mut table.columns) {
            let values = std::mem::take(&mut column.samples);
            let cells = values.iter().map(|value| vec![Cell::from(value.as_str())]).collect();
            let mut rows = ResultSet {
                columns: vec![Column { name: column.name.clone(), data_type: column.data_type.clone() }],
                rows: cells,
                truncated: false,
            };
            if self.apply(&mut rows).is_empty() {
                column.samples = values;
            }
        }
    }
}

fn last_part(column: &str) -> String {
    column.rsplit('.').next().unwrap_or(column).trim().to_lowercase()
}

/// What stands for a cell; nothing when it may be shown.
fn masked_cell(cell: &Cell, by_name: bool, whole: bool) -> Option<Cell> {
    match cell {
        Cell::Null => None,
        _ if whole => Some(Cell::from(HIDDEN)),
        Cell::String(text) => {
            let masked = mask_text(text);
            if masked != *text {
                return Some(Cell::from(masked));
            }
            (by_name && text.chars().count() >= LEAST_CHARACTERS).then(|| Cell::from(HIDDEN))
        }
        Cell::Number(number) => {
            let text = number.to_string();
            let digits = digits_of(&text)?;
            (checks::is_card(&digits) || (by_name && digits.len() >= LEAST_DIGITS)).then(|| Cell::from(HIDDEN))
        }
        _ => None,
    }
}

/// Whether all values of a column are bare numbers that one check fits.
fn votes_personal(result: &ResultSet, index: usize) -> bool {
    let mut values: Vec<Vec<u32>> = Vec::new();
    for cell in result.rows.iter().filter_map(|row| row.get(index)).filter(|cell| !cell.is_null()) {
        let text = cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
        match digits_of(&text) {
            Some(digits) => values.push(digits),
            None => return false,
        }
    }
    values.sort();
    values.dedup();
    let checks: [fn(&[u32]) -> bool; 3] = [checks::bsn, checks::cpf, checks::aadhaar];
    values.len() >= VOTES && checks.iter().any(|check| values.iter().all(|digits| check(digits)))
}

fn digits_of(text: &str) -> Option<Vec<u32>> {
    text.chars().map(|character| character.to_digit(10)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(names: &[&str], rows: Vec<Vec<Cell>>) -> ResultSet {
        let column = |name: &&str| Column { name: (*name).to_owned(), data_type: String::new() };
        ResultSet { columns: names.iter().map(column).collect(), rows, truncated: false }
    }

    #[test]
    fn columns_are_masked_by_name_and_by_shape() {
        let mut rows = table(
            &["id", "phone", "note", "email_count", "total"],
            vec![vec![json!(7), json!("5551234"), json!("ask ann@example.org"), json!(3), json!("1250.00")]],
        );
        assert_eq!(Masking::default().apply(&mut rows), ["phone", "note"]);
        assert_eq!(rows.rows[0], [json!(7), json!("***"), json!("ask a***@***.org"), json!(3), json!("1250.00")]);
    }

    #[test]
    fn settings_add_and_take_away_columns() {
        let masking = Masking::new(&["employees.Salary".into()], &["support_email".into()]);
        let mut rows = table(&["salary", "support_email"], vec![vec![json!(100), json!("help@example.org")]]);
        assert_eq!(masking.apply(&mut rows), ["salary"]);
        assert_eq!(rows.rows[0], [json!("***"), json!("help@example.org")]);
    }

    #[test]
    fn samples_that_would_be_masked_as_cells_are_taken_away() {
        let column = |name: &str, samples: &[&str]| contracts::ColumnSchema {
            name: name.to_owned(),
            data_type: "text".to_owned(),
            nullable: false,
            comment: None,
            samples: samples.iter().map(|value| (*value).to_owned()).collect(),
        };
        let mut table = contracts::TableSchema {
            namespace: None,
            name: "people".to_owned(),
            comment: None,
            columns: vec![column("city", &["Oslo"]), column("grade", &["A"]), column("note", &["ann@example.org"])],
            primary_key: Vec::new(),
            foreign_keys: Vec::new(),
            row_estimate: None,
            is_view: false,
        };
        let mut schema = Schema { tables: vec![table.clone()] };
        Masking::new(&["people.grade".into()], &[]).apply_to_samples(&mut schema);
        table.columns[1].samples.clear();
        table.columns[2].samples.clear();
        assert_eq!(schema.tables, [table]);
    }

    #[test]
    fn bare_national_ids_are_known_by_their_whole_column() {
        let ids = ["113571367", "127142721", "140714078", "154285432", "167856789", "181428143"];
        let ids = ids.iter().map(|id| vec![json!(id)]).collect();
        assert_eq!(Masking::default().apply(&mut table(&["number"], ids)), ["number"]);
        let orders = (0..50).map(|number| vec![json!(123_456_780 + number)]).collect();
        assert!(Masking::default().apply(&mut table(&["order_no"], orders)).is_empty());
    }

    #[test]
    fn numbers_in_a_personal_column_are_masked_when_they_are_long() {
        let mut rows = table(&["mobile", "dob_year"], vec![vec![json!(4_915_112_345_678_u64), json!(1985)]]);
        assert_eq!(Masking::default().apply(&mut rows), ["mobile"]);
        assert_eq!(rows.rows[0], [json!("***"), json!(1985)]);
    }
}
