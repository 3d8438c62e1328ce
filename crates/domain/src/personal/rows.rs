use super::checks;
use super::ids;
use super::mask::{HIDDEN, mask_text};
use super::names::{is_personal_name, may_name_ids, names_personal_values};
use contracts::{Cell, Column, Personal, ResultSet, Schema};

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

    /// Whether the settings name the column. Of `customers.email` the last part counts: a view may have the column too.
    pub fn hides(&self, column: &str) -> bool {
        self.columns.contains(&last_part(column)) && !self.is_clear(column)
    }

    /// Whether the settings name any.
    pub fn hides_any(&self) -> bool {
        !self.columns.is_empty()
    }

    /// Whether the column's name says that its values are personal.
    pub fn is_personal(&self, column: &str) -> bool {
        names_personal_values(column) && !self.is_clear(column)
    }

    fn is_clear(&self, column: &str) -> bool {
        self.clear_columns.contains(&last_part(column))
    }

    /// Notes at each column what it holds, so that it can be masked by whoever sees it without its statement, or only
    /// some of its rows. `origin` tells by the column's place and name what it was computed from.
    pub fn note(&self, result: &mut ResultSet, origin: impl Fn(usize, &str) -> Option<Personal>) {
        for index in 0..result.columns.len() {
            let column = &result.columns[index];
            let known = origin(index, &column.name).or(column.personal);
            let known = known.or_else(|| self.by_name_and_values(result, index));
            result.columns[index].personal = known;
        }
    }

    fn by_name_and_values(&self, result: &ResultSet, index: usize) -> Option<Personal> {
        let name = &result.columns[index].name;
        if self.is_clear(name) {
            return None;
        }
        if self.hides(name) {
            return Some(Personal::Hidden);
        }
        (names_personal_values(name) || votes_personal(result, index)).then_some(Personal::Values)
    }

    /// Masks rows in place, and says which columns held personal data. What was masked before is left as it is.
    pub fn apply(&self, result: &mut ResultSet) -> Vec<String> {
        let mut masked = Vec::new();
        for index in 0..result.columns.len() {
            let Column { name, personal, .. } = &result.columns[index];
            if *personal == Some(Personal::Masked) || (personal.is_none() && self.is_clear(name)) {
                continue;
            }
            let name = name.clone();
            let personal = personal.or_else(|| self.by_name_and_values(result, index));
            let mut changed = false;
            for cell in result.rows.iter_mut().filter_map(|row| row.get_mut(index)) {
                if let Some(hidden) = masked_cell(cell, personal) {
                    *cell = hidden;
                    changed = true;
                }
            }
            if changed {
                result.columns[index].personal = Some(Personal::Masked);
                masked.push(name);
            }
        }
        masked
    }

    /// Takes sample values away that would be masked as cells, and those of columns that are called personal.
    pub fn apply_to_samples(&self, schema: &mut Schema) {
        for column in schema.tables.iter_mut().flat_map(|table| &mut table.columns) {
            let values = std::mem::take(&mut column.samples);
            if is_personal_name(&column.name) && !self.is_clear(&column.name) {
                continue;
            }
            let mut rows = ResultSet {
                columns: vec![Column::new(&column.name, &column.data_type)],
                rows: values.iter().map(|value| vec![Cell::from(value.as_str())]).collect(),
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
fn masked_cell(cell: &Cell, personal: Option<Personal>) -> Option<Cell> {
    match (cell, personal) {
        (Cell::Null, _) => None,
        (Cell::String(text), Some(Personal::Hidden)) if text == HIDDEN => Some(cell.clone()),
        (_, Some(Personal::Hidden)) => Some(Cell::from(HIDDEN)),
        (Cell::String(text), _) => {
            let masked = mask_text(text);
            if masked != *text {
                return Some(Cell::from(masked));
            }
            let says_something = text.chars().count() >= LEAST_CHARACTERS;
            (personal.is_some() && says_something).then(|| Cell::from(HIDDEN))
        }
        (Cell::Number(number), _) => {
            let digits = digits_of(&number.to_string());
            let is_somebodys =
                |digits: Vec<u32>| checks::is_card(&digits) || (personal.is_some() && digits.len() >= LEAST_DIGITS);
            digits.is_some_and(is_somebodys).then(|| Cell::from(HIDDEN))
        }
        // Lists and objects hold texts of their own.
        (Cell::Array(_) | Cell::Object(_), _) => {
            let text = cell.to_string();
            let masked = mask_text(&text);
            if personal.is_some() {
                return Some(Cell::from(HIDDEN));
            }
            (masked != text).then(|| serde_json::from_str(&masked).unwrap_or_else(|_| Cell::from(HIDDEN)))
        }
        (Cell::Bool(_), _) => None,
    }
}

/// Whether all values of a column are bare numbers that one check fits. So many agree by chance hardly ever; where the
/// column's name speaks for it, fewer will do.
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
    let told = may_name_ids(&result.columns[index].name);
    values.len() >= if told { 1 } else { VOTES } && ids::all_bare(&values, told)
}

fn digits_of(text: &str) -> Option<Vec<u32>> {
    text.chars().map(|character| character.to_digit(10)).collect()
}

#[cfg(test)]
mod tests;
