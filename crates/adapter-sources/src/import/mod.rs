//! CSV files and spreadsheets become SQLite files of their own.

mod kinds;
mod load;
mod names;
mod sheet;
mod text;

use ports::source::{Error, ImportLimits, Imported, Upload};

/// A table of a file before its types are known. An empty text is a value that is missing.
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) rows: Vec<Vec<String>>,
    /// The number of the first row in the file, as a person counts.
    pub(crate) first_row: usize,
}

/// Reads an upload and writes its database. Blocks.
pub(crate) fn import(upload: &Upload, limits: ImportLimits) -> Result<Imported, Error> {
    let mut notices = Vec::new();
    let stem = upload.name.rsplit_once('.').map_or(upload.name.as_str(), |(stem, _)| stem);
    let tables = match sheet::format(upload) {
        Some(format) => sheet::tables(upload, format, limits)?,
        None => vec![text::table(upload, stem, limits, &mut notices)?],
    };
    let tables: Vec<Table> = tables.into_iter().filter(|table| !table.rows.is_empty()).collect();
    if tables.is_empty() {
        return Err(refused("the file holds no rows; export it again with its data"));
    }
    load::database(tables, limits, notices)
}

pub(crate) fn refused(sentence: impl Into<String>) -> Error {
    Error::File(sentence.into())
}

/// Refuses a table that grows beyond the limits.
pub(crate) fn check_size(row: usize, columns: usize, limits: ImportLimits) -> Result<(), Error> {
    if row > limits.max_rows {
        return Err(refused(format!("the file has more than {} rows; split it into several files", limits.max_rows)));
    }
    if columns > limits.max_columns {
        let most = limits.max_columns;
        return Err(refused(format!("row {row} has {columns} columns, and at most {most} are taken; leave some out")));
    }
    Ok(())
}
