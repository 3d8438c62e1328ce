//! The cost gate: how many rows a database expects to go through for a statement, before it runs.
//!
//! One unit for all databases: the work of reading one row. It is an estimate, so the gate is for what is wrong by
//! orders of magnitude; time, rows and bytes are bounded beside it.

use ports::source::Error;

/// What a plan says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Estimate {
    /// Rows that are gone through, over all loops.
    pub(crate) rows: f64,
    /// Tables that are read from end to end, the largest first.
    pub(crate) scans: Vec<Scan>,
    /// Two tables are joined without a condition.
    pub(crate) product: bool,
}

/// A table that is read from end to end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scan {
    pub(crate) table: String,
    pub(crate) rows: f64,
    /// Columns by which it could be found faster.
    pub(crate) indexed: Vec<String>,
}

/// Tables that the advice names.
const NAMED: usize = 3;
/// Indexed columns of one table that it names.
const NAMED_COLUMNS: usize = 5;

impl Estimate {
    /// Adds a table that is read from end to end.
    pub(crate) fn scan(&mut self, table: &str, rows: f64) {
        match self.scans.iter_mut().find(|scan| scan.table == table) {
            Some(scan) => scan.rows = scan.rows.max(rows),
            None => self.scans.push(Scan { table: table.to_owned(), rows, indexed: Vec::new() }),
        }
    }

    /// Refuses what goes beyond `allowed` rows.
    pub(crate) fn check(mut self, allowed: u64) -> Result<(), Error> {
        if self.rows <= allowed as f64 {
            return Ok(());
        }
        self.scans.sort_by(|one, other| other.rows.total_cmp(&one.rows));
        Err(Error::TooExpensive(format!(
            "the database expects to go through about {} rows, and {} are allowed for this connection. {}",
            counted(self.rows),
            counted(allowed as f64),
            self.advice()
        )))
    }

    /// Whether a check would refuse it.
    pub(crate) fn exceeds(&self, allowed: u64) -> bool {
        self.rows > allowed as f64
    }

    fn advice(&self) -> String {
        let mut sentences = Vec::new();
        if self.product {
            sentences.push("Join the tables by their keys: two of them are combined row by row.".to_owned());
        }
        for scan in self.scans.iter().take(NAMED).filter(|scan| !scan.indexed.is_empty()) {
            let columns: Vec<&str> = scan.indexed.iter().take(NAMED_COLUMNS).map(String::as_str).collect();
            sentences.push(format!("Filter {} by an indexed column ({}).", scan.table, columns.join(", ")));
        }
        sentences.push("Ask for a smaller range of dates, or aggregate each large table before joining it.".to_owned());
        sentences.join(" ")
    }
}

/// `2.5 billion`: nobody reads 2500000000.
fn counted(rows: f64) -> String {
    for (size, name) in [(1e12, "trillion"), (1e9, "billion"), (1e6, "million")] {
        if rows >= size * 1e6 {
            return format!("{:.0e}", rows);
        }
        if rows >= size {
            return format!("{:.1} {name}", rows / size);
        }
    }
    format!("{rows:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_within_the_bound_passes() {
        assert!(Estimate { rows: 1e6, ..Estimate::default() }.check(1_000_000).is_ok());
    }

    #[test]
    fn the_refusal_says_how_much_and_what_would_be_cheaper() {
        let mut estimate = Estimate { rows: 2.5e9, product: true, ..Estimate::default() };
        estimate.scan("tags", 10.0);
        estimate.scan("orders", 5e6);
        estimate.scans[1].indexed = vec!["id".into(), "created_at".into()];
        let error = estimate.check(1_000_000_000).unwrap_err();
        assert_eq!(error.class(), "too_expensive");
        let sentence = error.to_string();
        for part in ["2.5 billion", "1.0 billion", "Join the tables", "Filter orders", "id, created_at", "dates"] {
            assert!(sentence.contains(part), "{sentence}");
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(counted(999.0), "999");
        assert_eq!(counted(1.24e7), "12.4 million");
        assert_eq!(counted(1e24), "1e24");
    }
}
