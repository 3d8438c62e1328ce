//! Spreadsheets: each sheet is a table.

use super::{Room, Table, archive, check_area, refused};
use calamine::{Data, DataRef, Reader, Xlsx, XlsxError};
use ports::source::{Error, Upload};
use std::io::Cursor;

/// Each is read from its beginning to its end.
const MAX_SHEETS: usize = 100;

type Workbook<'a> = Xlsx<Cursor<&'a [u8]>>;

/// What a spreadsheet's file begins with.
pub(super) enum Format {
    /// A ZIP of XML, which is Excel's since 2007.
    Xlsx,
    /// The older one.
    Xls,
}

pub(super) fn format(upload: &Upload) -> Option<Format> {
    match upload.bytes.as_slice() {
        [b'P', b'K', 3, 4, ..] => Some(Format::Xlsx),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Some(Format::Xls),
        _ => None,
    }
}

/// A person who uploads a text under this name has taken the wrong file.
pub(super) fn is_named_so(name: &str) -> bool {
    let name = name.to_lowercase();
    [".xlsx", ".xlsm"].iter().any(|ending| name.ends_with(ending))
}

pub(super) fn tables(upload: &Upload, format: Format, room: &mut Room) -> Result<Vec<Table>, Error> {
    if matches!(format, Format::Xls) {
        return Err(refused("the old Excel format (.xls) is not read; save the workbook as .xlsx or as CSV"));
    }
    archive::check(&upload.bytes, room.limits)?;
    let mut workbook: Workbook<'_> = Xlsx::new(Cursor::new(upload.bytes.as_slice())).map_err(unreadable)?;
    let names = workbook.sheet_names();
    if names.len() > MAX_SHEETS {
        return Err(refused(format!("the workbook has more than {MAX_SHEETS} sheets; split it into several files")));
    }
    names.into_iter().map(|name| sheet(&mut workbook, name, room)).collect()
}

/// One by one, cells take no more memory than they hold. The range that they span may be as large as a sheet can be.
fn sheet(workbook: &mut Workbook<'_>, name: String, room: &mut Room) -> Result<Table, Error> {
    let mut cells = Vec::new();
    match workbook.worksheet_cells_reader(&name) {
        Ok(mut reader) => {
            while let Some(cell) = reader.next_cell().map_err(unreadable)? {
                if !matches!(cell.get_value(), DataRef::Empty) {
                    let text = text(&Data::from(cell.get_value().clone()));
                    room.take(1, text.len())?;
                    cells.push((cell.get_position(), text));
                }
            }
        }
        // A chart.
        Err(XlsxError::NotAWorksheet(_)) => {}
        Err(error) => return Err(unreadable(error)),
    }
    range(name, cells, room)
}

/// The rows of the smallest range that has all cells.
fn range(name: String, cells: Vec<((u32, u32), String)>, room: &Room) -> Result<Table, Error> {
    let rows = || cells.iter().map(|((row, _), _)| *row as usize);
    let columns = || cells.iter().map(|((_, column), _)| *column as usize);
    let (Some(top), Some(bottom), Some(left), Some(right)) =
        (rows().min(), rows().max(), columns().min(), columns().max())
    else {
        return Ok(Table { name, rows: Vec::new(), first_row: 1 });
    };
    let (height, width) = (bottom - top + 1, right - left + 1);
    room.check_rows(height)?;
    room.check_columns(&format!("the sheet {name}"), width)?;
    check_area(height, width)?;
    let mut rows = vec![vec![String::new(); width]; height];
    for ((row, column), text) in cells {
        rows[row as usize - top][column as usize - left] = text;
    }
    Ok(Table { name, rows, first_row: top + 1 })
}

/// What the parser says of it helps nobody who only has the file.
pub(super) fn unreadable(error: impl std::fmt::Display) -> Error {
    tracing::debug!(%error, "an uploaded workbook cannot be read");
    refused("this is no Excel workbook, or it cannot be read; open it and save it anew as .xlsx")
}

/// As a CSV file would hold it.
fn text(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Data::DateTime(moment) if moment.is_datetime() => date_time(moment.as_f64()),
        other => other.to_string().trim().to_owned(),
    }
}

/// Days since the end of 1899, the time of the day as a fraction.
fn date_time(serial: f64) -> String {
    let seconds = (serial * 86_400.0).round() as i64;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // From the eras of the Gregorian calendar, counted from 1 March of the year 0.
    let days = days - 25_569 + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let date = format!("{year:04}-{month:02}-{day_of_month:02}");
    if second == 0 {
        return date;
    }
    format!("{date} {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_dates() {
        assert_eq!(date_time(45_292.0), "2024-01-01");
        assert_eq!(date_time(45_351.75), "2024-02-29 18:00:00");
        assert_eq!(date_time(1.0), "1899-12-31");
    }

    #[test]
    fn numbers_keep_their_text() {
        assert_eq!(text(&Data::Float(12.0)), "12");
        assert_eq!(text(&Data::Float(0.1)), "0.1");
        assert_eq!(text(&Data::String(" 007 ".into())), "007");
    }
}
