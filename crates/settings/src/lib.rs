//! What can be set: one struct a section, defaults in a commented file that is compiled in (`askline.default.toml`),
//! an optional file over it, the environment over that.
//!
//! `ASKLINE_SERVER__LISTEN=0.0.0.0:80` sets `server.listen`. Secrets (section `secrets`, and a provider's key) come
//! from the environment only, or from a file that the environment names: `ASKLINE_SECRETS__JWT_SECRET_FILE=/run/…`.

mod load;
mod sections;

pub use load::{DEFAULTS, Error, Source, json_schema, load};
pub use sections::*;
