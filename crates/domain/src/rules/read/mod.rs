//! The rules. Each reads the items it understands and leaves the others to the next.

pub mod absence;
pub mod extremes;
pub mod figures;
pub mod flags;
pub mod grouping;
pub mod numbers;
pub mod ordering;
pub mod searches;
pub mod selection;
pub mod targets;
pub mod texts;
pub mod times;

use super::reader::Reader;

/// Applies every rule, the most specific first.
pub fn all(reader: &mut Reader) {
    extremes::read(reader);
    ordering::read(reader);
    texts::read(reader);
    flags::read(reader);
    times::read(reader);
    numbers::read(reader);
    absence::read(reader);
    grouping::read(reader);
    figures::read(reader);
    selection::read(reader);
}
