//! CSV files and spreadsheets become SQLite files of their own.

mod archive;
mod kinds;
mod load;
mod names;
mod sheet;
mod text;

use ports::source::{Error, GoOn, ImportLimits, Imported, Upload};

/// A table of a file before its types are known. An empty text is a value that is missing.
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) rows: Vec<Vec<String>>,
    /// The number of the first row in the file, as a person counts.
    pub(crate) first_row: usize,
}

/// Reads an upload and writes its database. Blocks.
pub(crate) fn import(upload: &Upload, limits: ImportLimits, go_on: GoOn) -> Result<Imported, Error> {
    let mut notices = Vec::new();
    let stem = upload.name.rsplit_once('.').map_or(upload.name.as_str(), |(stem, _)| stem);
    let mut room = Room::new(limits, Steps { go_on, done: 0 });
    let tables = match sheet::format(upload) {
        Some(format) => sheet::tables(upload, format, &mut room)?,
        None if sheet::is_named_so(&upload.name) => return Err(sheet::unreadable("it is no archive")),
        None => vec![text::table(upload, stem, &mut room, &mut notices)?],
    };
    let tables: Vec<Table> = tables.into_iter().filter(|table| !table.rows.is_empty()).collect();
    if tables.is_empty() {
        return Err(refused("the file holds no rows; export it again with its data"));
    }
    load::database(tables, limits, notices, room.steps)
}

pub(crate) fn refused(sentence: impl Into<String>) -> Error {
    Error::File(sentence.into())
}

/// Values of a file, empty ones too. Each takes some memory, however short it is.
const MAX_CELLS: usize = 10_000_000;
/// Bytes of text for each byte that the database may have: numbers are shorter there.
const TEXT: usize = 4;

/// Rows or cells between two questions whether to go on.
const STEPS: u32 = 1_024;

/// Asks now and then whether to go on.
pub(crate) struct Steps {
    go_on: GoOn,
    done: u32,
}

impl Steps {
    /// After each row or cell.
    fn step(&mut self) -> Result<(), Error> {
        self.done = self.done.wrapping_add(1);
        if self.done.is_multiple_of(STEPS) { self.go_on.ask() } else { Ok(()) }
    }
}

/// What a file may still hold while it is read. Its tables share it.
pub(crate) struct Room {
    limits: ImportLimits,
    cells: usize,
    bytes: usize,
    steps: Steps,
}

impl Room {
    fn new(limits: ImportLimits, steps: Steps) -> Self {
        Self { limits, cells: MAX_CELLS, bytes: limits.max_database_bytes.saturating_mul(TEXT), steps }
    }

    /// Refuses more rows of a table than there may be.
    pub(crate) fn check_rows(&self, rows: usize) -> Result<(), Error> {
        let most = self.limits.max_rows;
        if rows > most {
            return Err(refused(format!("the file has more than {most} rows; split it into several files")));
        }
        Ok(())
    }

    /// Refuses more columns than a table may have. `what` has them.
    pub(crate) fn check_columns(&self, what: &str, columns: usize) -> Result<(), Error> {
        let most = self.limits.max_columns;
        if columns > most {
            return Err(refused(format!("{what} has {columns} columns, and at most {most} are taken; leave some out")));
        }
        Ok(())
    }

    /// Takes so many values, and their text.
    pub(crate) fn take(&mut self, cells: usize, bytes: usize) -> Result<(), Error> {
        self.steps.step()?;
        self.cells = self.cells.checked_sub(cells).ok_or_else(too_many_cells)?;
        let most = self.limits.max_database_bytes >> 20;
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| {
            refused(format!("the file holds more text than a database of {most} MiB; split it into several files"))
        })?;
        Ok(())
    }
}

/// Refuses a table that would be too large once its rows are as wide as its columns.
pub(crate) fn check_area(rows: usize, columns: usize) -> Result<(), Error> {
    if rows.saturating_mul(columns) > MAX_CELLS { Err(too_many_cells()) } else { Ok(()) }
}

fn too_many_cells() -> Error {
    refused(format!("a table spans more than {MAX_CELLS} cells; split it, and remove what stands far outside of it"))
}
