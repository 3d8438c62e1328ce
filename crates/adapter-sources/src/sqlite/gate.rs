//! The dry run: the statement is compiled, which tells whether it can run, and its program what it goes through.

use super::plan::{self, Step};
use super::session::Session;
use crate::cell::as_text;
use contracts::Cell;
use ports::source::Error;
use std::collections::HashMap;

/// Tables and indexes by where they begin in the file.
const ROOTS: &str = "SELECT rootpage, tbl_name FROM sqlite_schema WHERE rootpage > 0";
/// Columns that indexes begin with.
const INDEXED: &str = "SELECT m.tbl_name, i.name FROM sqlite_schema m, pragma_index_info(m.name) i \
    WHERE m.type = 'index' AND i.seqno = 0 AND i.name IS NOT NULL GROUP BY 1, 2";

/// Rows of a table that are counted one by one: some milliseconds.
const COUNTED: u32 = 100_000;

/// What is read of the catalog while that is still allowed.
pub(super) struct Gate {
    allowed: u64,
    tables: HashMap<i64, String>,
    indexed: Vec<(String, String)>,
}

impl Gate {
    pub(super) fn new(session: &Session, allowed: u64) -> Result<Self, Error> {
        let root = |row: Vec<Cell>| Some((row.first()?.as_i64()?, as_text(row.get(1)?)?));
        let index = |row: Vec<Cell>| Some((as_text(row.first()?)?, as_text(row.get(1)?)?));
        let tables = session.rows(ROOTS)?.into_iter().filter_map(root).collect();
        let indexed = session.rows(INDEXED)?.into_iter().filter_map(index).collect();
        Ok(Self { allowed, tables, indexed })
    }

    /// Refuses what would go through too many rows.
    pub(super) fn check(&self, session: &Session, sql: &str) -> Result<(), Error> {
        let program: Vec<Step> =
            session.rows(&format!("EXPLAIN {sql}"))?.iter().filter_map(|row| Step::read(row)).collect();
        let mut rows: HashMap<String, f64> = HashMap::new();
        for table in plan::opened(&program, &self.tables) {
            if let Some(count) = rows_at_most(session, &table) {
                rows.insert(table, count);
            }
        }
        let mut estimate = plan::read(&program, &self.tables, |table| rows.get(table).copied());
        for scan in &mut estimate.scans {
            let of_table = self.indexed.iter().filter(|(table, _)| *table == scan.table);
            scan.indexed = of_table.map(|(_, column)| column.clone()).collect();
        }
        estimate.check(self.allowed)
    }
}

/// How many rows a table has: counted when they are few, else the highest row number, which is found at once and may be
/// much higher than there are rows. Nothing of a table that may not be read.
fn rows_at_most(session: &Session, table: &str) -> Option<f64> {
    let table = table.replace('"', "\"\"");
    let few = format!("SELECT count(*) FROM (SELECT 1 FROM \"{table}\" LIMIT {COUNTED})");
    let counted = number(session, &few)?;
    if counted < f64::from(COUNTED) {
        return Some(counted);
    }
    number(session, &format!("SELECT max(_rowid_) FROM \"{table}\"")).or(Some(counted))
}

fn number(session: &Session, sql: &str) -> Option<f64> {
    match session.rows(sql) {
        Ok(rows) => rows.first()?.first()?.as_f64(),
        Err(reason) => {
            tracing::debug!(%reason, "the size of a table is not known");
            None
        }
    }
}
