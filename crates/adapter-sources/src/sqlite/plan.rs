//! SQLite gives no number of rows with its plan, but its program shows every loop and what the loop goes over: loops
//! that lie inside each other multiply.

use crate::cost::Estimate;
use contracts::Cell;
use std::collections::HashMap;

/// A row of a table that is looked up stands for this many steps.
const LOOKED_UP: f64 = 10.0;

/// One instruction of a program, as `EXPLAIN` prints it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    address: i64,
    opcode: String,
    p1: i64,
    p2: i64,
}

impl Step {
    pub(super) fn read(row: &[Cell]) -> Option<Self> {
        let [address, opcode, p1, p2, ..] = row else { return None };
        let opcode = opcode.as_str()?.to_owned();
        Some(Self { address: address.as_i64()?, opcode, p1: p1.as_i64()?, p2: p2.as_i64()? })
    }
}

/// A loop of a program: from its first to its last instruction, and how often it goes round.
struct Loop {
    from: i64,
    to: i64,
    rows: f64,
    table: Option<String>,
    whole: bool,
}

/// Tables (and the tables of indexes) that a program opens, by root page.
pub(super) fn opened(program: &[Step], tables: &HashMap<i64, String>) -> Vec<String> {
    let mut names: Vec<String> = cursors(program, tables).into_values().collect();
    names.sort();
    names.dedup();
    names
}

/// Reads a program. `rows_of` knows how many rows a table has.
pub(super) fn read(program: &[Step], tables: &HashMap<i64, String>, rows_of: impl Fn(&str) -> Option<f64>) -> Estimate {
    let cursors = cursors(program, tables);
    let loops: Vec<Loop> = program
        .iter()
        .filter(|step| matches!(step.opcode.as_str(), "Next" | "Prev" | "VNext") && step.p2 <= step.address)
        .map(|step| one_loop(program, step, cursors.get(&step.p1), &rows_of))
        .collect();
    let mut estimate = Estimate::default();
    for inner in &loops {
        let around = loops.iter().filter(|outer| outer.from <= inner.from && inner.to <= outer.to);
        estimate.rows += around.map(|outer| outer.rows).product::<f64>();
        if let Some(table) = inner.table.as_deref().filter(|_| inner.whole) {
            estimate.scan(table, inner.rows);
        }
    }
    let is_product = |outer: &Loop, inner: &Loop| {
        outer.whole && inner.whole && outer.from < inner.from && inner.to < outer.to && outer.rows > 1.0
    };
    estimate.product = loops.iter().any(|outer| loops.iter().any(|inner| is_product(outer, inner)));
    estimate
}

fn cursors(program: &[Step], tables: &HashMap<i64, String>) -> HashMap<i64, String> {
    let opened = program.iter().filter(|step| step.opcode == "OpenRead");
    opened.filter_map(|step| Some((step.p1, tables.get(&step.p2)?.clone()))).collect()
}

fn one_loop(program: &[Step], end: &Step, table: Option<&String>, rows_of: impl Fn(&str) -> Option<f64>) -> Loop {
    // What put the cursor on its first row stands just before the loop.
    let entry = program.iter().rev().find(|step| {
        step.address < end.p2 && step.p1 == end.p1 && (step.opcode.starts_with("Seek") || is_whole(&step.opcode))
    });
    let whole = entry.is_none_or(|step| is_whole(&step.opcode));
    let all = table.and_then(|table| rows_of(table));
    let rows = match (all, whole) {
        (Some(all), true) => all.max(1.0),
        (Some(all), false) => all.clamp(1.0, LOOKED_UP),
        // Intermediate results and table functions: not known.
        (None, _) => 1.0,
    };
    Loop { from: end.p2, to: end.address, rows, table: table.cloned(), whole: whole && all.is_some() }
}

fn is_whole(opcode: &str) -> bool {
    matches!(opcode, "Rewind" | "Last" | "VFilter")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(steps: &[(&str, i64, i64)]) -> Vec<Step> {
        let step = |(address, (opcode, p1, p2)): (usize, &(&str, i64, i64))| Step {
            address: address as i64,
            opcode: (*opcode).to_owned(),
            p1: *p1,
            p2: *p2,
        };
        steps.iter().enumerate().map(step).collect()
    }

    #[test]
    fn loops_inside_each_other_multiply() {
        let tables = HashMap::from([(2, "a".to_owned()), (3, "b".to_owned())]);
        let steps = program(&[
            ("OpenRead", 0, 2),
            ("OpenRead", 1, 3),
            ("Rewind", 0, 8),
            ("Rewind", 1, 7),
            ("Column", 1, 0),
            ("Next", 1, 4),
            ("Noop", 0, 0),
            ("Next", 0, 3),
        ]);
        let estimate = read(&steps, &tables, |table| Some(if table == "a" { 100.0 } else { 1000.0 }));
        assert_eq!(estimate.rows, 100.0 + 100_000.0);
        assert!(estimate.product);
        assert_eq!(opened(&steps, &tables), ["a", "b"]);
    }

    #[test]
    fn a_look_up_counts_few_rows() {
        let tables = HashMap::from([(2, "a".to_owned()), (3, "b".to_owned())]);
        let steps = program(&[
            ("OpenRead", 0, 2),
            ("OpenRead", 1, 3),
            ("Rewind", 0, 7),
            ("SeekGE", 1, 6),
            ("IdxGT", 1, 6),
            ("Next", 1, 4),
            ("Next", 0, 3),
        ]);
        let estimate = read(&steps, &tables, |_| Some(1e6));
        assert_eq!((estimate.rows, estimate.product), (1e6 + 1e7, false));
    }
}
