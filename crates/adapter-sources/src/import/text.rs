//! Text files: encoding, delimiter, rows.

use super::{Room, Table, refused};
use ports::source::{Error, Upload};

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines that tell the delimiter.
const SNIFFED: usize = 50;

pub(super) fn table(upload: &Upload, stem: &str, room: &mut Room, notices: &mut Vec<String>) -> Result<Table, Error> {
    let text = decoded(&upload.bytes, notices)?;
    let delimiter = delimiter(&text);
    let mut rows = Vec::new();
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| refused(format!("row {}: {error}; correct the row", index + 1)))?;
        room.check_rows(index + 1)?;
        room.check_columns(&format!("row {}", index + 1), record.len())?;
        room.take(record.len(), record.as_slice().len())?;
        rows.push(record.iter().map(|value| value.trim().to_owned()).collect());
    }
    Ok(Table { name: stem.to_owned(), rows, first_row: 1 })
}

/// UTF-8 and UTF-16 by their marks, else UTF-8, else Windows-1252, which can be read whatever it is.
fn decoded(bytes: &[u8], notices: &mut Vec<String>) -> Result<String, Error> {
    if let Some(rest) = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]) {
        return Ok(String::from_utf8_lossy(rest).into_owned());
    }
    if let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) {
        return Ok(utf16(rest, u16::from_le_bytes));
    }
    if let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) {
        return Ok(utf16(rest, u16::from_be_bytes));
    }
    if bytes.contains(&0) {
        return Err(refused("the file is no text; export it as CSV or as an Excel workbook (.xlsx)"));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    notices.push("The file is not UTF-8: it was read as Windows-1252. Check letters with accents.".to_owned());
    Ok(bytes.iter().map(|byte| windows_1252(*byte)).collect())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// As Latin-1, but for the signs that stand where that has control characters.
fn windows_1252(byte: u8) -> char {
    const SIGNS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => SIGNS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// The one by which the first lines fall into the same number of parts, more than one; quoted text does not count.
fn delimiter(text: &str) -> u8 {
    let mut best = (0, b',');
    for delimiter in DELIMITERS {
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let widths: Vec<usize> =
            reader.into_records().take(SNIFFED).filter_map(|record| Some(record.ok()?.len())).collect();
        let first = widths.first().copied().unwrap_or(1);
        let alike = widths.iter().filter(|width| **width == first).count();
        let score = if first > 1 { alike * 1_000 / widths.len().max(1) * 100 + first.min(99) } else { 0 };
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_that_divides_evenly() {
        assert_eq!(delimiter("a,b\n1,2\n"), b',');
        assert_eq!(delimiter("a;b;c\n1,5;2,5;3\n"), b';');
        assert_eq!(delimiter("a\tb\n1,2\t3\n"), b'\t');
        assert_eq!(delimiter("a|b\n\"x,y,z\"|2\n"), b'|');
        assert_eq!(delimiter("alone\n1\n"), b',');
    }

    #[test]
    fn encodings_are_read() {
        let mut notices = Vec::new();
        assert_eq!(decoded(b"\xef\xbb\xbfa\xc3\xa4", &mut notices).unwrap(), "aä");
        assert_eq!(decoded(b"\xff\xfea\0\xe4\0", &mut notices).unwrap(), "aä");
        assert!(notices.is_empty());
        assert_eq!(decoded(b"\x80 \xe4", &mut notices).unwrap(), "€ ä");
        assert_eq!(notices.len(), 1);
        assert!(decoded(b"a\0b", &mut notices).is_err());
    }
}
