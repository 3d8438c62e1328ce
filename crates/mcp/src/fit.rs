//! Answers of bounded size.

use contracts::Cell;

/// Rows that fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitting {
    /// The first rows.
    pub rows: Vec<Vec<Cell>>,
    /// What a reader must know when there are more.
    pub notice: Option<String>,
}

/// As many of the first rows as fit into so many bytes of JSON.
pub fn rows(all: Vec<Vec<Cell>>, most_bytes: usize) -> Fitting {
    let count = all.len();
    let mut room = most_bytes;
    let fitting: Vec<_> = all.into_iter().map_while(|row| take(row, &mut room)).collect();
    let notice = (fitting.len() < count).then(|| cut(fitting.len(), count, most_bytes));
    Fitting { rows: fitting, notice }
}

fn take(row: Vec<Cell>, room: &mut usize) -> Option<Vec<Cell>> {
    let bytes: usize = 2 + row.iter().map(|cell| cell.to_string().len() + 1).sum::<usize>();
    *room = room.checked_sub(bytes)?;
    Some(row)
}

fn cut(shown: usize, count: usize, most_bytes: usize) -> String {
    let limit = format!("An answer holds at most {most_bytes} bytes of rows");
    match shown {
        0 => format!("{limit}, and the first of {count} rows alone is longer: select fewer columns, or parts of them."),
        _ => format!("{limit}: {shown} of {count} rows are here. Select fewer columns or rows, or aggregate."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Vec<Cell> {
        vec![Cell::from(text)]
    }

    #[test]
    fn rows_that_fit_are_whole_and_nothing_is_said() {
        let all = vec![row("a"), row("b")];
        assert_eq!(rows(all.clone(), 12), Fitting { rows: all, notice: None });
    }

    #[test]
    fn what_is_cut_is_said() {
        let cut = rows(vec![row("a"), row("b")], 11);
        assert_eq!(cut.rows, [row("a")]);
        assert!(cut.notice.as_deref().is_some_and(|notice| notice.contains("1 of 2 rows")), "{cut:?}");
        let none = rows(vec![row(&"long ".repeat(9))], 20);
        assert!(none.rows.is_empty() && none.notice.is_some_and(|notice| notice.contains("fewer columns")));
    }

    #[test]
    fn no_rows_are_no_cut() {
        assert_eq!(rows(Vec::new(), 0), Fitting { rows: Vec::new(), notice: None });
    }
}
