//! Writes the tables of a file into a database of its own.

use super::kinds::{Kind, Value, kind_of_all};
use super::{Steps, Table, check_area, names, refused};
use ports::source::{Error, ImportLimits, Imported};
use rusqlite::{Connection, params_from_iter};
use sha2::{Digest, Sha256};

pub(super) fn database(
    tables: Vec<Table>,
    limits: ImportLimits,
    mut notices: Vec<String>,
    mut steps: Steps,
) -> Result<Imported, Error> {
    let unwritable = |error: std::io::Error| Error::Unreachable(format!("no temporary file: {}", error.kind()));
    let file = tempfile::NamedTempFile::new().map_err(unwritable)?;
    let mut connection = Connection::open(file.path()).map_err(failed)?;
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(failed)?;
    let table_names: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
    let table_names = names::cleaned(&table_names, tables.len(), "table");
    let mut rows = 0;
    for (table, name) in tables.into_iter().zip(&table_names) {
        let shaped = Shaped::of(table, &mut notices)?;
        rows += shaped.write(&mut connection, name, &mut steps)?;
    }
    drop(connection);
    let database = std::fs::read(file.path()).map_err(unwritable)?;
    if database.len() > limits.max_database_bytes {
        let most = limits.max_database_bytes >> 20;
        return Err(refused(format!(
            "as a database the file is larger than {most} MiB; split it, or load it elsewhere"
        )));
    }
    let sha256 = Sha256::digest(&database).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Imported { database, sha256, tables: table_names, rows, notices })
}

fn failed(error: rusqlite::Error) -> Error {
    refused(format!("the file cannot be kept as a database: {error}"))
}

/// A table with names and kinds.
struct Shaped {
    columns: Vec<String>,
    kinds: Vec<Kind>,
    rows: Vec<Vec<String>>,
}

impl Shaped {
    fn of(table: Table, notices: &mut Vec<String>) -> Result<Self, Error> {
        let mut rows = table.rows;
        rows.retain(|row| row.iter().any(|value| !value.is_empty()));
        let has_header = rows.first().is_some_and(|row| names::is_header(row));
        let header = if has_header { rows.remove(0) } else { Vec::new() };
        let width = if has_header { header.len() } else { rows.iter().map(Vec::len).max().unwrap_or(0) };
        check_area(rows.len(), width)?;
        let mut short = 0;
        for (index, row) in rows.iter_mut().enumerate() {
            let number = table.first_row + index + usize::from(has_header);
            check_width(row, width, number)?;
            short += usize::from(row.len() < width);
            row.resize(width, String::new());
        }
        if !has_header {
            notices
                .push(format!("{}: the first row is data, so the columns are called column_1 and so on.", table.name));
        }
        if short > 0 {
            notices.push(format!("{}: {short} rows end early; what they lack is empty.", table.name));
        }
        let kinds = (0..width).map(|at| kind_of_all(rows.iter().map(move |row| row[at].as_str()))).collect();
        Ok(Self { columns: names::cleaned(&header, width, "column"), kinds, rows })
    }

    fn write(&self, connection: &mut Connection, name: &str, steps: &mut Steps) -> Result<u64, Error> {
        let columns: Vec<String> = self
            .columns
            .iter()
            .zip(&self.kinds)
            .map(|(name, kind)| format!("\"{name}\" {}", kind.declared()))
            .collect();
        connection.execute_batch(&format!("CREATE TABLE \"{name}\" ({})", columns.join(", "))).map_err(failed)?;
        let places = vec!["?"; self.columns.len()].join(", ");
        let transaction = connection.transaction().map_err(failed)?;
        let insert = format!("INSERT INTO \"{name}\" VALUES ({places})");
        let mut insert = transaction.prepare(&insert).map_err(failed)?;
        for row in &self.rows {
            let values = row.iter().zip(&self.kinds).map(|(text, kind)| stored(kind.value(text)));
            insert.execute(params_from_iter(values)).map_err(failed)?;
            steps.step()?;
        }
        drop(insert);
        transaction.commit().map_err(failed)?;
        Ok(self.rows.len() as u64)
    }
}

/// Names are made of letters, digits and `_`, so that they need no escaping in quotes.
fn stored(value: Value) -> rusqlite::types::Value {
    match value {
        Value::Null => rusqlite::types::Value::Null,
        Value::Integer(number) => rusqlite::types::Value::Integer(number),
        Value::Real(number) => rusqlite::types::Value::Real(number),
        Value::Text(text) => rusqlite::types::Value::Text(text),
    }
}

fn check_width(row: &mut Vec<String>, width: usize, number: usize) -> Result<(), Error> {
    while row.len() > width && row.last().is_some_and(String::is_empty) {
        row.pop();
    }
    if row.len() > width {
        return Err(refused(format!(
            "row {number} has {} values, but there are {width} columns; correct the row, or put quotes around values \
             that hold the delimiter",
            row.len()
        )));
    }
    Ok(())
}
