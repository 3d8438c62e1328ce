use ports::source::{Access, Error, Source};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// Stands for an access, so that no credentials are kept as a key.
type Fingerprint = [u8; 32];

/// The sources that were asked for last, the latest at the end.
pub(crate) struct Opened {
    max_open: usize,
    sources: Mutex<Vec<(Fingerprint, Arc<dyn Source>)>>,
}

impl Opened {
    pub(crate) fn new(max_open: usize) -> Self {
        Self { max_open: max_open.max(1), sources: Mutex::default() }
    }

    /// The source of an access, opened when it is not. Opening connects to nothing, so the lock is short.
    pub(crate) fn get_or_open(
        &self,
        access: &Access,
        open: impl FnOnce() -> Result<Arc<dyn Source>, Error>,
    ) -> Result<Arc<dyn Source>, Error> {
        let fingerprint = fingerprint(access);
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let source = match sources.iter().position(|(known, _)| *known == fingerprint) {
            Some(index) => sources.remove(index).1,
            None => open()?,
        };
        sources.push((fingerprint, source.clone()));
        if sources.len() > self.max_open {
            sources.remove(0);
        }
        Ok(source)
    }
}

fn fingerprint(access: &Access) -> Fingerprint {
    Sha256::new().chain_update(access.dialect.as_str()).chain_update([0]).chain_update(&access.url).finalize().into()
}

#[cfg(test)]
mod tests {
    use crate::{Limits, SqlSources};
    use contracts::Dialect;
    use ports::Sources;
    use ports::source::Access;
    use std::sync::Arc;

    fn access(name: &str) -> Access {
        Access { dialect: Dialect::Sqlite, url: format!("sqlite:/{name}") }
    }

    #[tokio::test]
    async fn an_access_is_opened_once_and_the_oldest_is_forgotten() {
        let sources =
            SqlSources::new(Limits { max_connections: 1, max_open: 2, sqlite_root: None, files: std::env::temp_dir() });
        let first = sources.open(&access("a")).await.unwrap();
        assert!(Arc::ptr_eq(&first, &sources.open(&access("a")).await.unwrap()));
        sources.open(&access("b")).await.unwrap();
        sources.open(&access("c")).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &sources.open(&access("a")).await.unwrap()));
    }
}
