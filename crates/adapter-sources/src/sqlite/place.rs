//! Where the file of a source may lie.

use crate::reserved::Reserved;
use ports::source::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that a URL names, and where such files may lie.
#[derive(Clone)]
pub(crate) struct Place {
    pub(super) path: PathBuf,
    /// The folder that it must lie in; `None`: any.
    pub(super) root: Option<PathBuf>,
    /// The application's own files, of which it may be none; `None`: it is one of them.
    pub(super) reserved: Option<Arc<Reserved>>,
}

impl Place {
    /// The file as it is now: it may have been replaced by a link since the last statement. Blocks.
    pub(super) fn find(&self) -> Result<PathBuf, Error> {
        let file = match fs::canonicalize(&self.path) {
            Ok(file) => file,
            Err(error) => return Err(self.missing(&error)),
        };
        if let Some(root) = &self.root {
            let root = fs::canonicalize(root)
                .map_err(|error| Error::Settings(format!("the folder for SQLite files: {}", error.kind())))?;
            if !file.starts_with(&root) {
                return Err(self.outside());
            }
        }
        if let Some(reserved) = &self.reserved {
            self.must_not_be_ours(reserved.holds(&file))?;
        }
        if !fs::metadata(&file).is_ok_and(|data| data.is_file()) {
            return Err(Error::Settings(format!("{} is no file", self.path.display())));
        }
        Ok(file)
    }

    /// Whether a person named it; else it is one of ours.
    pub(super) fn is_a_persons(&self) -> bool {
        self.reserved.is_some()
    }

    /// Whether a file elsewhere exists is none of the asker's business.
    fn missing(&self, error: &io::Error) -> Error {
        if self.root.as_ref().is_some_and(|root| !self.path.starts_with(root)) {
            return self.outside();
        }
        let ours = self.reserved.as_ref().map(|reserved| reserved.would_hold(&self.path));
        if let Some(Err(error)) = ours.map(|ours| self.must_not_be_ours(ours)) {
            return error;
        }
        let shown = self.path.display();
        Error::Settings(format!("{shown} cannot be opened ({}); name an existing SQLite file", error.kind()))
    }

    fn outside(&self) -> Error {
        let shown = self.path.display();
        Error::Settings(format!("{shown} lies outside the folder that SQLite files must lie in"))
    }

    fn must_not_be_ours(&self, ours: io::Result<bool>) -> Result<(), Error> {
        let shown = self.path.display();
        match ours {
            Ok(false) => Ok(()),
            Ok(true) => Err(Error::Settings(format!(
                "{shown} lies in the folder of Askline's own data, which no connection may read; name a file elsewhere"
            ))),
            Err(error) => Err(Error::Settings(format!("{shown} cannot be checked ({})", error.kind()))),
        }
    }
}

/// `sqlite:path` or `sqlite://path`. What follows is a path as it is: nothing is decoded and nothing can be set.
pub(super) fn path_of(url: &str) -> Result<&Path, Error> {
    let Some(path) = url.strip_prefix("sqlite:") else {
        return Err(Error::Settings("use sqlite:/path/to/file".to_owned()));
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path == ":memory:" {
        return Err(Error::Settings("the URL names no file; use sqlite:/path/to/file".to_owned()));
    }
    Ok(Path::new(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file() {
        for (url, path) in [("sqlite:/a b.db", "/a b.db"), ("sqlite:///a.db", "/a.db"), ("sqlite:a%20.db", "a%20.db")] {
            assert_eq!(path_of(url).unwrap(), Path::new(path));
        }
        for url in ["/a.db", "sqlite:", "sqlite::memory:", "sqlite://"] {
            assert!(matches!(path_of(url), Err(Error::Settings(_))), "{url}");
        }
    }
}
