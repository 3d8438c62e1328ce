//! The ZIP archive that a workbook is. What it says of its own size is not believed: it is inflated once, and only
//! counted.

use super::refused;
use super::sheet::unreadable;
use ports::source::{Error, ImportLimits};
use std::io::{self, Cursor, Read};
use zip::ZipArchive;

/// Bytes of the parts, inflated, for each byte that the database may have: XML is wordy.
const INFLATED: u64 = 4;
/// Parts of an archive. A workbook has one for each sheet, and one or two for what is drawn on it.
const MAX_PARTS: usize = 10_000;

/// Refuses an archive that would be too large.
pub(super) fn check(bytes: &[u8], limits: ImportLimits) -> Result<(), Error> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    if archive.len() > MAX_PARTS {
        return Err(refused(format!(
            "the workbook has more than {MAX_PARTS} parts; save its sheets one by one as CSV"
        )));
    }
    let most = INFLATED.saturating_mul(limits.max_database_bytes as u64);
    let mut room = most;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(unreadable)?;
        let read = match part.size() > room {
            true => part.size(),
            false => io::copy(&mut part.take(room.saturating_add(1)), &mut io::sink()).map_err(unreadable)?,
        };
        room = room.checked_sub(read).ok_or_else(|| too_large(most))?;
    }
    Ok(())
}

fn too_large(most: u64) -> Error {
    let most = most >> 20;
    refused(format!("unpacked, the workbook is larger than {most} MiB; split it, or save its sheets as CSV"))
}
