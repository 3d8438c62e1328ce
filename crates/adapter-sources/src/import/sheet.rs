//! Spreadsheets: each sheet is a table.

use super::{Table, check_size, refused};
use calamine::{Data, Reader, Xlsx};
use ports::source::{Error, ImportLimits, Upload};
use std::io::Cursor;

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

pub(super) fn tables(upload: &Upload, format: Format, limits: ImportLimits) -> Result<Vec<Table>, Error> {
    if matches!(format, Format::Xls) {
        return Err(refused("the old Excel format (.xls) is not read; save the workbook as .xlsx or as CSV"));
    }
    let unreadable =
        |error: calamine::XlsxError| refused(format!("the workbook cannot be read ({error}); save it anew"));
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(upload.bytes.as_slice())).map_err(unreadable)?;
    let mut tables = Vec::new();
    for name in workbook.sheet_names() {
        let range = workbook.worksheet_range(&name).map_err(unreadable)?;
        let first_row = range.start().map_or(1, |(row, _)| row as usize + 1);
        let mut rows = Vec::new();
        for (index, cells) in range.rows().enumerate() {
            check_size(index + 1, cells.len(), limits)?;
            rows.push(cells.iter().map(text).collect());
        }
        tables.push(Table { name, rows, first_row });
    }
    Ok(tables)
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
