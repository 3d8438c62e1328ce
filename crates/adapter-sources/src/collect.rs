use crate::cell;
use contracts::{Cell, Column, ResultSet};
use ports::source::Statement;

/// Rows up to the caps of a statement.
pub(crate) struct Collector {
    result: ResultSet,
    room_rows: usize,
    room_bytes: usize,
}

impl Collector {
    pub(crate) fn new(statement: &Statement) -> Self {
        Self { result: ResultSet::default(), room_rows: statement.max_rows, room_bytes: statement.max_bytes }
    }

    pub(crate) fn has_columns(&self) -> bool {
        !self.result.columns.is_empty()
    }

    pub(crate) fn set_columns(&mut self, columns: Vec<Column>) {
        self.result.columns = columns;
    }

    /// Index of the next row.
    pub(crate) fn rows(&self) -> usize {
        self.result.rows.len()
    }

    /// Keeps a row; false, and marked as truncated, when it does not fit. `unseen` bytes belong to cells that are
    /// filled in later.
    pub(crate) fn keep(&mut self, row: Vec<Cell>, unseen: usize) -> bool {
        let bytes = unseen + row.iter().map(cell::weight).sum::<usize>();
        if self.room_rows == 0 || bytes > self.room_bytes {
            self.result.truncated = true;
            return false;
        }
        self.room_rows -= 1;
        self.room_bytes -= bytes;
        self.result.rows.push(row);
        true
    }

    pub(crate) fn finish(self) -> ResultSet {
        self.result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;

    fn collector(max_rows: usize, max_bytes: usize) -> Collector {
        let timeout = Duration::from_secs(1);
        let cancel = CancellationToken::new();
        Collector::new(&Statement {
            sql: String::new(),
            timeout,
            max_rows,
            max_bytes,
            cancel,
            reads: None,
            max_scanned_rows: None,
        })
    }

    #[test]
    fn exactly_as_many_rows_as_allowed_are_not_truncated() {
        let mut rows = collector(1, 100);
        assert!(rows.keep(vec![Cell::from(1)], 0));
        assert!(!rows.result.truncated);
        assert!(!rows.keep(vec![Cell::from(2)], 0));
        assert!(rows.finish().truncated);
    }

    #[test]
    fn a_row_beyond_the_bytes_is_left_out() {
        let mut rows = collector(10, 10);
        assert!(rows.keep(vec![Cell::from("12345")], 0));
        assert!(!rows.keep(vec![Cell::from("123456")], 0));
        assert_eq!(rows.finish().rows.len(), 1);
    }
}
