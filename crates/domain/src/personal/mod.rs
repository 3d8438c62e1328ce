//! Personal data: what tells who somebody is, how to contact them, or how to pay as them. It is found by the name of a
//! column and by the shape of a value, with the check digits that the shape has.

mod checks;
mod ids;
mod mask;
mod names;
mod numbers;
mod rows;
mod scan;
mod shield;
mod sight;

pub use mask::mask_text;
pub use names::is_personal_name;
pub use rows::Masking;
pub use scan::{Found, Kind, find};
pub use shield::Shield;
pub use sight::Sight;

/// Whether a text holds personal data.
pub fn is_personal_value(text: &str) -> bool {
    !find(text).is_empty()
}
