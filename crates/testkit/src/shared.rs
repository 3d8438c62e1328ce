use std::path::{Path, PathBuf};

/// The folder of shared test data; `None`, and a word about it, when it is not there.
pub fn shared_data(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ASKLINE_SHARED_DATA").map_or_else(beside_the_checkout, PathBuf::from);
    let wanted = root.join(what);
    if wanted.exists() {
        return Some(wanted);
    }
    eprintln!("skipped: {} is not here (set ASKLINE_SHARED_DATA)", wanted.display());
    None
}

fn beside_the_checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data")
}
