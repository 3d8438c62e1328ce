//! Databases that were made of uploaded files, as this machine keeps them: a folder for each business, and in it files
//! that are called by what they hold.

use contracts::{BusinessId, Dialect};
use ports::source::{Access, Error};
use std::path::{Path, PathBuf};
use tokio::fs;

/// Before the path of such a database. A person cannot enter it: the API takes URLs of databases only.
pub(crate) const SCHEME: &str = "placed:";
/// Files of one business that are kept; whoever needs another one fetches it again.
const KEPT: usize = 64;

pub(crate) async fn find(folder: &Path, business: &BusinessId, sha256: &str) -> Option<Access> {
    let path = path(folder, business, sha256)?;
    fs::metadata(&path).await.ok().filter(std::fs::Metadata::is_file)?;
    Some(access(&path))
}

/// Written beside its place and moved there, so that who looks finds all of it or nothing.
pub(crate) async fn keep(
    folder: &Path,
    business: &BusinessId,
    sha256: &str,
    database: Vec<u8>,
) -> Result<Access, Error> {
    let Some(path) = path(folder, business, sha256) else {
        return Err(Error::File("its name is not one of ours".to_owned()));
    };
    let own = path.parent().unwrap_or(folder);
    let unwritable = |error: std::io::Error| Error::Unreachable(format!("the folder for files: {}", error.kind()));
    fs::create_dir_all(own).await.map_err(unwritable)?;
    forget_oldest(own).await.map_err(unwritable)?;
    let draft = tempfile::NamedTempFile::new_in(own).map_err(unwritable)?;
    fs::write(draft.path(), database).await.map_err(unwritable)?;
    draft.persist(&path).map_err(|error| unwritable(error.error))?;
    Ok(access(&path))
}

async fn forget_oldest(folder: &Path) -> std::io::Result<()> {
    let mut files = Vec::new();
    let mut entries = fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        files.push((entry.metadata().await?.modified()?, entry.path()));
    }
    files.sort();
    for (_, file) in files.iter().take(files.len().saturating_sub(KEPT - 1)) {
        fs::remove_file(file).await?;
    }
    Ok(())
}

fn access(path: &Path) -> Access {
    Access { dialect: Dialect::Sqlite, url: format!("{SCHEME}{}", path.display()) }
}

/// Nothing when a part could lead out of the folder.
fn path(folder: &Path, business: &BusinessId, sha256: &str) -> Option<PathBuf> {
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    (plain(business.as_str()) && plain(sha256)).then(|| folder.join(business.as_str()).join(format!("{sha256}.db")))
}
